//! Colours and sizes of every plot. Lengths are pixels at the plot's own size.

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

pub(super) const BACKGROUND: Colour = [0xff, 0xff, 0xff];
pub(super) const INK: Colour = [0x1f, 0x29, 0x33];
pub(super) const MUTED: Colour = [0x5b, 0x66, 0x70];
pub(super) const GRID: Colour = [0xe3, 0xe7, 0xeb];
pub(super) const MISSING: Colour = [0xd0, 0xd4, 0xd8];

/// Of what is only there to compare with.
pub(super) const REFERENCE: Colour = [0x8a, 0x94, 0x9e];

pub(super) const TITLE_SIZE: f64 = 15.0;
pub(super) const TEXT_SIZE: f64 = 12.5;
pub(super) const TICK_SIZE: f64 = 11.5;
pub(super) const NOTE_SIZE: f64 = 11.0;

/// Space between the picture's edge and what is in it.
pub(super) const MARGIN: f64 = 16.0;

/// Okabe and Ito's colours for readers of every colour vision, without their yellow, which fades on white.
const CATEGORIES: [Colour; 7] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
    [0x4d, 0x4d, 0x4d],
];

/// Colours with what takes their place where a reader prefers dark surroundings.
const DARK: [(Colour, Colour); 11] = [
    (BACKGROUND, [0x14, 0x18, 0x1d]),
    (INK, [0xe4, 0xe8, 0xec]),
    (MUTED, [0x9a, 0xa5, 0xb1]),
    (GRID, [0x34, 0x3c, 0x45]),
    (MISSING, [0x3a, 0x42, 0x4b]),
    (CATEGORIES[0], [0x3d, 0x93, 0xe0]),
    (CATEGORIES[1], [0xf0, 0x8a, 0x3c]),
    (CATEGORIES[2], [0x2b, 0xc2, 0x9a]),
    (CATEGORIES[3], [0xdd, 0x96, 0xbe]),
    (CATEGORIES[5], [0xa9, 0xdc, 0xf5]),
    (CATEGORIES[6], [0xb4, 0xba, 0xc0]),
];

/// The rules that change the colours of a picture of this class in the dark.
pub(super) fn in_the_dark(class: &str) -> String {
    let hex = |[red, green, blue]: Colour| format!("#{red:02x}{green:02x}{blue:02x}");
    let rules = DARK.iter().flat_map(|(light, dark)| {
        ["fill", "stroke"].map(|what| {
            let (light, dark) = (hex(*light), hex(*dark));
            format!(".{class} [{what}=\"{light}\" i]{{{what}:{dark}}}")
        })
    });
    let rules: String = rules.collect();
    format!("@media(prefers-color-scheme:dark){{{rules}}}")
}

/// A line that is broken: the lengths of its strokes and of the gaps between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dash {
    pub stroke: f64,
    pub gap: f64,
}

/// How the index-th line to compare with is drawn: in a grey, and broken in a way of its own. They repeat after five.
pub(super) fn reference(index: usize) -> (Colour, Dash) {
    const LINES: [(Colour, f64, f64); 5] = [
        (INK, 9.0, 4.0),
        (REFERENCE, 5.0, 3.0),
        (MUTED, 2.0, 2.5),
        ([0x9a, 0xa5, 0xb1], 14.0, 4.0),
        (INK, 1.5, 5.0),
    ];
    let (colour, stroke, gap) = LINES[index % LINES.len()];
    (colour, Dash { stroke, gap })
}

/// What keeps a colour, as a place in [`CATEGORIES`]: whatever else a picture shows, a model looks the same in all. So do the
/// rules of bare memories, beside which only one model stands (MNM-g).
const KNOWN: [(&str, usize); 10] = [
    ("mnm-p", 0),
    ("mnm-g", 1),
    ("lstm", 2),
    ("lstm-salu", 3),
    ("ntm", 4),
    ("dnc", 5),
    ("hebbian", 0),
    ("delta", 2),
    ("least squares", 4),
    ("deep", 6),
];

/// A colour for each label: its own for what is called by a known name, alone or followed by more ("mnm-p, heads 4"); for the others,
/// and for a name's second group, the first colours that are free. They repeat after seven.
pub(super) fn categories<'a>(labels: impl IntoIterator<Item = &'a str>) -> Vec<Colour> {
    let known = |label: &str| {
        let label = label.to_lowercase();
        let rest = |name: &str| label.strip_prefix(name).map(|rest| rest.chars().next());
        let own =
            |(name, _): &&(&str, usize)| matches!(rest(name), Some(None | Some(' ' | ',' | ':')));
        KNOWN.iter().find(own).map(|(_, place)| *place)
    };
    let mut taken = Vec::new();
    let owned: Vec<Option<usize>> = labels
        .into_iter()
        .map(|label| {
            let own = known(label).filter(|own| !taken.contains(own));
            taken.extend(own);
            own
        })
        .collect();
    let mut free = (0..).filter(|index| !taken.contains(index));
    owned
        .into_iter()
        .map(|own| category(own.or_else(|| free.next()).unwrap_or_default()))
        .collect()
}

/// The colour of the index-th category; they repeat after seven.
pub(super) fn category(index: usize) -> Colour {
    CATEGORIES[index % CATEGORIES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_one_colour_whatever_else_is_shown() {
        let blue = category(0);
        assert_eq!(
            categories(["lstm", "mnm-p", "other"]),
            [category(2), blue, category(1)]
        );
        assert_eq!(categories(["MNM-p, heads 4", "mnm-p"])[0], blue);
        assert_ne!(categories(["mnm-p, heads 4", "mnm-p, heads 1"])[1], blue);
        assert_eq!(categories(["lstm-salu"]), [category(3)]);
        let deep = "deep, 2 layers, 4 steps";
        assert_eq!(
            categories(["hebbian", "delta", "mnm-g, 2 layers", deep])[1..],
            categories(["delta, rate 0.5", "mnm-g", deep])
        );
        assert_eq!(categories(["a", "b"]), [category(0), category(1)]);
    }
}
