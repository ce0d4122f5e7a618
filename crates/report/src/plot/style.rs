//! Colours and sizes of every plot. Lengths are pixels at the plot's own size.

use super::categories;

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

/// Colours with what takes their place where a reader prefers dark surroundings.
const DARK: [(Colour, Colour); 5] = [
    (BACKGROUND, [0x14, 0x18, 0x1d]),
    (INK, [0xe4, 0xe8, 0xec]),
    (MUTED, [0x9a, 0xa5, 0xb1]),
    (GRID, [0x34, 0x3c, 0x45]),
    (MISSING, [0x3a, 0x42, 0x4b]),
];

/// The rules that change the colours of a picture of this class in the dark: of those that are in it.
pub(super) fn in_the_dark(class: &str, picture: &str) -> String {
    let hex = |[red, green, blue]: Colour| format!("#{red:02x}{green:02x}{blue:02x}");
    let colours = DARK.into_iter().chain(categories::in_the_dark());
    let rules = colours.flat_map(|(light, dark)| {
        ["fill", "stroke"].map(|what| {
            let (light, dark) = (hex(light), hex(dark));
            // The writer of pictures has capital digits.
            match picture.contains(&format!("{what}=\"{}\"", light.to_uppercase())) {
                true => format!(".{class} [{what}=\"{light}\" i]{{{what}:{dark}}}"),
                false => String::new(),
            }
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
