//! A memory outlives the program in a file.

use mnm_memory::{AssociativeError, AssociativeMemory, Features, Method};
use proptest::prelude::*;

use crate::scene::{bytes, every_kind, rows};

#[test]
fn what_is_loaded_is_the_same_memory_and_goes_on_as_it() {
    let folder = tempfile::tempdir().unwrap();
    for (place, mut memory) in every_kind::<f64>().into_iter().enumerate() {
        let (keys, values) = (rows::<f64>(50, 5, 1), rows::<f64>(50, 3, 2));
        memory.write_batch(&keys, &values).unwrap();
        let path = folder.path().join(format!("{place}.safetensors"));
        memory.save(&path).unwrap();
        let mut loaded = AssociativeMemory::<f64>::load(&path).unwrap();
        assert_eq!(loaded.statistics(), memory.statistics());
        assert_eq!(
            loaded.read_batch(&keys).unwrap(),
            memory.read_batch(&keys).unwrap()
        );
        // Equal memories are equal bytes, now and after the same future.
        assert_eq!(bytes(&loaded), bytes(&memory));
        let (keys, values) = (rows::<f64>(90, 5, 3), rows::<f64>(90, 3, 4));
        loaded.write_batch(&keys, &values).unwrap();
        memory.write_batch(&keys, &values).unwrap();
        assert_eq!(
            loaded.read_batch(&keys).unwrap(),
            memory.read_batch(&keys).unwrap()
        );
        assert_eq!(
            loaded.forget(keys.row(80)).unwrap(),
            memory.forget(keys.row(80)).unwrap()
        );
    }
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.retain(|name| !name.ends_with(".safetensors"));
    assert!(left.is_empty(), "temporary files are left: {left:?}");
}

fn reason(bytes: &[u8]) -> String {
    match AssociativeMemory::<f32>::from_bytes(bytes) {
        Err(error @ AssociativeError::File { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("was taken"),
    }
}

/// The same memory in a file without a seal, as they were before there was one, or as another program would write it.
fn unsealed(whole: &[u8]) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(whole).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(whole).unwrap();
    let mut metadata = header.metadata().clone().unwrap();
    metadata.retain(|key, _| key == "associative_memory");
    safetensors::serialize(file.iter(), Some(metadata)).unwrap()
}

fn written(method: Method) -> AssociativeMemory<f32> {
    let mut memory = AssociativeMemory::<f32>::new(5, 3, method).unwrap();
    memory.write_batch(&rows(9, 5, 1), &rows(9, 3, 2)).unwrap();
    memory
}

#[test]
fn no_part_of_a_file_is_a_file() {
    for method in [Method::delta(), Method::least_squares(), Method::deep([4])] {
        let whole = bytes(&written(method));
        for length in 0..whole.len() {
            reason(&whole[..length]);
        }
        let longer: Vec<u8> = whole.iter().copied().chain([0]).collect();
        reason(&longer);
    }
}

#[test]
fn every_flipped_bit_of_a_memory_is_refused_or_changes_nothing() {
    for method in [Method::delta(), Method::least_squares(), Method::deep([4])] {
        let memory = written(method);
        let whole = bytes(&memory);
        let mut refused = 0;
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match AssociativeMemory::<f32>::from_bytes(&damaged) {
                Ok(found) => assert_eq!(bytes(&found), whole, "bit {bit}"),
                Err(_) => refused += 1,
            }
        }
        assert!(
            refused > whole.len() * 7,
            "{refused} of {} bits",
            whole.len() * 8
        );
    }
}

#[test]
fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.safetensors");
    let mut damaged = bytes(&written(Method::delta()));
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let error = AssociativeMemory::<f32>::load(&path)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("memory.safetensors") && error.contains("not what was written"),
        "{error}"
    );
}

#[test]
fn a_file_from_before_there_was_a_seal_is_read() {
    for memory in every_kind::<f32>() {
        let whole = bytes(&memory);
        let read = AssociativeMemory::<f32>::from_bytes(&unsealed(&whole)).unwrap();
        assert_eq!(bytes(&read), whole);
    }
}

