//! Checkpoints: what is written is read back, equal content is equal bytes, and every broken file says what is wrong.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use mnm_tasks::Vocabulary;
use mnm_tensor::{Init, ParameterSpec, Parameters, SharedArray};
use mnm_trainer::checkpoint::{Checkpoint, CheckpointError, Container, check_parameters};
use ndarray::IxDyn;
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

/// Any finite, non-negative numbers, subnormal ones too.
fn array(shape: &[usize], seed: u32) -> SharedArray<f32> {
    let mut next = seed;
    SharedArray::from_shape_simple_fn(IxDyn(shape), || {
        next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(next % 0x7f00_0000)
    })
}

fn full() -> Checkpoint {
    let parameters: Parameters<_> = [
        ("output.weight".to_owned(), array(&[3, 5], 1)),
        ("output.bias".to_owned(), array(&[3], 2)),
        ("memory.0.weight".to_owned(), array(&[4, 2], 3)),
    ]
    .into_iter()
    .collect();
    let mut optimizer = Parameters::new();
    for (name, value) in parameters.iter() {
        optimizer.insert(format!("m.{name}"), value.mapv(|x| -x).into_shared());
        optimizer.insert(format!("v.{name}"), value.clone());
    }
    let progress =
        serde_json::json!({"step": 12, "best": 0.1 + 0.2, "nested": {"b": [1, 2], "a": null}});
    Checkpoint {
        parameters,
        optimizer,
        config: "seed = 1\n\n[model]\nrule = \"mnm-p\"\n".to_owned(),
        vocabulary: Some(Vocabulary::new(
            ["where", "is", "\"quoted\""],
            ["home", "café"],
        )),
        progress,
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("checkpoint.safetensors")
}

fn refusal(path: &Path) -> String {
    let message = Checkpoint::read(path).unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    message
}

/// A file as `safetensors.torch.save_file` writes it: through the same library's own writer.
fn save_elsewhere(path: &Path, tensors: &[(&str, Dtype, &[usize])], metadata: &[(&str, &str)]) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, dtype, shape)| {
            let count = shape.iter().product::<usize>();
            (0..count)
                .flat_map(|i| match dtype {
                    Dtype::F64 => (i as f64).to_le_bytes().to_vec(),
                    _ => (i as f32).to_le_bytes().to_vec(),
                })
                .collect()
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(&(name, dtype, shape), data)| {
            (name, TensorView::new(dtype, shape.to_vec(), data).unwrap())
        });
    let metadata: HashMap<String, String> = metadata
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    safetensors::serialize_to_file(views, Some(metadata), path).unwrap();
}

#[test]
fn what_is_written_is_read_back() {
    let folder = TempDir::new().unwrap();
    let checkpoint = full();
    checkpoint.write(&file(&folder)).unwrap();
    assert_eq!(Checkpoint::read(&file(&folder)).unwrap(), checkpoint);

    let bare = Checkpoint {
        optimizer: Parameters::new(),
        vocabulary: None,
        progress: serde_json::Value::Null,
        ..full()
    };
    bare.write(&file(&folder)).unwrap();
    let back = Checkpoint::read(&file(&folder)).unwrap();
    assert_eq!(back, bare, "the old file is replaced");
    let files = folder.path().read_dir().unwrap().count();
    assert_eq!(files, 1, "no temporary file stays");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any shapes (empty ones too), any finite numbers, any text; and twice the same content is twice the same bytes.
    #[test]
    fn any_content_comes_back_bit_for_bit(
        shapes in prop::collection::vec(prop::collection::vec(0_usize..4, 0..4), 0..6),
        config: String, seed: u32, best in any::<f64>().prop_filter("JSON has no infinity", |x| x.is_finite()),
    ) {
        let parameters = shapes.iter().enumerate()
            .map(|(i, shape)| (format!("layer.{i}.weight"), array(shape, seed ^ i as u32)))
            .collect();
        let checkpoint = Checkpoint {
            parameters,
            optimizer: Parameters::new(),
            config,
            vocabulary: None,
            progress: serde_json::json!({ "best": best }),
        };
        let folder = TempDir::new().unwrap();
        checkpoint.write(&file(&folder)).unwrap();
        let first = std::fs::read(file(&folder)).unwrap();
        let back = Checkpoint::read(&file(&folder)).unwrap();
        prop_assert_eq!(&back, &checkpoint);
        back.write(&file(&folder)).unwrap();
        prop_assert_eq!(first, std::fs::read(file(&folder)).unwrap());
    }
}

