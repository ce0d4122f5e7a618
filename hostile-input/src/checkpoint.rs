//! A file of tensors: a checkpoint, or what `mnm apply` takes.

use std::path::Path;

use mnm_trainer::Weights;
use mnm_trainer::ask::{AskError, Reader};
use mnm_trainer::checkpoint::{Checkpoint, Container};

use crate::{Verdict, folder, refused};

const NAME: &str = "best.safetensors";

/// A file of tensors is read or refused by name. What was read is the same when it is written and read again, and a checkpoint of a model that
/// answers questions answers one or is refused.
pub fn checkpoint(bytes: &[u8]) -> Verdict {
    let path = Path::new(NAME);
    let container = match Container::from_bytes(path, bytes) {
        Ok(container) => container,
        Err(error) => return refused(&error, NAME),
    };
    let written = container.to_bytes().expect("metadata are text");
    let again = Container::from_bytes(path, &written).expect("what was written");
    assert!(again.to_bytes().expect("metadata are text") == written);
    if let Err(error) = container.refuse_others(path, None) {
        return refused(&error, NAME);
    }
    let checkpoint = match Checkpoint::of(path, container) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return refused(&error, NAME),
    };
    let again = Checkpoint::of(path, checkpoint.to_container()).expect("what was written");
    assert!(again == checkpoint);
    ask(bytes)
}

fn ask(bytes: &[u8]) -> Verdict {
    let path = folder::file(&format!("run/{NAME}"), bytes);
    let dir = path.parent().expect("the folder of the file");
    let answered = Reader::open(dir, Weights::Best).and_then(|reader| {
        let mut story = reader.begin()?;
        story.tell("Mary went to the garden.")?;
        story.ask("Where is Mary?")
    });
    match answered {
        Ok(answer) => {
            let sum: f64 = answer.ranking.iter().map(|found| found.probability).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{sum}");
            Verdict::Taken
        }
        Err(AskError::NotFinite(_)) => Verdict::Refused,
        Err(error) => refused(&error, &dir.display().to_string()),
    }
}