proptest! {
    /// Whatever bytes are changed, in a file without a seal too: an error or a finite memory, no panic.
    #[test]
    fn a_damaged_file_is_refused_or_a_finite_memory(
        method in prop::sample::select(vec![Method::delta(), Method::least_squares(), Method::deep([4])]),
        sealed in any::<bool>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut damaged = bytes(&written(method));
        if !sealed {
            damaged = unsealed(&damaged);
        }
        for (place, byte) in places {
            let place = place.index(damaged.len());
            damaged[place] = byte;
        }
        if let Ok(memory) = AssociativeMemory::<f32>::from_bytes(&damaged) {
            prop_assert!(memory.statistics().norm.is_finite());
        }
    }
}

#[test]
fn a_file_of_something_else_says_what_was_expected() {
    assert!(reason(b"").contains("not a whole safetensors file"));
    let other =
        safetensors::serialize::<&str, safetensors::tensor::TensorView<'_>, _>([], None).unwrap();
    assert!(reason(&other).contains("without the entry `associative_memory`"));
    let mut double = AssociativeMemory::<f64>::new(5, 3, Method::delta()).unwrap();
    double.write(&[1.0; 5], &[1.0; 3]).unwrap();
    assert!(reason(&bytes(&double)).contains("F64: this is a memory of f32"));

    // A header that says other widths than the tensors have, and numbers that are not finite.
    let edited = |from: &str, to: &str| {
        let whole = unsealed(&bytes(&written(Method::delta())));
        let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
        let header = std::str::from_utf8(&whole[8..8 + length]).unwrap();
        assert!(header.contains(from), "{header}");
        let header = header.replace(from, to);
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(&whole[8 + length..]);
        reason(&file)
    };
    let widths = edited(r#"\"key\":5"#, r#"\"key\":6"#);
    assert!(
        widths.contains("`memory.0.weight` has shape [3, 5]: its widths say [3, 6]"),
        "{widths}"
    );
    let huge = edited(r#"\"key\":5"#, r#"\"key\":18446744073709551615"#);
    assert!(huge.contains("memory.0.weight"), "{huge}");
    let version = edited(r#"\"version\":2"#, r#"\"version\":3"#);
    assert!(
        version.contains("version 3; this program reads up to 2"),
        "{version}"
    );
    let rate = edited(r#"\"rate\":1.0"#, r#"\"rate\":7.0"#);
    assert!(
        rate.contains("rate is 7: expected above 0 and at most 1"),
        "{rate}"
    );

    let mut nan = unsealed(&bytes(&written(Method::delta())));
    let start = 8 + u64::from_le_bytes(nan[..8].try_into().unwrap()) as usize;
    nan[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(
        reason(&nan).contains("has NaN at place 0"),
        "{}",
        reason(&nan)
    );
}

#[test]
fn a_file_of_another_memory_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.safetensors");
    let mut memory = written(Method::delta());
    let before = bytes(&memory);
    for other in [
        AssociativeMemory::<f32>::new(6, 3, Method::delta()).unwrap(),
        AssociativeMemory::new(5, 3, Method::hebbian()).unwrap(),
        AssociativeMemory::with_features(5, 3, Method::delta(), Features::Unit).unwrap(),
    ] {
        other.save(&path).unwrap();
        let error = memory.reload(&path).unwrap_err().to_string();
        assert!(
            error.contains("it holds a memory") && error.contains("memory.safetensors"),
            "{error}"
        );
        assert_eq!(bytes(&memory), before);
    }
    std::fs::write(&path, &before[..before.len() - 1]).unwrap();
    assert!(memory.reload(&path).is_err());
    assert!(memory.reload(folder.path().join("none")).is_err());
    assert_eq!(bytes(&memory), before);

    let kept = written(Method::delta());
    kept.save(&path).unwrap();
    memory.write(&[1.0; 5], &[0.5; 3]).unwrap();
    memory.reload(&path).unwrap();
    assert_eq!(bytes(&memory), bytes(&kept));
    // A save that fails leaves what stood there.
    let missing = folder.path().join("no/such/folder");
    assert!(matches!(
        memory.save(&missing),
        Err(AssociativeError::Io { .. })
    ));
}