#[test]
fn equal_content_is_equal_bytes_in_every_process_and_order() {
    let folder = TempDir::new().unwrap();
    full().write(&file(&folder)).unwrap();
    let first = std::fs::read(file(&folder)).unwrap();
    // Every hash map has its own order: five metadata keys would show it within twenty tries.
    for _ in 0..20 {
        let mut again = full();
        let mut pairs: Vec<_> = full().parameters.into_iter().collect();
        pairs.reverse();
        again.parameters = pairs.into_iter().collect();
        again.write(&file(&folder)).unwrap();
        assert_eq!(std::fs::read(file(&folder)).unwrap(), first);
    }
}

#[test]
fn a_transposed_array_is_written_in_row_major_order() {
    let folder = TempDir::new().unwrap();
    let transposed = array(&[2, 3], 9).reversed_axes();
    let mut checkpoint = full();
    checkpoint
        .parameters
        .insert("transposed", transposed.clone());
    checkpoint.write(&file(&folder)).unwrap();
    let back = Checkpoint::read(&file(&folder)).unwrap();
    assert_eq!(back.parameters.find("transposed"), Some(&transposed));
}

#[test]
fn the_reference_reader_reads_ours_with_aligned_data() {
    let folder = TempDir::new().unwrap();
    full().write(&file(&folder)).unwrap();
    let bytes = std::fs::read(file(&folder)).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(
        header % 8,
        0,
        "readers map the file and need aligned floats"
    );
    let keys = metadata.metadata().as_ref().unwrap();
    assert_eq!(keys["format"], "mnm");
    assert_eq!(keys["config"], full().config);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name| tensors.tensor(name).unwrap().shape().to_vec();
    assert_eq!(shape("output.weight"), [3, 5]);
    assert_eq!(shape("optimizer.m.output.bias"), [3]);
}

#[test]
fn a_file_saved_by_another_program_with_a_config_is_read() {
    let folder = TempDir::new().unwrap();
    let tensors: [(&str, Dtype, &[usize]); 2] = [
        ("output.weight", Dtype::F32, &[2, 3]),
        ("output.bias", Dtype::F32, &[2]),
    ];
    // PyTorch users' idea of `format` and their own `version` are none of ours.
    let metadata = [
        ("format", "pt"),
        ("config", "[model]\n"),
        ("version", "2.9"),
    ];
    save_elsewhere(&file(&folder), &tensors, &metadata);
    let checkpoint = Checkpoint::read(&file(&folder)).unwrap();
    assert_eq!(checkpoint.config, "[model]\n");
    let weight = checkpoint.parameters.get("output.weight").unwrap();
    assert_eq!(weight.shape(), [2, 3]);
    assert!(weight.iter().eq(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    assert!(checkpoint.optimizer.is_empty() && checkpoint.progress.is_null());
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let folder = TempDir::new().unwrap();
    full().write(&file(&folder)).unwrap();
    let whole = std::fs::read(file(&folder)).unwrap();
    for end in [0, 3, 8, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(file(&folder), &whole[..end]).unwrap();
        let message = refusal(&file(&folder));
        assert!(
            message.contains("not a whole safetensors file") && message.contains("cut short"),
            "{message}"
        );
        assert!(message.contains(&format!("{end} bytes")), "{message}");
    }
    std::fs::write(file(&folder), [whole, vec![0]].concat()).unwrap();
    assert!(refusal(&file(&folder)).contains("not a whole safetensors file"));
}

/// What a run leaves, and what `mnm apply` does: a file without a config.
#[test]
fn every_flipped_bit_is_refused_by_name_or_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    full().write(&path).unwrap();
    let checkpoint = std::fs::read(&path).unwrap();
    let outputs = Container {
        tensors: full().parameters,
        ..Container::default()
    };
    outputs.write(&path).unwrap();
    let outputs = std::fs::read(&path).unwrap();
    for whole in [checkpoint, outputs] {
        std::fs::write(&path, &whole).unwrap();
        let expected = Container::read(&path).unwrap();
        let mut refused = 0;
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            match Container::read(&path) {
                Ok(found) => assert_eq!(found, expected, "bit {bit}"),
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.contains("checkpoint.safetensors"), "{message}");
                    refused += 1;
                }
            }
        }
        // Padding and the like may change and say the same.
        assert!(
            refused > 78 * whole.len() / 10,
            "{refused} of {}",
            8 * whole.len()
        );
    }
}

