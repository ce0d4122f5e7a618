//! What `apply` gives and refuses; [`crate::apply_equations`] holds what it computes to the equations.

use std::path::PathBuf;

use mnm_controller::{InputSpec, Model, ModelConfig, ModelKind, Recurrence};
use mnm_tensor::{Parameters, SharedArray};
use mnm_trainer::apply::{Precision, apply, apply_file};
use mnm_trainer::checkpoint::{Checkpoint, Container};
use ndarray::IxDyn;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

pub const WIDTH: usize = 7;
pub const OUTPUTS: usize = 5;

/// Odd sizes.
pub fn config(rule: &str, heads: usize, layers: usize) -> ModelConfig {
    ModelConfig {
        rule: rule.to_owned(),
        controller: 9,
        value: 5,
        hidden: 11,
        layers,
        heads,
        ..ModelConfig::default()
    }
}

fn small() -> ModelConfig {
    config("mnm-p", 1, 2)
}

/// A checkpoint with parameters of a size at which every nonlinearity bends, of a task that also has an encoder.
pub fn checkpoint(model: &ModelConfig) -> Checkpoint {
    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let spec = InputSpec::Lines { width: WIDTH };
    let mut parameters: Parameters<SharedArray<f32>> = Model::<f32>::new(model, spec, OUTPUTS)
        .unwrap()
        .parameters()
        .into_iter()
        .map(|spec| {
            let value = SharedArray::from_shape_simple_fn(IxDyn(&spec.shape), || {
                generator.random_range(-0.9..0.9)
            });
            (spec.name, value)
        })
        .collect();
    parameters.insert(
        "encoder.embedding.weight",
        SharedArray::zeros(IxDyn(&[3, WIDTH])),
    );
    let table =
        toml::Table::from_iter([("model".to_owned(), toml::Value::try_from(model).unwrap())]);
    Checkpoint {
        parameters,
        optimizer: Parameters::new(),
        config: format!("seed = 3\n{table}[data]\ntask = \"any\"\n"),
        vocabulary: None,
        progress: serde_json::Value::Null,
    }
}

pub fn input(steps: usize, batch: usize) -> SharedArray<f32> {
    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(6);
    SharedArray::from_shape_simple_fn(IxDyn(&[steps, batch, WIDTH]), || {
        generator.random_range(-1.5..1.5)
    })
}

#[test]
fn without_starts_a_sequence_is_one_line_and_wrong_ones_are_refused() {
    let lines = ModelConfig {
        recurrence: Recurrence::Line,
        ..small()
    };
    let (always, lines) = (checkpoint(&small()), checkpoint(&lines));
    let x = input(4, 2);
    let logits = |checkpoint| {
        let results = apply(checkpoint, &x, None, None, Precision::Double).unwrap();
        results.get("logits").unwrap().clone()
    };
    assert_eq!(logits(&lines), logits(&always));
    let refused = |checkpoint, starts: &SharedArray<f32>, named: &str| {
        let error = apply(checkpoint, &x, Some(starts), None, Precision::Double).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    };
    refused(
        &lines,
        &SharedArray::zeros(IxDyn(&[2, 4])),
        "have shape [2, 4]",
    );
    refused(
        &lines,
        &SharedArray::from_elem(IxDyn(&[4, 2]), 0.5),
        "hold 0.5",
    );
    refused(
        &always,
        &SharedArray::zeros(IxDyn(&[4, 2])),
        "does not end with a line",
    );
}

#[test]
fn a_plain_lstm_gives_logits_alone() {
    let model = ModelConfig {
        kind: ModelKind::Lstm,
        controller: 9,
        ..ModelConfig::default()
    };
    let results = apply(
        &checkpoint(&model),
        &input(4, 2),
        None,
        None,
        Precision::Single,
    )
    .unwrap();
    assert_eq!(results.names().collect::<Vec<_>>(), ["logits"]);
    assert_eq!(results.get("logits").unwrap().shape(), [4, 2, OUTPUTS]);
}

/// What applying `checkpoint` to `x` says.
fn refusal(checkpoint: &Checkpoint, x: &SharedArray<f32>) -> String {
    apply(checkpoint, x, None, None, Precision::Single)
        .unwrap_err()
        .to_string()
}

