//! A file of an associative memory.

use mnm_memory::{AssociativeError, AssociativeMemory};
use mnm_tensor::kernels::Kernels;

use crate::{Verdict, refused};

/// The bytes are a memory or are refused. A memory is the same when it is written and read again; what it reads is finite, and an operation
/// that fails leaves it as it was.
pub fn associative_memory(bytes: &[u8]) -> Verdict {
    let single = AssociativeMemory::<f32>::from_bytes(bytes);
    match single {
        Ok(memory) => used(memory),
        Err(error) => match AssociativeMemory::<f64>::from_bytes(bytes) {
            Ok(memory) => used(memory),
            Err(_) => refused(&error, "the bytes"),
        },
    }
}

fn used<F: Kernels>(mut memory: AssociativeMemory<F>) -> Verdict {
    let saved = bytes(&memory);
    let again = AssociativeMemory::<F>::from_bytes(&saved).expect("what was written");
    assert!(bytes(&again) == saved);
    let entry = |place: usize| F::of(0.5 - (place % 7) as f64 / 6.0);
    let key: Vec<F> = (0..memory.key_width()).map(entry).collect();
    let value: Vec<F> = (0..memory.value_width())
        .map(|place| entry(place + 3))
        .collect();
    read(&memory, &key);
    unchanged_or_written(&mut memory, |memory| memory.write(&key, &value).map(|_| ()));
    read(&memory, &key);
    let _ = memory.novelty(&key);
    assert!(memory.statistics().norm.is_finite());
    unchanged_or_written(&mut memory, |memory| memory.forget(&key).map(|_| ()));
    memory.clear();
    read(&memory, &key);
    Verdict::Taken
}

fn bytes<F: Kernels>(memory: &AssociativeMemory<F>) -> Vec<u8> {
    memory.to_bytes().expect("it fits into a file")
}

fn read<F: Kernels>(memory: &AssociativeMemory<F>, key: &[F]) {
    if let Ok(value) = memory.read(key) {
        assert!(value.iter().all(|entry| entry.is_finite()));
    }
}

/// Whatever an operation says, the memory can be written and read again; after an error it is as before.
fn unchanged_or_written<F: Kernels>(
    memory: &mut AssociativeMemory<F>,
    operation: impl FnOnce(&mut AssociativeMemory<F>) -> Result<(), AssociativeError>,
) {
    let before = bytes(memory);
    let done = operation(memory);
    let after = bytes(memory);
    assert!(done.is_ok() || before == after, "{done:?}");
    AssociativeMemory::<F>::from_bytes(&after).expect("finite after every operation");
}
