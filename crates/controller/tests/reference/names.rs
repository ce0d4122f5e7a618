//! The names and shapes of checkpoints, which others rely on.

use mnm_controller::{InputSpec, Model, ModelConfig};
use mnm_tensor::ParameterSpec;

use crate::support::config;

// Every extent another number.
const X: usize = 2;
const C: usize = 7;
const M: usize = 3;
const U: usize = 5;
const L: usize = 3;
const H: usize = 2;
const K: usize = 11;

fn specs(config: &ModelConfig, input: InputSpec) -> Vec<ParameterSpec> {
    Model::<f32>::new(config, input, K).unwrap().parameters()
}

fn listed(specs: &[ParameterSpec]) -> Vec<(&str, &[usize])> {
    let mut list: Vec<_> = specs
        .iter()
        .map(|s| (s.name.as_str(), &s.shape[..]))
        .collect();
    list.sort_unstable();
    list
}

fn mnm(rule: &str) -> ModelConfig {
    config(Some(rule), C, M, U, L, H)
}

const SHARED: [(&str, &[usize]); 13] = [
    ("controller.bias_hh", &[4 * C]),
    ("controller.bias_ih", &[4 * C]),
    ("controller.weight_hh", &[4 * C, C]),
    ("controller.weight_ih", &[4 * C, X + M]),
    ("interaction.bias", &[M + 3 * H * M]),
    ("interaction.weight", &[M + 3 * H * M, C]),
    ("memory.0.weight", &[U, M]),
    ("memory.1.weight", &[U, U]),
    ("memory.2.weight", &[M, U]),
    ("output.bias", &[K]),
    ("output.weight", &[K, C + M]),
    ("rate.bias", &[1]),
    ("rate.weight", &[1, M]),
];

#[test]
fn mnm_g_has_the_names_of_the_contract() {
    let found = specs(&mnm("mnm-g"), InputSpec::Dense { width: X });
    assert_eq!(listed(&found), SHARED);
}

#[test]
fn mnm_p_adds_its_targets() {
    let found = specs(&mnm("mnm-p"), InputSpec::Dense { width: X });
    let targets: [(&str, &[usize]); 2] = [
        ("targets.bias", &[(L - 1) * U + M]),
        ("targets.weight", &[(L - 1) * U + M, M]),
    ];
    assert_eq!(listed(&found), [&SHARED[..], &targets].concat());
}

#[test]
fn the_lstm_has_neither_heads_nor_memory() {
    let found = specs(&config(None, C, M, U, L, H), InputSpec::Dense { width: X });
    let expected: [(&str, &[usize]); 6] = [
        ("controller.bias_hh", &[4 * C]),
        ("controller.bias_ih", &[4 * C]),
        ("controller.weight_hh", &[4 * C, C]),
        ("controller.weight_ih", &[4 * C, X]),
        ("output.bias", &[K]),
        ("output.weight", &[K, C]),
    ];
    assert_eq!(listed(&found), expected);
}

#[test]
fn words_add_an_encoder() {
    let input = InputSpec::Tokens {
        vocabulary: 13,
        positions: 4,
    };
    let config = ModelConfig {
        embedding: 9,
        ..mnm("mnm-g")
    };
    let found = specs(&config, input);
    let shape = |name: &str| found.iter().find(|s| s.name == name).unwrap().shape.clone();
    assert_eq!(shape("encoder.embedding.weight"), [13, 9]);
    assert_eq!(shape("encoder.position.weight"), [4, 9]);
    assert_eq!(shape("controller.weight_ih"), [4 * C, 9 + M]);
    assert_eq!(found.len(), SHARED.len() + 2);
}

#[test]
fn one_layer_is_a_matrix_from_keys_to_values() {
    let found = specs(
        &config(Some("mnm-p"), C, M, U, 1, H),
        InputSpec::Dense { width: X },
    );
    let shape = |name: &str| {
        found
            .iter()
            .find(|s| s.name == name)
            .map(|s| s.shape.clone())
    };
    assert_eq!(shape("memory.0.weight"), Some(vec![M, M]));
    assert_eq!(shape("memory.1.weight"), None);
    assert_eq!(shape("targets.weight"), Some(vec![M, M]));
}

#[test]
fn only_the_memory_is_not_trained_and_only_if_the_config_says_so() {
    for train_memory in [false, true] {
        let config = ModelConfig {
            train_memory,
            ..mnm("mnm-p")
        };
        for spec in specs(&config, InputSpec::Dense { width: X }) {
            let fixed = spec.name.starts_with("memory.") && !train_memory;
            assert_eq!(spec.trained, !fixed, "{}", spec.name);
        }
    }
}

#[test]
fn parts_of_a_state_have_the_names_of_the_contract() {
    let model = Model::<f32>::new(&mnm("mnm-p"), InputSpec::Dense { width: X }, K).unwrap();
    let parameters = model
        .parameters()
        .into_iter()
        .map(|s| (s.name, mnm_tensor::Tensor::zeros(&s.shape)))
        .collect();
    let state = model.initial_state(&parameters, 4).unwrap();
    let parts: Vec<_> = state.iter().map(|(n, t)| (n, t.shape())).collect();
    // The memory is one row that the four sequences share until the first write.
    let expected: [(&str, &[usize]); 6] = [
        ("cell", &[4, C]),
        ("hidden", &[4, C]),
        ("memory.0", &[1, U, M]),
        ("memory.1", &[1, U, U]),
        ("memory.2", &[1, M, U]),
        ("read", &[4, M]),
    ];
    assert_eq!(parts, expected);
}
