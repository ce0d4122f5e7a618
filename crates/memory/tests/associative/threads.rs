//! Shared between threads: an `RwLock` around it is enough.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mnm_memory::{AssociativeMemory, Features, Method};

/// Reads together with the writes, and threads that read.
const OPERATIONS: u64 = 1_000_000;
const READERS: usize = 8;

/// One thread writes pairs of which both entries are equal, eight read: no read may see half of a write.
#[test]
fn eight_threads_read_while_one_writes() {
    let operations =
        std::env::var("MNM_OPERATIONS").map_or(OPERATIONS, |text| text.parse().expect("a number"));
    for features in [Features::Raw, Features::tanh(8)] {
        let memory =
            AssociativeMemory::<f32>::with_features(2, 2, Method::delta(), features).unwrap();
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
                let value = (writes % 1000) as f32;
                memory
                    .write()
                    .unwrap()
                    .write(&[1.0, 0.0], &[value, value])
                    .unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!(writes > 0 && seen.into_inner() > 0, "{writes}");
        let last = (writes % 1000) as f32;
        let read = memory.into_inner().unwrap().read(&[1.0, 0.0]).unwrap();
        assert!(
            (read[0] - last).abs() <= 1e-3 * last.max(1.0),
            "{read:?} {last}"
        );
    }
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
