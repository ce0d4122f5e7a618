//! Writing, forgetting and reading into a slice allocate nothing after the first time. A program of its own: it counts for the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mnm_memory::{AssociativeMemory, Features, Method};
use mnm_tensor::kernels::Kernels;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // While a thread ends its storage may be gone; nothing is counted then.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: everything is the system's allocator's; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the contract is the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the contract is the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the contract is the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(body: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    body();
    ALLOCATIONS.get() - before
}

#[test]
fn nothing_is_allocated_after_the_first_operation() {
    nothing_is_allocated::<f32>();
    nothing_is_allocated::<f64>();
}

fn nothing_is_allocated<F: Kernels>() {
    assert!(
        allocations(|| drop(std::hint::black_box(vec![1_u8; 10]))) > 0,
        "the counter counts"
    );
    let methods = [
        Method::delta(),
        Method::LeastSquares {
            ridge: 0.1,
            forgetting: 0.01,
        },
        Method::Hebbian {
            rate: 0.5,
            forgetting: 0.1,
        },
        Method::deep([40, 24]),
    ];
    let features = [
        Features::Raw,
        Features::Unit,
        Features::tanh(100),
        Features::nearest(100, 8),
    ];
    for (method, features) in methods
        .iter()
        .flat_map(|m| features.iter().map(move |f| (m, f)))
    {
        let mut memory =
            AssociativeMemory::<F>::with_features(48, 20, method.clone(), features.clone())
                .expect("valid");
        let key = |round: usize| -> [F; 48] {
            std::array::from_fn(|i| F::of(((i * 37 + round * 13) % 101) as f64 * 0.02 - 1.0))
        };
        let mut value = [F::of(0.25); 20];
        let mut operation = |round: usize| {
            memory
                .write(&key(round), &[F::of(0.5 + round as f64 * 0.01); 20])
                .expect("finite");
            memory
                .read_into(&key(round + 1), &mut value)
                .expect("finite");
            memory.novelty(&key(round)).expect("finite");
            if round % 50 == 7 {
                memory.forget(&key(round)).expect("finite");
            }
        };
        operation(7);
        let counted = allocations(|| (8..500).for_each(&mut operation));
        assert_eq!(counted, 0, "{}, {method:?}, {features:?}", F::NAME);
    }
}

/// As wide as keys come, where a matrix no longer fits a cache and products are taken in blocks.
#[test]
fn nor_with_wide_keys() {
    for method in [Method::delta(), Method::least_squares()] {
        let mut memory = AssociativeMemory::<f32>::new(512, 96, method.clone()).expect("valid");
        let mut key = [0.01_f32; 512];
        let mut value = [0.25_f32; 96];
        let mut operation = |round: usize| {
            key[round * 7 % 512] += 0.5;
            memory.write(&key, &value).expect("finite");
            memory.read_into(&key, &mut value).expect("finite");
        };
        operation(0);
        let counted = allocations(|| (1..60).for_each(&mut operation));
        assert_eq!(counted, 0, "{method:?}");
    }
    // A view with gaps is copied: that is all that allocates.
    let mut memory = AssociativeMemory::<f32>::new(64, 8, Method::delta()).expect("valid");
    let wide = ndarray::Array1::from_elem(128, 0.1_f32);
    let value = [0.5_f32; 8];
    let mut write = || drop(memory.write(wide.slice(ndarray::s![..;2]), &value));
    write();
    assert_eq!(allocations(|| (0..10).for_each(|_| write())), 10);
}
