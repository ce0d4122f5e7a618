//! The little world that stories are told about.

use rand::RngExt;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand_chacha::ChaCha8Rng;

use super::Plot;

pub(super) const PEOPLE: [&str; 8] = [
    "Ada", "Bruno", "Chidi", "Dara", "Emre", "Freya", "Goran", "Hana",
];
pub(super) const PLACES: [&str; 8] = [
    "attic",
    "barn",
    "cellar",
    "dairy",
    "forge",
    "greenhouse",
    "harbour",
    "library",
];
const THINGS: [&str; 4] = ["basket", "drum", "kettle", "lamp"];
const GO: [&str; 4] = ["walked to", "ran to", "went back to", "hurried to"];
const TAKE: [&str; 2] = ["took", "picked up"];
const LEAVE: [&str; 2] = ["left", "put down"];

/// The words of the longest sentence: "Ada went back to the attic."
pub(super) const LONGEST_MOVE: usize = 6;
/// Likewise with things: "Ada picked up the lamp there." is no longer.
pub(super) const LONGEST_CARRY: usize = 6;

/// All words that a story can hold, in no order, some twice, as bAbI's tokeniser sees them.
pub(super) fn words(plot: Plot, people: usize, places: usize) -> Vec<String> {
    let mut phrases = vec!["where is", "the"];
    phrases.extend(&PEOPLE[..people]);
    phrases.extend(&PLACES[..places]);
    phrases.extend(GO);
    if plot == Plot::Carries {
        phrases.push("there");
        phrases.extend(THINGS);
        phrases.extend(TAKE);
        phrases.extend(LEAVE);
    }
    phrases
        .iter()
        .flat_map(|phrase| phrase.split(' '))
        .map(str::to_lowercase)
        .collect()
}

/// Where a thing is.
#[derive(Debug, Clone, Copy)]
enum Whereabouts {
    Unknown,
    At {
        place: usize,
        since: usize,
        supports: usize,
    },
    With {
        person: usize,
        since: usize,
    },
}

/// Who is where since which line, and what they carry.
pub(super) struct World {
    plot: Plot,
    places: usize,
    generator: ChaCha8Rng,
    /// Per person: place, and the line that told it.
    people: Vec<Option<(usize, usize)>>,
    things: [Whereabouts; THINGS.len()],
}

impl World {
    pub(super) fn new(plot: Plot, people: usize, places: usize, generator: ChaCha8Rng) -> Self {
        World {
            plot,
            places,
            generator,
            people: vec![None; people],
            things: [Whereabouts::Unknown; THINGS.len()],
        }
    }

    /// Lets something happen and tells it as line `line`.
    pub(super) fn statement(&mut self, line: usize) -> String {
        let person = self.generator.random_range(0..self.people.len());
        if let (Plot::Carries, Some((place, since))) = (self.plot, self.people[person])
            && self.generator.random()
            && let Some(sentence) = self.handle_a_thing(person, place, since, line)
        {
            return sentence;
        }
        let here = self.people[person].map(|(place, _)| place);
        let elsewhere = (0..self.places).filter(|&place| Some(place) != here);
        let place = elsewhere.choose(&mut self.generator).unwrap_or_default();
        self.people[person] = Some((place, line));
        format!(
            "{} {} the {}.",
            PEOPLE[person],
            pick(&GO, &mut self.generator),
            PLACES[place]
        )
    }

    /// The person, who came to `place` in line `since`, takes or leaves a thing; `None` if there is nothing to do.
    fn handle_a_thing(
        &mut self,
        person: usize,
        place: usize,
        since: usize,
        line: usize,
    ) -> Option<String> {
        // What nobody has spoken of yet may lie anywhere, so it can be taken anywhere.
        let can_handle = |thing: &usize| match self.things[*thing] {
            Whereabouts::Unknown => true,
            Whereabouts::At { place: lies_at, .. } => lies_at == place,
            Whereabouts::With { person: holder, .. } => holder == person,
        };
        let thing = (0..THINGS.len())
            .filter(can_handle)
            .choose(&mut self.generator)?;
        let (verbs, now) = match self.things[thing] {
            Whereabouts::With { .. } => (
                &LEAVE,
                Whereabouts::At {
                    place,
                    since: line,
                    supports: since,
                },
            ),
            _ => (
                &TAKE,
                Whereabouts::With {
                    person,
                    since: line,
                },
            ),
        };
        self.things[thing] = now;
        Some(format!(
            "{} {} the {} there.",
            PEOPLE[person],
            pick(verbs, &mut self.generator),
            THINGS[thing]
        ))
    }

    /// Asks where somebody or something is, with the answer and the lines that give it.
    pub(super) fn question(&mut self) -> String {
        let known: Vec<_> = (0..THINGS.len())
            .filter_map(|thing| Some((thing, self.find(thing)?)))
            .collect();
        if let Some(&(thing, (place, [first, second]))) = known.choose(&mut self.generator) {
            return format!(
                "Where is the {}?\t{}\t{first} {second}",
                THINGS[thing], PLACES[place]
            );
        }
        let known = self
            .people
            .iter()
            .enumerate()
            .filter_map(|(person, at)| at.map(|(place, line)| (person, place, line)));
        // A question follows a statement, and the first statement is always of somebody's move.
        let (person, place, line) = known.choose(&mut self.generator).unwrap_or_default();
        format!("Where is {}?\t{}\t{line}", PEOPLE[person], PLACES[place])
    }

    /// The place of a thing and the two lines from which it follows.
    fn find(&self, thing: usize) -> Option<(usize, [usize; 2])> {
        match self.things[thing] {
            Whereabouts::Unknown => None,
            Whereabouts::At {
                place,
                since,
                supports,
            } => Some((place, [supports, since])),
            Whereabouts::With { person, since } => self.people[person]
                .map(|(place, moved)| (place, [since.min(moved), since.max(moved)])),
        }
    }
}

fn pick(phrases: &[&'static str], generator: &mut ChaCha8Rng) -> &'static str {
    phrases.choose(generator).copied().unwrap_or_default()
}