#[test]
fn an_input_of_another_shape_is_refused() {
    let checkpoint = checkpoint(&small());
    for shape in [
        &[4, 2][..],
        &[4, 2, WIDTH + 1],
        &[0, 2, WIDTH],
        &[4, 0, WIDTH],
    ] {
        let message = refusal(&checkpoint, &SharedArray::zeros(IxDyn(shape)));
        assert!(
            message.contains(&format!("{shape:?}")) && message.contains("[steps, batch, 7]"),
            "{message}"
        );
    }
}

#[test]
fn an_input_that_is_no_number_is_refused() {
    let checkpoint = checkpoint(&small());
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = input(3, 2);
        x[[2, 1, 4]] = value;
        let message = refusal(&checkpoint, &x);
        for part in ["`x`", &value.to_string(), "[2, 1, 4]", "finite"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_checkpoint_that_is_not_a_whole_model_is_refused() {
    let x = input(2, 1);
    let whole = checkpoint(&small());
    let without = |name: &str| Checkpoint {
        parameters: whole
            .parameters
            .clone()
            .into_iter()
            .filter(|(n, _)| n != name)
            .collect(),
        ..whole.clone()
    };
    assert!(
        refusal(&without("controller.weight_ih"), &x).contains("`controller.weight_ih` is missing")
    );
    assert!(refusal(&without("rate.bias"), &x).contains("`rate.bias` [1] is missing"));

    let mut narrow = whole.clone();
    narrow
        .parameters
        .insert("controller.weight_ih", SharedArray::zeros(IxDyn(&[36, 5])));
    assert!(refusal(&narrow, &x).contains("more than the 5 that the read takes"));

    let with = |from: &str, to: &str| Checkpoint {
        config: whole.config.replace(from, to),
        ..whole.clone()
    };
    assert!(
        refusal(&with("heads = 1", "heads = 2"), &x)
            .contains("`interaction.weight` has shape [20, 9]")
    );
    assert!(refusal(&with("heads = 1", "heads = 0"), &x).contains("model.heads = 0"));
    assert!(refusal(&with("heads = 1", "hats = 1"), &x).contains("unknown field `hats`"));
    assert!(refusal(&with("mnm-p", "hebb"), &x).contains("hebb"));
}

/// A file in `folder` with one tensor of zeros.
fn save(folder: &TempDir, name: &str, dtype: safetensors::Dtype) -> PathBuf {
    let path = folder.path().join("in.safetensors");
    let data = vec![0; 2 * WIDTH * dtype.bitsize() / 8];
    let view = safetensors::tensor::TensorView::new(dtype, vec![2, 1, WIDTH], &data).unwrap();
    safetensors::serialize_to_file([(name, view)], None, &path).unwrap();
    path
}

#[test]
fn from_file_to_file() {
    let folder = TempDir::new().unwrap();
    let (input, output) = (
        save(&folder, "x", safetensors::Dtype::F32),
        folder.path().join("out.safetensors"),
    );
    let checkpoint = checkpoint(&small());
    let results = apply_file(&checkpoint, &input, &output, None, Precision::Single).unwrap();
    assert_eq!(Container::read(&output).unwrap().tensors, results);
    assert_eq!(results.get("logits").unwrap().shape(), [2, 1, OUTPUTS]);
}

#[test]
fn an_input_file_without_a_usable_x_is_refused_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let checkpoint = checkpoint(&small());
    let output = folder.path().join("out.safetensors");
    let message = |name: &str, dtype| {
        let input = save(&folder, name, dtype);
        let error = apply_file(&checkpoint, &input, &output, None, Precision::Single).unwrap_err();
        assert!(!output.exists());
        error.to_string()
    };
    let missing = message("inputs", safetensors::Dtype::F32);
    assert!(
        missing.contains("no tensor `x` (it has: inputs)"),
        "{missing}"
    );
    let double = message("x", safetensors::Dtype::F64);
    assert!(
        double.contains("`x` has element type F64; expected F32"),
        "{double}"
    );
}
