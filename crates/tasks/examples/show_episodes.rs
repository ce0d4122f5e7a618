//! Prints an episode of each generated task: `cargo run --example show_episodes [-- INDEX]`.

use mnm_tasks::{
    AssociativeRecall, AssociativeRecallOptions, Dictionary, DictionaryOptions, DoubleCopy,
    DoubleCopyOptions, Lengths, Mqar, MqarOptions, Plot, PrioritySort, PrioritySortOptions, Split,
    Stories, StoriesOptions, Task, TaskError,
};

fn tasks() -> Result<Vec<Box<dyn Task>>, TaskError> {
    let seed = 1;
    let sort = PrioritySortOptions {
        inputs: Lengths::new(6, 6),
        outputs: 4,
        ..Default::default()
    };
    let carries = StoriesOptions {
        plot: Plot::Carries,
        ..Default::default()
    };
    Ok(vec![
        Box::new(DoubleCopy::new(
            DoubleCopyOptions {
                lengths: Lengths::new(1, 4),
                ..Default::default()
            },
            seed,
        )?),
        Box::new(Stories::new(StoriesOptions::default(), seed)?),
        Box::new(Stories::new(carries, seed)?),
        Box::new(PrioritySort::new(sort, seed)?),
        Box::new(AssociativeRecall::new(
            AssociativeRecallOptions::default(),
            seed,
        )?),
        Box::new(Dictionary::new(DictionaryOptions::default(), seed)?),
        Box::new(Mqar::new(MqarOptions::default(), seed)?),
    ])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let index = std::env::args().nth(1).map_or(Ok(0), |word| word.parse())?;
    for task in tasks()? {
        println!("{}", task.render(&task.episode(Split::Train, index)?, None));
    }
    Ok(())
}
