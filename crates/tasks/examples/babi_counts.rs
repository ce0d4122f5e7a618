//! Counts what a bAbI folder or archive holds: `cargo run --example babi_counts -- PATH`.

use mnm_tasks::{Babi, BabiOptions, InputKind, Task};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: babi_counts PATH (a folder or the published .tar.gz)")?;
    let babi = Babi::load(BabiOptions::new(path))?;
    println!(
        "{:>4} {:>6} {:>8} {:>10} {:>9}",
        "task", "split", "stories", "statements", "questions"
    );
    for count in babi.counts() {
        let (split, stories) = (count.split, count.stories);
        println!(
            "{:>4} {split:>6} {stories:>8} {:>10} {:>9}",
            count.task, count.statements, count.questions
        );
    }
    let vocabulary = babi.vocabulary();
    println!(
        "{} words (and two marks), {} answers",
        vocabulary.words.len() - 2,
        vocabulary.answers.len()
    );
    if let InputKind::Tokens { words_per_step, .. } = babi.interface().input {
        println!("longest sentence: {words_per_step} words");
    }
    Ok(())
}
