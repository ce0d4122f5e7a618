//! Multi-query associative recall.

use std::fmt::Write;

use ndarray::ArrayView2;
use rand::seq::index;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::generated::{Generated, Generator, LengthDraw, LengthOption};
use crate::{Episode, Interface, Lengths, OptionError, Split, render};

/// How an episode of multi-query associative recall is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MqarOptions {
    /// Words, the first half of them keys and the second values: 2 to 100000.
    pub vocabulary: usize,
    /// Pairs shown, D: 1 to 10000, and not more than there are keys.
    pub pairs: Lengths,
    /// Steps, T: 4 to 100000, and at least four times the pairs.
    pub length: Lengths,
    /// a of the power law that the gaps follow, 0 to 1: gap g has weight (g + 1)^(a - 1). At 1 all gaps are alike.
    pub power: f64,
    /// Whether steps that ask nothing show random words; otherwise they are blank.
    pub noise: bool,
}

impl Default for MqarOptions {
    /// 64 keys and 64 values, 8 pairs in 64 steps; the published power of 0.01, with noise.
    fn default() -> Self {
        MqarOptions {
            vocabulary: 128,
            pairs: Lengths::new(8, 8),
            length: Lengths::new(64, 64),
            power: 0.01,
            noise: true,
        }
    }
}

/// Keys and values are told in pairs; then each key comes once more, and its value is to be named.
///
/// With D pairs in T steps, a word a step, an episode is: key, value, key, value, ... (2 D steps; no two keys and no two
/// values are alike); then the queries, every key once, of which that of pair i stands 2 g_i steps behind the last pair. The
/// gaps g_i are drawn without replacement from 0 to (T - 2 D) / 2 - 1, gap g with weight (g + 1)^(a - 1): most queries come
/// soon, some late, as words do in texts. At the step of a query its value is asked for. The other steps show random words
/// (here no key of the episode, in the original any word), or `<blank>`.
///
/// Source: Arora et al., "Zoology: Measuring and improving recall in efficient language models" (arXiv 2312.04927), section
/// 3 and appendix; there the answer is one of all words, here one of the values.
pub type Mqar = Generated<MqarOptions>;

const BLANK: u32 = 1;
/// The marks; `<pad>` is never used, and free for a model to pad with.
const MARKS: [&str; 2] = ["<pad>", "<blank>"];

/// The lengths of an episode, which are drawn before its words.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pairs: usize,
    steps: usize,
}

impl MqarOptions {
    fn keys(&self) -> usize {
        self.vocabulary / 2
    }

    fn key_token(key: usize) -> u32 {
        (MARKS.len() + key) as u32
    }

    fn value_token(&self, value: usize) -> u32 {
        Self::key_token(self.keys() + value)
    }

    /// A random word that is none of these tokens.
    fn noise(&self, keys: &[u32], random: &mut impl Rng) -> u32 {
        loop {
            let word = Self::key_token(random.random_range(0..self.vocabulary));
            if !keys.contains(&word) {
                return word;
            }
        }
    }
}

/// `count` different gaps below `space`, drawn one after the other with weight (gap + 1)^(power - 1).
fn gaps(count: usize, space: usize, power: f64, random: &mut impl Rng) -> Vec<usize> {
    // Clocks that ring at random, at the rates of their weights: the first to ring, in their order, are draws without
    // replacement (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
    let mut clocks: Vec<(f64, usize)> = (0..space)
        .map(|gap| {
            let rate = ((gap + 1) as f64).powf(power - 1.0);
            let share = 1.0 - random.random::<f64>();
            (-share.ln() / rate, gap)
        })
        .collect();
    clocks.sort_by(|a, b| a.0.total_cmp(&b.0));
    clocks.into_iter().take(count).map(|(_, gap)| gap).collect()
}

impl Generator for MqarOptions {
    const NAME: &'static str = "mqar";
    type Sizes = Sizes;

