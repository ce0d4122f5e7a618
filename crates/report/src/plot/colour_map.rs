//! From a number to a colour.

use super::style::Colour;

/// How a range of numbers is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourMap {
    /// Dark to bright in even steps of lightness (after matplotlib's viridis): for amounts.
    #[default]
    Sequential,
    /// Blue through white to red: for values with a meaningful zero, such as cosine similarity.
    Diverging,
}

const SEQUENTIAL: [Colour; 9] = [
    [0x44, 0x01, 0x54],
    [0x47, 0x2d, 0x7b],
    [0x3b, 0x52, 0x8b],
    [0x2c, 0x72, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x28, 0xae, 0x80],
    [0x5e, 0xc9, 0x62],
    [0xad, 0xdc, 0x30],
    [0xfd, 0xe7, 0x25],
];

const DIVERGING: [Colour; 7] = [
    [0x21, 0x66, 0xac],
    [0x67, 0xa9, 0xcf],
    [0xd1, 0xe5, 0xf0],
    [0xf7, 0xf7, 0xf7],
    [0xfd, 0xdb, 0xc7],
    [0xef, 0x8a, 0x62],
    [0xb2, 0x18, 0x2b],
];

impl ColourMap {
    /// The colour at `fraction` of the range, 0 to 1; beyond it, the end's colour.
    pub(super) fn colour(self, fraction: f64) -> Colour {
        match self {
            Self::Sequential => blend(&SEQUENTIAL, fraction),
            Self::Diverging => blend(&DIVERGING, fraction),
        }
    }
}

fn blend<const N: usize>(anchors: &[Colour; N], fraction: f64) -> Colour {
    let place = fraction.clamp(0.0, 1.0) * (N - 1) as f64;
    let below = (place as usize).min(N - 2);
    let weight = place - below as f64;
    let (from, to) = (anchors[below], anchors[below + 1]);
    std::array::from_fn(|channel| {
        (f64::from(from[channel]) * (1.0 - weight) + f64::from(to[channel]) * weight).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_the_anchors_and_hold_beyond_the_range() {
        for map in [ColourMap::Sequential, ColourMap::Diverging] {
            assert_eq!(map.colour(0.0), map.colour(-3.0));
            assert_eq!(map.colour(1.0), map.colour(7.0));
        }
        assert_eq!(ColourMap::Sequential.colour(1.0), SEQUENTIAL[8]);
        assert_eq!(ColourMap::Diverging.colour(0.5), DIVERGING[3]);
    }

    #[test]
    fn the_sequential_map_grows_lighter() {
        let lightness = |step: u32| {
            let [red, green, blue] = ColourMap::Sequential
                .colour(f64::from(step) / 40.0)
                .map(f64::from);
            0.299 * red + 0.587 * green + 0.114 * blue
        };
        assert!((0..40).all(|step| lightness(step) < lightness(step + 1)));
    }
}
