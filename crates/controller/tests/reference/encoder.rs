//! Sentences as sums of embeddings times position masks.

use mnm_controller::encoder::{SentenceEncoder, Tokens, Word};
use mnm_controller::{InputSpec, Model, ModelConfig, PositionInit};
use mnm_tensor::testkit::random_array;
use mnm_tensor::{Init, Parameters, SharedArray, Tensor};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{Case, POSITIONS, VOCABULARY, any_case, constants, names};

const ENCODER: SentenceEncoder = SentenceEncoder {
    vocabulary: VOCABULARY,
    positions: POSITIONS,
    width: 4,
    masks: Init::Signs { from: 2, to: 4 },
    end_masks: Some(Init::Signs { from: 3, to: 4 }),
};

fn parameters(seed: u64) -> Parameters<SharedArray<f64>> {
    let generator = &mut StdRng::seed_from_u64(seed);
    ENCODER
        .parameters()
        .into_iter()
        .map(|spec| (spec.name, random_array(&spec.shape, generator)))
        .collect()
}

fn word(token: usize, position: usize, sentence: usize) -> Word {
    Word {
        token,
        position,
        following: 1,
        sentence,
    }
}

proptest! {
    #[test]
    fn a_sentence_is_its_words_times_their_positions(case in any_case(), seed in any::<u64>()) {
        let case = Case { words: true, ..case };
        let (tokens, parameters) = (case.tokens(), parameters(seed));
        let found = ENCODER.encode(&constants::<f64>(&parameters), &tokens, None).unwrap();
        prop_assert_eq!(found.shape(), [case.steps, case.batch, 4]);
        let embedding = parameters.get("encoder.embedding.weight").unwrap();
        let mask = parameters.get("encoder.position.weight").unwrap();
        let end = parameters.get("encoder.end.weight").unwrap();
        for t in 0..case.steps {
            for b in 0..case.batch {
                for i in 0..4 {
                    let mut sum = 0.0;
                    for w in tokens.words.iter().filter(|w| w.sentence == t * case.batch + b) {
                        let (from_start, from_end) = (w.position.min(POSITIONS - 1), w.following.min(POSITIONS - 1));
                        sum += embedding[[w.token, i]] * mask[[from_start, i]] * end[[from_end, i]];
                    }
                    prop_assert!((found.value()[[t, b, i]] - sum).abs() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn a_dropped_word_is_the_same_word_throughout_a_sequence(case in any_case(), seed in any::<u64>()) {
        let case = Case { words: true, ..case };
        let (tokens, parameters) = (case.tokens(), parameters(seed));
        let rows = case.batch * VOCABULARY;
        let dropout = random_array(&[rows, 4], &mut StdRng::seed_from_u64(seed ^ 1));
        let dropped = Tensor::<f64>::shared(dropout.clone());
        let found = ENCODER.encode(&constants::<f64>(&parameters), &tokens, Some(&dropped)).unwrap();
        let embedding = parameters.get("encoder.embedding.weight").unwrap();
        let mut expected = Vec::new();
        for b in 0..case.batch {
            // The sequence by itself, its words multiplied in the vocabulary.
            let mut own = parameters.clone();
            let mask = dropout.slice(ndarray::s![b * VOCABULARY..(b + 1) * VOCABULARY, ..]);
            let words = (embedding.to_owned() * mask).into_dyn().into_shared();
            own.insert("encoder.embedding.weight", words);
            let alone = ENCODER.encode(&constants::<f64>(&own), &tokens, None).unwrap();
            expected.push(alone.slice(1, b, 1).unwrap());
        }
        let expected = Tensor::concat(&expected.iter().collect::<Vec<_>>(), 1).unwrap();
        let difference = mnm_tensor::testkit::relative_difference(found.value(), expected.value());
        prop_assert!(difference < 1e-14, "{difference:e}");
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(case in any_case(), seed in any::<u64>()) {
        let case = Case { words: true, ..case };
        let (mut tokens, parameters) = (case.tokens(), constants::<f64>(&parameters(seed)));
        let found = ENCODER.encode(&parameters, &tokens, None).unwrap();
        tokens.words.reverse();
        let backwards = ENCODER.encode(&parameters, &tokens, None).unwrap();
        let difference = mnm_tensor::testkit::relative_difference(found.value(), backwards.value());
        prop_assert!(difference < 1e-14, "{difference:e}");
    }
}

#[test]
fn the_masks_start_as_the_config_says() {
    let starts = |position_init| {
        let config = ModelConfig {
            embedding: 8,
            position_init,
            ..ModelConfig::default()
        };
        let input = InputSpec::Tokens {
            vocabulary: VOCABULARY,
            positions: POSITIONS,
        };
        let model = Model::<f64>::new(&config, input, 2).unwrap();
        let specs = model.parameters();
        let start = |name: &str| specs.iter().find(|s| s.name == name).map(|s| s.init);
        (
            start("encoder.position.weight").unwrap(),
            start("encoder.end.weight"),
        )
    };
    let signs = |from, to| Init::Signs { from, to };
    let ones = Init::Constant { value: 1.0 };
    assert_eq!(starts(PositionInit::Ones), (ones, None));
    assert_eq!(starts(PositionInit::Signs), (signs(0, 8), None));
    assert_eq!(starts(PositionInit::Mixed), (signs(4, 8), None));
    assert_eq!(starts(PositionInit::Both), (signs(2, 6), Some(signs(6, 8))));
}

#[test]
fn without_masks_of_the_end_the_words_that_follow_do_not_matter() {
    let encoder = SentenceEncoder {
        end_masks: None,
        ..ENCODER
    };
    let parameters = constants::<f64>(&parameters(1));
    let encode = |encoder: &SentenceEncoder, following| {
        let tokens = Tokens {
            steps: 1,
            batch: 1,
            words: vec![Word {
                following,
                ..word(2, 1, 0)
            }],
            starts: Vec::new(),
        };
        let x = encoder.encode(&parameters, &tokens, None).unwrap();
        x.value().iter().copied().collect::<Vec<f64>>()
    };
    assert_eq!(encode(&encoder, 0), encode(&encoder, 2));
    assert_ne!(encode(&ENCODER, 0), encode(&ENCODER, 2));
    let names: Vec<String> = encoder.parameters().into_iter().map(|s| s.name).collect();
    assert_eq!(
        names,
        ["encoder.embedding.weight", "encoder.position.weight"]
    );
}

#[test]
fn a_sentence_without_words_is_zero() {
    let tokens = Tokens {
        steps: 2,
        batch: 1,
        words: vec![word(1, 0, 1)],
        starts: Vec::new(),
    };
    let found = ENCODER
        .encode(&constants::<f64>(&parameters(1)), &tokens, None)
        .unwrap();
    let empty = found.select(0, 0).unwrap();
    assert!(empty.value().iter().all(|&x| x == 0.0));
    let none = Tokens {
        steps: 2,
        batch: 3,
        words: vec![],
        starts: Vec::new(),
    };
    let zeros = ENCODER
        .encode(&constants::<f64>(&parameters(1)), &none, None)
        .unwrap();
    assert_eq!(zeros.value(), Tensor::<f64>::zeros(&[2, 3, 4]).value());
}

#[test]
fn a_word_out_of_range_is_named() {
    let encode = |w: Word| {
        let tokens = Tokens {
            steps: 2,
            batch: 2,
            words: vec![word(0, 0, 0), w],
            starts: Vec::new(),
        };
        ENCODER.encode(&constants::<f64>(&parameters(1)), &tokens, None)
    };
    assert!(encode(word(VOCABULARY - 1, 9, 3)).is_ok());
    names(
        encode(word(VOCABULARY, 0, 1)),
        &["word 6", "sentence 1", "below 6"],
    );
    names(encode(word(0, 0, 4)), &["sentence 4", "below 4"]);
}

#[test]
fn a_mask_of_words_of_another_shape_is_refused() {
    let tokens = Tokens {
        steps: 1,
        batch: 2,
        words: vec![word(0, 0, 0)],
        starts: Vec::new(),
    };
    let encode = |rows: usize| {
        let mask = Tensor::ones(&[rows, 4]);
        ENCODER.encode(&constants::<f64>(&parameters(1)), &tokens, Some(&mask))
    };
    assert!(encode(2 * VOCABULARY).is_ok());
    names(encode(VOCABULARY), &["word mask", "[6, 4]", "[12, 4]"]);
}
