//! Which colour tells what apart: a model has one of its own in every picture, whatever else is shown.

use super::style::Colour;

/// A colour on white, what takes its place where a reader prefers dark surroundings, and what it belongs to. The first seven are
/// Okabe and Ito's for readers of every colour vision, without their yellow, which fades on white; the other models' are after Paul
/// Tol's. The last five are for what is no model, and as far from all of these as there is room.
struct Category {
    light: Colour,
    dark: Colour,
    owners: &'static [&'static str],
}

/// How many colours are models'.
const MODELS: usize = 15;

#[rustfmt::skip]
const CATEGORIES: [Category; MODELS + 5] = [
    Category { light: [0x00, 0x72, 0xb2], dark: [0x3d, 0x93, 0xe0], owners: &["mnm-p"] },
    Category { light: [0xd5, 0x5e, 0x00], dark: [0xf0, 0x8a, 0x3c], owners: &["mnm-g"] },
    Category { light: [0x00, 0x9e, 0x73], dark: [0x2b, 0xc2, 0x9a], owners: &["lstm"] },
    Category { light: [0xcc, 0x79, 0xa7], dark: [0xdd, 0x96, 0xbe], owners: &["lstm-salu"] },
    Category { light: [0xe6, 0x9f, 0x00], dark: [0xe6, 0x9f, 0x00], owners: &["ntm"] },
    Category { light: [0x56, 0xb4, 0xe9], dark: [0xa9, 0xdc, 0xf5], owners: &["dnc"] },
    Category { light: [0x4d, 0x4d, 0x4d], dark: [0xb4, 0xba, 0xc0], owners: &["deep"] },
    Category { light: [0x3b, 0x2c, 0x8f], dark: [0x8f, 0x88, 0xea], owners: &["delta"] },
    Category { light: [0x9a, 0x35, 0x8a], dark: [0xcb, 0x6c, 0xbd], owners: &["gated-delta"] },
    Category { light: [0x8a, 0x8a, 0x1f], dark: [0xb9, 0xb9, 0x4f], owners: &["hebbian"] },
    Category { light: [0x88, 0x22, 0x55], dark: [0xd6, 0x5c, 0x93], owners: &["rls", "least squares"] },
    Category { light: [0x7a, 0x4a, 0x1e], dark: [0xb9, 0x87, 0x56], owners: &["titans"] },
    Category { light: [0x11, 0x66, 0x2e], dark: [0x57, 0xae, 0x6e], owners: &["oja"] },
    Category { light: [0xc2, 0x4d, 0x5c], dark: [0xe0, 0x7f, 0x8b], owners: &["plastic"] },
    Category { light: [0x0e, 0x7c, 0x86], dark: [0x45, 0xb3, 0xbd], owners: &["dfa"] },
    Category { light: [0x74, 0x33, 0xf0], dark: [0xa2, 0x4d, 0xff], owners: &[] },
    Category { light: [0x4f, 0x9a, 0x00], dark: [0xd2, 0xf2, 0x4a], owners: &[] },
    Category { light: [0xd6, 0x21, 0x8f], dark: [0xff, 0x5c, 0xc8], owners: &[] },
    Category { light: [0x5a, 0x1a, 0x10], dark: [0xff, 0xc9, 0xb0], owners: &[] },
    Category { light: [0x2e, 0x4f, 0xd6], dark: [0x4d, 0x6d, 0xff], owners: &[] },
];

/// How many groups of one model are told apart by lighter and darker forms of its colour.
const SHADES: usize = 3;

impl Category {
    fn owns(&self, label: &str) -> bool {
        let followed = |rest: &str| rest.is_empty() || rest.starts_with([' ', ',', ':']);
        (self.owners.iter()).any(|owner| label.strip_prefix(owner).is_some_and(followed))
    }

    /// The colour itself, a lighter form and a darker one: on white, and in dark surroundings, where the last is the brightest.
    fn shade(&self, number: usize) -> (Colour, Colour) {
        match number {
            0 => (self.light, self.dark),
            1 => (
                mixed(self.light, [0xff; 3], 0.45),
                mixed(self.dark, [0x14, 0x18, 0x1d], 0.3),
            ),
            _ => (
                mixed(self.light, [0; 3], 0.45),
                mixed(self.dark, [0xff; 3], 0.55),
            ),
        }
    }
}

/// `share` of the second, the rest of the first.
fn mixed(first: Colour, second: Colour, share: f64) -> Colour {
    let part = |index: usize| {
        let (from, to) = (f64::from(first[index]), f64::from(second[index]));
        (from + (to - from) * share).round() as u8
    };
    [part(0), part(1), part(2)]
}

