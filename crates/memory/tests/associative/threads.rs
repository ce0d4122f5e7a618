//! Shared between threads: an `RwLock` around it is enough.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mnm_memory::{AssociativeMemory, Features, Method};

use crate::scene::bytes;

/// Reads together with the writes, and threads that read.
const OPERATIONS: u64 = 1_000_000;
const READERS: usize = 8;

/// Every method on every kind of features, each with its share of the operations.
#[test]
fn eight_threads_read_while_one_writes() {
    let operations =
        std::env::var("MNM_OPERATIONS").map_or(OPERATIONS, |text| text.parse().expect("a number"));
    let methods = [
        Method::delta(),
        Method::least_squares(),
        Method::hebbian(),
        Method::deep([]),
        Method::deep([6]),
    ];
    let features = [Features::Raw, Features::tanh(8), Features::nearest(8, 2)];
    let share = operations.div_ceil((methods.len() * features.len()) as u64);
    for method in &methods {
        for features in &features {
            let memory = || {
                AssociativeMemory::<f32>::with_features(2, 2, method.clone(), features.clone())
                    .unwrap()
            };
            let (shared, writes) = together(memory(), share);
            // What was written while others read is what one thread alone writes.
            let mut alone = memory();
            for write in 1..=writes {
                store(&mut alone, write);
            }
            assert!(bytes(&shared) == bytes(&alone), "{method:?}, {features:?}");
        }
    }
}

/// Write number `write`, of which both entries are equal.
fn store(memory: &mut AssociativeMemory<f32>, write: u64) {
    let value = (write % 1000) as f32;
    memory.write(&[1.0, 0.0], &[value, value]).unwrap();
}

/// One thread writes pairs of which both entries are equal, eight read: no read may see half of a write. The memory afterwards, and how often it
/// was written to.
fn together(memory: AssociativeMemory<f32>, operations: u64) -> (AssociativeMemory<f32>, u64) {
    let memory = RwLock::new(memory);
    let (reads, done) = (AtomicU64::new(0), AtomicBool::new(false));
    // Changes that a reader has seen.
    let (mut writes, seen) = (0_u64, AtomicU64::new(0));
    std::thread::scope(|scope| {
        let reader = || {
            scope.spawn(|| {
                let mut value = [0.0_f32; 2];
                while !done.load(Ordering::Relaxed) {
                    let before = value[0];
                    for _ in 0..64 {
                        memory
                            .read()
                            .unwrap()
                            .read_into(&[1.0, 0.0], &mut value)
                            .unwrap();
                        assert_eq!(value[0], value[1]);
                    }
                    reads.fetch_add(64, Ordering::Relaxed);
                    seen.fetch_add(u64::from(value[0] != before), Ordering::Relaxed);
                }
            })
        };
        let readers: Vec<_> = (0..READERS).map(|_| reader()).collect();
        // On one core a side may be through before the other has had a turn: until a reader has seen a change there is more to do, unless
        // all have failed.
        let more = |writes| {
            reads.load(Ordering::Relaxed) + writes < operations
                || seen.load(Ordering::Relaxed) == 0
                    && readers.iter().any(|reader| !reader.is_finished())
        };
        while more(writes) {
            writes += 1;
            store(&mut memory.write().unwrap(), writes);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(writes > 0 && seen.into_inner() > 0, "{writes}");
    (memory.into_inner().unwrap(), writes)
}

#[test]
fn a_memory_goes_to_another_thread_and_back() {
    fn anywhere<T: Send + Sync + Clone + 'static>() {}
    anywhere::<AssociativeMemory<f32>>();
    anywhere::<AssociativeMemory<f64>>();
    let mut memory = AssociativeMemory::<f64>::new(3, 1, Method::least_squares()).unwrap();
    let memory = std::thread::spawn(move || {
        memory.write(&[1.0, 0.0, 0.0], &[2.0]).unwrap();
        memory
    })
    .join()
    .unwrap();
    assert!((memory.read(&[1.0, 0.0, 0.0]).unwrap()[0] - 2.0).abs() < 3e-3);
}