    fn lengths(&mut self) -> Vec<LengthOption<'_>> {
        vec![
            LengthOption::new("pairs", &mut self.pairs, 1, 10_000),
            LengthOption::new("length", &mut self.length, 4, 100_000),
        ]
    }

    fn check(&self) -> Result<(), OptionError> {
        OptionError::within(Self::NAME, "vocabulary", self.vocabulary, 2..=100_000)?;
        OptionError::within(Self::NAME, "power", self.power, 0.0..=1.0)?;
        let (most, keys) = (self.pairs.most(), self.keys());
        let expected = format!("at most {keys}, half of the vocabulary");
        OptionError::unless(most <= keys, Self::NAME, "pairs", most, expected)?;
        for split in Split::ALL {
            let (shortest, pairs) = (self.length.of(split).min, self.pairs.of(split).max);
            OptionError::unless(
                shortest >= 4 * pairs,
                Self::NAME,
                "length",
                format_args!("{shortest} for {split}"),
                format!("{} or more, four steps a pair", 4 * pairs),
            )?;
        }
        Ok(())
    }

    fn interface(&self) -> Interface {
        let values = self.vocabulary - self.keys();
        let keys = (0..self.keys()).map(|key| format!("k{key}"));
        let values: Vec<String> = (0..values).map(|value| format!("v{value}")).collect();
        Interface::marked(&MARKS, keys, values)
    }

    fn sizes(&self, draw: &mut LengthDraw) -> Sizes {
        Sizes {
            pairs: draw.length(&self.pairs),
            steps: draw.length(&self.length),
        }
    }

    fn steps(&self, sizes: &Sizes) -> usize {
        sizes.steps
    }

    fn episode(&self, Sizes { pairs, steps }: Sizes, random: &mut ChaCha8Rng) -> Episode {
        let keys = index::sample(random, self.keys(), pairs);
        let keys: Vec<u32> = keys.into_iter().map(Self::key_token).collect();
        let values = index::sample(random, self.vocabulary - self.keys(), pairs).into_vec();
        let gaps = gaps(pairs, (steps - 2 * pairs) / 2, self.power, random);

        let mut tokens = vec![BLANK; steps];
        let mut queries = Vec::with_capacity(pairs);
        for (pair, (&key, &value)) in keys.iter().zip(&values).enumerate() {
            tokens[2 * pair] = key;
            tokens[2 * pair + 1] = self.value_token(value);
            let asked = 2 * pairs + 2 * gaps[pair];
            tokens[asked] = key;
            queries.push((asked, value as u32));
        }
        if self.noise {
            for token in tokens.iter_mut().filter(|token| **token == BLANK) {
                *token = self.noise(&keys, random);
            }
        }
        queries.sort_unstable();
        let (asked, answers): (Vec<usize>, Vec<u32>) = queries.into_iter().unzip();
        Episode::of_words(Self::NAME, tokens, asked, answers)
    }

    /// The pairs in a line, and a line for each query; what stands between them is left out.
    fn render(
        &self,
        interface: &Interface,
        episode: &Episode,
        logits: Option<ArrayView2<f32>>,
    ) -> String {
        let Some(words) = render::Words::of(interface, episode) else {
            return render::not_of_words(episode);
        };
        let (steps, pairs) = (episode.steps(), episode.targets());
        let mut text = format!("{}: {steps} steps, {pairs} pairs\n", episode.group);
        let shown: Vec<&str> = words.tokens().map(|token| words.word(token)).collect();
        for pair in shown.chunks_exact(2).take(pairs) {
            let _ = write!(text, " {}={}", pair[0], pair[1]);
        }
        text.push('\n');
        for (query, (&step, &class)) in episode.target_steps.iter().zip(words.classes).enumerate() {
            let asked = shown.get(step).unwrap_or(&"?");
            let _ = write!(text, "{:>4}  {asked} -> {}", step + 1, words.answer(class));
            let rows = logits.as_ref().map(|logits| logits.rows());
            if let Some(row) = rows.and_then(|rows| rows.into_iter().nth(query)) {
                let _ = write!(text, "  answered {}", words.given(row, class));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests;
