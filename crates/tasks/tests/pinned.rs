//! The episodes of every generated task and environment, to the bit: trained weights and published figures rest on them.

use mnm_tasks::environment::{
    Arms, Bandit, BanditOptions, Environment, GridMaze, GridMazeOptions, TabularMdp,
    TabularMdpOptions,
};
use mnm_tasks::{
    AssociativeRecall, AssociativeRecallOptions, Dictionary, DictionaryOptions, DoubleCopy,
    DoubleCopyOptions, Episode, Input, Labels, Lengths, Plot, PrioritySort, PrioritySortOptions,
    Split, Stories, StoriesOptions, Task,
};
use sha2::{Digest, Sha256};

/// The first 64 bits of a SHA-256 sum of everything that is put in.
#[derive(Default)]
struct Sum(Sha256);

impl Sum {
    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn reals<'a>(&mut self, reals: impl IntoIterator<Item = &'a f32>) {
        for real in reals {
            self.0.update(real.to_le_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text);
    }

    fn episode(&mut self, episode: &Episode) {
        self.text(&episode.group);
        match &episode.input {
            Input::Dense(array) => self.reals(array),
            Input::Tokens(steps) => {
                for step in steps {
                    self.number(step.len());
                    step.iter().for_each(|&word| self.number(word as usize));
                }
            }
        }
        for steps in [&episode.line_starts, &episode.target_steps] {
            self.number(steps.len());
            steps.iter().for_each(|&step| self.number(step));
        }
        match &episode.labels {
            Labels::Classes(classes) => {
                classes
                    .iter()
                    .for_each(|&class| self.number(class as usize));
            }
            Labels::Bits(bits) => self.reals(bits),
        }
        self.text(episode.text.as_deref().unwrap_or("none"));
    }

    fn hex(self) -> String {
        let sum = self.0.finalize();
        sum.iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn of_task(task: &dyn Task) -> String {
    let mut sum = Sum::default();
    sum.text(&format!("{:?}", task.interface()));
    for split in Split::ALL {
        for index in [0, 1, 2, 3, 60, 1_000_000] {
            let episode = task.episode(split, index).unwrap();
            assert_eq!(task.steps(split, index), episode.steps());
            sum.episode(&episode);
            sum.text(&task.render(&episode, None));
        }
    }
    sum.hex()
}

fn of_environment(environment: &mut dyn Environment) -> String {
    let mut sum = Sum::default();
    let batch = environment.batch();
    let mut observations = vec![0.0; batch * environment.observation_width()];
    let (mut rewards, mut actions) = (vec![0.0; batch], vec![0; batch]);
    for first in [0, 12_345] {
        environment.reset(first, &mut observations).unwrap();
        sum.reals(&observations);
        for step in 0..40 {
            for (world, action) in actions.iter_mut().enumerate() {
                *action = ((step * step + 3 * world) % environment.actions()) as u32;
            }
            environment
                .step(&actions, &mut observations, &mut rewards)
                .unwrap();
            sum.reals(observations.iter().chain(&rewards));
        }
        sum.0.update(environment.save());
        (0..batch).for_each(|world| sum.text(&environment.render(world)));
    }
    sum.hex()
}

#[test]
fn tasks_are_as_they_always_were() {
    let growing = Lengths::new(1, 6).with_test(9, 12).growing(100);
    let tasks: [(&str, Box<dyn Task>); 9] = [
        (
            "c2bd64f535b7381c",
            Box::new(DoubleCopy::new(DoubleCopyOptions::default(), 1).unwrap()),
        ),
        ("5df8d02d7d83f166", {
            let options = DoubleCopyOptions {
                bits: 3,
                lengths: growing,
                copies: 1,
            };
            Box::new(DoubleCopy::new(options, 2).unwrap())
        }),
        (
            "35f2f4acf717dc21",
            Box::new(PrioritySort::new(PrioritySortOptions::default(), 1).unwrap()),
        ),
        ("06897055dece014e", {
            let options = PrioritySortOptions {
                bits: 5,
                inputs: Lengths::new(3, 9).growing(100),
                outputs: 3,
            };
            Box::new(PrioritySort::new(options, 2).unwrap())
        }),
        (
            "e3c1a72f43c51ffb",
            Box::new(AssociativeRecall::new(AssociativeRecallOptions::default(), 1).unwrap()),
        ),
        (
            "d8009ff69222a84b",
            Box::new(Dictionary::new(DictionaryOptions::default(), 1).unwrap()),
        ),
        ("3bfb4e339fab52cd", {
            let options = DictionaryOptions {
                source_letters: 5,
                target_letters: 40,
                pairs: Lengths::new(1, 3),
                lengths: growing,
                query: growing,
            };
            Box::new(Dictionary::new(options, 2).unwrap())
        }),
        (
            "d71ca65f1394fc66",
            Box::new(Stories::new(StoriesOptions::default(), 1).unwrap()),
        ),
        ("088aa66c2839e3c4", {
            let options = StoriesOptions {
                plot: Plot::Carries,
                ticks: 2,
                hops: 1,
                ..StoriesOptions::default()
            };
            Box::new(Stories::new(options, 2).unwrap())
        }),
    ];
    let found: Vec<String> = tasks.iter().map(|(_, task)| of_task(&**task)).collect();
    let expected: Vec<&str> = tasks.iter().map(|(sum, _)| *sum).collect();
    assert_eq!(found, expected);
}

#[test]
fn environments_are_as_they_always_were() {
    let walled = GridMazeOptions {
        size: 7,
        wall_penalty: 0.25,
        ..GridMazeOptions::default()
    };
    let dependent = BanditOptions {
        dependence: Arms::Dependent,
        ..BanditOptions::default()
    };
    let (train, test) = (Split::Train, Split::Test);
    let environments: [(&str, Box<dyn Environment>); 5] = [
        (
            "1ebebebfe97fc273",
            Box::new(GridMaze::new(GridMazeOptions::default(), 3, 1, train).unwrap()),
        ),
        (
            "f0eb19e11de1ed47",
            Box::new(GridMaze::new(walled, 2, 2, test).unwrap()),
        ),
        (
            "c40d60ab1e4f737c",
            Box::new(Bandit::new(BanditOptions::default(), 3, 1, train).unwrap()),
        ),
        (
            "d2aac67ae7d7cc36",
            Box::new(Bandit::new(dependent, 2, 2, test).unwrap()),
        ),
        (
            "22cbbc1488dcfbd4",
            Box::new(TabularMdp::new(TabularMdpOptions::default(), 3, 1, train).unwrap()),
        ),
    ];
    let (expected, found): (Vec<&str>, Vec<String>) = environments
        .into_iter()
        .map(|(sum, mut environment)| (sum, of_environment(&mut *environment)))
        .unzip();
    assert_eq!(found, expected);
}
