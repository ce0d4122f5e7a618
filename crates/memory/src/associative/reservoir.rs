//! A sample of the pairs that were written, to see what has become of them.

use mnm_tensor::kernels::{Kernels, dot};

/// A uniform sample of all pairs so far (Vitter's algorithm R, 1985). A pair whose key is written again takes its new value. Where a pair of
/// the sample was forgotten, the next new one takes its place, so that late pairs are somewhat more likely from then on.
#[derive(Clone, Debug)]
pub(super) struct Reservoir<F> {
    widths: [usize; 2],
    capacity: usize,
    /// Pairs that it was drawn from.
    pub(super) seen: u64,
    /// The state of the generator.
    pub(super) state: u64,
    keys: Vec<F>,
    values: Vec<F>,
    /// The first entry of every key: most keys are told apart by it, at the least cost.
    firsts: Vec<F>,
    /// The product of every key with `probe`: different keys are told apart by it, whichever entries they have in common.
    marks: Vec<F>,
    /// Random numbers, the same ones for all keys of a width. None where there is no room for a pair.
    probe: Vec<F>,
}

impl<F: Kernels> Reservoir<F> {
    /// Room for `capacity` pairs of these widths, of which up to 4,096 are allocated now; fewer of wide ones, as a file may say any number.
    pub(super) fn new(widths: [usize; 2], capacity: usize) -> Self {
        let wide = widths[0].saturating_add(widths[1]).max(1);
        let room = capacity.min(4096).min((1 << 22) / wide);
        let mut state = 0;
        // From -1 to 1.
        let number = |_| F::of(splitmix64(&mut state) as i64 as f64 / 2f64.powi(63));
        let width = if capacity == 0 { 0 } else { widths[0] };
        Self {
            widths,
            capacity,
            seen: 0,
            state: 0,
            keys: Vec::with_capacity(room * widths[0]),
            values: Vec::with_capacity(room * widths[1]),
            firsts: Vec::with_capacity(room),
            marks: Vec::with_capacity(room),
            probe: (0..width).map(number).collect(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Pairs in it.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// Keys \[len, key], and their values \[len, value].
    pub(super) fn pairs(&self) -> (&[F], &[F]) {
        (&self.keys, &self.values)
    }

    /// What equal keys have in common, and others hardly ever.
    fn mark(&self, key: &[F]) -> F {
        let mark = dot(key, &self.probe);
        // NaN, of sums beyond every number, is not even equal to itself.
        if mark.is_nan() { F::zero() } else { mark }
    }

    /// The places of the keys that have this mark.
    fn marked(&self, mark: F) -> impl Iterator<Item = usize> {
        // Eight at a time, and seldom one by one.
        let eights = self.marks.chunks(8).enumerate();
        let near = eights.filter(move |(_, marks)| some(marks, mark));
        near.flat_map(move |(eight, marks)| {
            let places = (8 * eight..).zip(marks);
            places.filter_map(move |(place, &other)| (other == mark).then_some(place))
        })
    }

    /// Where a key is.
    fn place(&self, key: &[F]) -> Option<usize> {
        let mut eights = self.firsts.chunks(8);
        if !eights.any(|firsts| some(firsts, key[0])) {
            return None;
        }
        self.marked(self.mark(key))
            .find(|place| equal(&self.keys[place * key.len()..][..key.len()], key))
    }

    /// Sees a pair that was written.
    pub(super) fn see(&mut self, key: &[F], value: &[F]) {
        if self.capacity == 0 {
            return;
        }
        if let Some(place) = self.place(key) {
            return self.value_mut(place).copy_from_slice(value);
        }
        self.seen += 1;
        if self.len() < self.capacity {
            self.push(key, value);
        } else {
            let draw = below(self.seen, splitmix64(&mut self.state));
            if draw < self.capacity as u64 {
                self.set(draw as usize, key, value);
            }
        }
    }

    /// Adds a pair where there is room.
    pub(super) fn push(&mut self, key: &[F], value: &[F]) {
        self.keys.extend_from_slice(key);
        self.values.extend_from_slice(value);
        self.firsts.push(key[0]);
        self.marks.push(self.mark(key));
    }

    fn value_mut(&mut self, place: usize) -> &mut [F] {
        let width = self.widths[1];
        &mut self.values[place * width..][..width]
    }

    fn set(&mut self, place: usize, key: &[F], value: &[F]) {
        let width = self.widths[0];
        self.keys[place * width..][..width].copy_from_slice(key);
        self.value_mut(place).copy_from_slice(value);
        self.firsts[place] = key[0];
        self.marks[place] = self.mark(key);
    }

    /// Drops a key that is to be forgotten.
    pub(super) fn forget(&mut self, key: &[F]) {
        if let Some(place) = self.place(key) {
            let [k, v] = self.widths;
            let last = self.len() - 1;
            self.keys.copy_within(last * k.., place * k);
            self.values.copy_within(last * v.., place * v);
            self.keys.truncate(last * k);
            self.values.truncate(last * v);
            self.firsts.swap_remove(place);
            self.marks.swap_remove(place);
        }
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
        self.firsts.clear();
        self.marks.clear();
        (self.seen, self.state) = (0, 0);
    }
}

/// Whether two keys of one width are the same. All entries are looked at: a processor compares many at a time, if none decides about the next.
fn equal<F: PartialEq>(one: &[F], other: &[F]) -> bool {
    one.iter()
        .zip(other)
        .fold(true, |same, (a, b)| same & (a == b))
}

/// Whether one of them is this one. Of eight the compiler knows that they are eight, and compares them side by side.
fn some<F: Copy + PartialEq>(entries: &[F], entry: F) -> bool {
    let any = |entries: &[F]| entries.iter().fold(false, |any, &x| any | (x == entry));
    match entries.first_chunk::<8>() {
        Some(eight) if entries.len() == eight.len() => any(eight),
        _ => any(entries),
    }
}

/// A whole number below `end`, from 64 random bits: the upper half of their product (Lemire 2019), which takes no division.
fn below(end: u64, bits: u64) -> u64 {
    ((u128::from(end) * u128::from(bits)) >> 64) as u64
}

/// Steele, Lea and Flood's generator (2014): one number of state, so that it is saved with the memory.
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_as_likely_to_be_kept_and_keeps_its_value() {
        let (pairs, room, rounds) = (40_u64, 8, 4000);
        let mut kept = [0_u32; 40];
        let mut reservoir = Reservoir::new([2, 1], room);
        for _ in 0..rounds {
            let state = reservoir.state;
            reservoir.clear();
            reservoir.state = state;
            for pair in 0..pairs {
                reservoir.see(&[pair as f64, 1.0], &[10.0 * pair as f64]);
            }
            let (keys, values) = reservoir.pairs();
            assert_eq!((keys.len(), values.len()), (2 * room, room));
            for (key, value) in keys.chunks(2).zip(values) {
                assert_eq!(*value, 10.0 * key[0]);
                kept[key[0] as usize] += 1;
            }
        }
        // Binomial of mean 800 and deviation 25: five deviations.
        assert!(
            kept.iter().all(|&count| count.abs_diff(800) < 126),
            "{kept:?}"
        );
    }

    #[test]
    fn a_key_written_again_takes_its_new_value_and_a_forgotten_one_goes() {
        let mut reservoir = Reservoir::new([2, 1], 3);
        for pair in 0..3 {
            reservoir.see(&[0.5, f64::from(pair)], &[f64::from(pair)]);
        }
        reservoir.see(&[0.5, 1.0], &[7.0]);
        assert_eq!(
            (reservoir.seen, reservoir.pairs().1),
            (3, &[0.0, 7.0, 2.0][..])
        );
        reservoir.forget(&[0.5, 0.0]);
        reservoir.forget(&[9.0, 9.0]);
        let (keys, values) = reservoir.pairs();
        assert_eq!((keys, values), (&[0.5, 2.0, 0.5, 1.0][..], &[2.0, 7.0][..]));
        assert_eq!(reservoir.len(), 2);
    }

    /// Keys that have most entries in common: a write compares marks, and whole keys only where they are equal.
    #[test]
    fn keys_that_are_alike_have_marks_of_their_own() {
        let width = 64;
        let one_hot = |place: usize| -> Vec<f32> {
            (0..width)
                .map(|i| f32::from(u8::from(i == place)))
                .collect()
        };
        let biased = |place: usize| {
            let mut key = one_hot(place);
            key[0] = 1.0;
            key
        };
        let sparse = |place: usize| {
            let mut key = one_hot(place);
            key[place % 7 + 9] += 1.0;
            key
        };
        for key in [&one_hot as &dyn Fn(usize) -> Vec<f32>, &biased, &sparse] {
            let mut reservoir = Reservoir::new([width, 1], 32);
            for place in 1..=32 {
                reservoir.see(&key(place), &[place as f32]);
            }
            assert_eq!(reservoir.len(), 32);
            for place in 1..=32 {
                let mark = reservoir.mark(&key(place));
                assert_eq!(reservoir.marked(mark).collect::<Vec<_>>(), [place - 1]);
            }
            // A key that is not there has none.
            assert_eq!(reservoir.marked(reservoir.mark(&key(60))).count(), 0);
        }
    }

    /// So large that their marks are infinite, or no number.
    #[test]
    fn keys_beyond_every_mark_are_compared_whole() {
        let keys = [
            [f64::MAX; 4],
            [f64::MIN; 4],
            [f64::MAX, f64::MAX, f64::MIN, 0.0],
        ];
        let mut reservoir = Reservoir::new([4, 1], 4);
        for round in [0.0, 10.0] {
            for (place, key) in keys.iter().enumerate() {
                reservoir.see(key, &[place as f64 + round]);
            }
        }
        assert_eq!(
            (reservoir.seen, reservoir.pairs().1),
            (3, &[10.0, 11.0, 12.0][..])
        );
        reservoir.forget(&keys[0]);
        assert_eq!(reservoir.pairs().1, [12.0, 11.0]);
    }
}