#[test]
fn a_file_of_the_first_version_has_no_checksum_and_is_read() {
    let folder = TempDir::new().unwrap();
    let tensors: [(&str, Dtype, &[usize]); 1] = [("x", Dtype::F32, &[2])];
    let metadata = [
        ("format", "mnm"),
        ("config", "seed = 1\n"),
        ("version", "1"),
    ];
    save_elsewhere(&file(&folder), &tensors, &metadata);
    assert_eq!(
        Checkpoint::read(&file(&folder)).unwrap().config,
        "seed = 1\n"
    );
}

#[test]
fn what_is_no_safetensors_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let zip = "PK\u{3}\u{4} a zip archive, as torch.save writes";
    std::fs::write(file(&folder), zip).unwrap();
    assert!(refusal(&file(&folder)).contains("not a whole safetensors file"));
    assert!(refusal(&folder.path().join("absent")).contains("cannot read"));
    assert!(refusal(folder.path()).contains("cannot read"));
}

#[test]
fn a_foreign_file_is_told_what_it_lacks() {
    let folder = TempDir::new().unwrap();
    let tensors: [(&str, Dtype, &[usize]); 1] = [("x", Dtype::F32, &[2])];
    save_elsewhere(&file(&folder), &tensors, &[("format", "pt")]);
    let message = refusal(&file(&folder));
    assert!(
        message.contains("not an mnm checkpoint")
            && message.contains("lack the key `config`")
            && message.contains("`format`"),
        "{message}"
    );
}

#[test]
fn another_element_type_is_refused() {
    let folder = TempDir::new().unwrap();
    let tensors: [(&str, Dtype, &[usize]); 1] = [("rate.bias", Dtype::F64, &[2])];
    save_elsewhere(&file(&folder), &tensors, &[("config", "")]);
    let message = refusal(&file(&folder));
    assert!(
        message.contains("`rate.bias` has element type F64; expected F32"),
        "{message}"
    );
}

#[test]
fn a_later_version_and_damaged_metadata_are_refused() {
    let folder = TempDir::new().unwrap();
    let with = |key: &str, value: &str| {
        let tensors: [(&str, Dtype, &[usize]); 1] = [("x", Dtype::F32, &[1])];
        let metadata = [("format", "mnm"), ("config", ""), (key, value)];
        save_elsewhere(&file(&folder), &tensors, &metadata);
        refusal(&file(&folder))
    };
    assert!(with("version", "3").contains("version 3; this program reads versions up to 2"));
    assert!(with("version", "2").contains("its checksum is missing"));
    assert!(with("vocabulary", "{\"words\": 3}").contains("`vocabulary` cannot be read"));
    assert!(with("progress", "{").contains("`progress` cannot be read"));
}

#[test]
fn where_nothing_can_be_written_one_message_says_so() {
    let folder = TempDir::new().unwrap();
    let blocker = folder.path().join("a-file");
    std::fs::write(&blocker, "x").unwrap();
    for path in [
        blocker.join("c.safetensors"),
        folder.path().join("absent/c.safetensors"),
    ] {
        let error = full().write(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Write { .. }), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    // A folder under the very name cannot be replaced, and the temporary file must not stay behind.
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(full().write(&taken).is_err());
    assert_eq!(folder.path().read_dir().unwrap().count(), 2);
}

#[test]
#[cfg(unix)]
fn a_checkpoint_is_as_readable_as_any_new_file() {
    use std::os::unix::fs::MetadataExt;
    let folder = TempDir::new().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "x").unwrap();
    full().write(&file(&folder)).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().mode();
    assert_eq!(mode(&file(&folder)), mode(&plain));
}

#[test]
fn parameters_that_do_not_fit_are_all_named() {
    let specs = [
        ParameterSpec::new("output.weight", &[3, 5], Init::fan_in(5)),
        ParameterSpec::new("output.bias", &[3], Init::fan_in(5)),
        ParameterSpec::new("memory.0.weight", &[4, 2], Init::fan_in(2)),
    ];
    let mut parameters = full().parameters;
    check_parameters(&specs, &parameters).unwrap();
    parameters.insert("output.bias", array(&[4], 0));
    parameters.insert("extra", array(&[1], 0));
    let without: Parameters<_> = parameters
        .into_iter()
        .filter(|(name, _)| name != "memory.0.weight")
        .collect();
    let message = check_parameters(&specs, &without).unwrap_err().to_string();
    for part in [
        "`memory.0.weight` [4, 2] is missing",
        "`output.bias` has shape [4], expected [3]",
        "`extra` [1] belongs to no part of it",
    ] {
        assert!(message.contains(part), "{message}");
    }
}
