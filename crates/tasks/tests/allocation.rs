//! A step of an environment allocates nothing. A test of its own binary: it counts every allocation of its thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mnm_tasks::Split;
use mnm_tasks::environment::{
    Bandit, BanditOptions, Cues, CuesOptions, Environment, GridMaze, GridMazeOptions, TabularMdp,
    TabularMdpOptions,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator with the arguments as they came; counting touches a thread-local
// number that needs no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps this function's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn steps_allocate_nothing() {
    let environments: [Box<dyn Environment>; 4] = [
        Box::new(GridMaze::new(GridMazeOptions::default(), 8, 1, Split::Train).unwrap()),
        Box::new(Bandit::new(BanditOptions::default(), 8, 1, Split::Train).unwrap()),
        Box::new(TabularMdp::new(TabularMdpOptions::default(), 8, 1, Split::Train).unwrap()),
        Box::new(Cues::new(CuesOptions::default(), 8, 1, Split::Train).unwrap()),
    ];
    for mut environment in environments {
        let (mut observations, mut rewards) =
            (vec![0.0; 8 * environment.observation_width()], [0.0; 8]);
        environment.reset(0, &mut observations).unwrap();
        let before = ALLOCATIONS.get();
        assert!(before > 0, "allocations are counted");
        let mut earned = 0.0;
        for step in 0..environment.episode_steps() as u32 {
            let actions: [u32; 8] =
                std::array::from_fn(|sample| (step / 3 + step * sample as u32) % 4);
            environment
                .step(&actions, &mut observations, &mut rewards)
                .unwrap();
            earned += rewards.iter().sum::<f32>();
        }
        assert_eq!(ALLOCATIONS.get(), before, "{}", environment.name());
        assert!(
            earned > 0.0,
            "{}: rewards (and jumps) have happened",
            environment.name()
        );
    }
}