/// Every colour with what takes its place in the dark.
pub(super) fn in_the_dark() -> impl Iterator<Item = (Colour, Colour)> {
    let shades = |category| (0..SHADES).map(move |number| Category::shade(category, number));
    CATEGORIES.iter().flat_map(shades)
}

/// A colour for each label. What is called by a model's name, alone or followed by more ("mnm-p, heads 4"), has that model's, from a
/// second group of it on a lighter and a darker form. The others have the colours that are no model's, and after those the first of
/// models that are not shown.
pub(super) fn categories<'a>(labels: impl IntoIterator<Item = &'a str>) -> Vec<Colour> {
    let mut shown = [0; CATEGORIES.len()];
    let owned: Vec<Option<Colour>> = labels
        .into_iter()
        .map(|label| {
            let label = label.to_lowercase();
            let place = CATEGORIES.iter().position(|known| known.owns(&label))?;
            shown[place] += 1;
            (shown[place] <= SHADES).then(|| CATEGORIES[place].shade(shown[place] - 1).0)
        })
        .collect();
    let mut free = (MODELS..CATEGORIES.len())
        .chain(0..MODELS)
        .filter(|place| shown[*place] == 0)
        .cycle();
    owned
        .into_iter()
        .map(|own| own.unwrap_or_else(|| CATEGORIES[free.next().unwrap_or(MODELS)].light))
        .collect()
}

/// The index-th colour that is no model's.
pub(super) fn no_model(index: usize) -> Colour {
    CATEGORIES[MODELS + index % (CATEGORIES.len() - MODELS)].light
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(index: usize) -> Colour {
        CATEGORIES[index].light
    }

    /// How much brighter one colour is than another, by the rule of the web's guidelines for accessibility.
    fn contrast(one: Colour, other: Colour) -> f64 {
        let luminance = |colour: Colour| {
            let linear = |part: u8| match f64::from(part) / 255.0 {
                dark if dark <= 0.04045 => dark / 12.92,
                bright => ((bright + 0.055) / 1.055).powf(2.4),
            };
            let [red, green, blue] = colour.map(linear);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn what_is_no_model_has_no_models_colour() {
        let models: Vec<Colour> = (0..MODELS).map(category).collect();
        let labels = ["training", "validation", "before", "after", "rate"];
        for colour in categories(labels) {
            assert!(!models.contains(&colour), "{colour:02x?}");
        }
        assert_eq!(categories(labels)[..2], [no_model(0), no_model(1)]);
        let mixed = categories(["other", "mnm-p", "another", "lstm"]);
        assert_eq!(mixed, [no_model(0), category(0), no_model(1), category(2)]);
        // More than there are: those of models that are not shown, none of them twice.
        let mut many = categories(["mnm-p", "a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(many[6..], [category(1), category(2)]);
        many.sort_unstable();
        many.dedup();
        assert_eq!(many.len(), 8);
    }

    #[test]
    fn what_is_no_model_is_read_on_white_and_in_the_dark() {
        for Category { light, dark, .. } in &CATEGORIES[MODELS..] {
            let (on_white, in_dark) = (
                contrast(*light, [0xff; 3]),
                contrast(*dark, [0x14, 0x18, 0x1d]),
            );
            assert!(on_white >= 3.0, "{light:02x?}: {on_white}");
            assert!(in_dark >= 3.0, "{dark:02x?}: {in_dark}");
        }
    }

    #[test]
    fn a_model_has_one_colour_whatever_else_is_shown() {
        let blue = category(0);
        assert_eq!(
            categories(["lstm", "mnm-p", "other"]),
            [category(2), blue, no_model(0)]
        );
        assert_eq!(categories(["MNM-p, heads 4", "mnm-p"])[0], blue);
        assert_eq!(categories(["lstm-salu"]), [category(3)]);
        let deep = "deep, 2 layers, 4 steps";
        assert_eq!(
            categories(["hebbian", "delta", "mnm-g, 2 layers", deep])[1..],
            categories(["delta, rate 0.5", "mnm-g", deep])
        );
        assert_eq!(
            categories(["rls"]),
            categories(["least squares, tanh features"])
        );
    }

    #[test]
    fn groups_of_one_model_are_shades_of_its_colour() {
        let three = categories(["mnm-p, heads 4", "mnm-p, heads 1", "mnm-p, heads 2"]);
        assert_eq!(three, [0, 1, 2].map(|number| CATEGORIES[0].shade(number).0));
        let fourth = categories(["mnm-p a"; 4].map(|label| &label[..5]))[3];
        assert_eq!(fourth, no_model(0), "the first that is free");
        let mut all: Vec<_> = in_the_dark().map(|(light, _)| light).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), CATEGORIES.len() * SHADES);
    }
}
