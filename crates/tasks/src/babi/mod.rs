//! The bAbI question-answering tasks.
//!
//! Weston et al., "Towards AI-Complete Question Answering: A Set of Prerequisite Toy Tasks" (arXiv 1502.05698). Each of
//! 20 tasks is a file of stories; a story is a list of numbered statements and questions:
//!
//! ```text
//! 1 Mary moved to the bathroom.
//! 2 John went to the hallway.
//! 3 Where is Mary?<tab>bathroom<tab>1
//! ```
//!
//! One file of this directory each: [`line`](parse_line) reads a line, `words` tells words apart and `text` answers and questions, `corpus` reads a
//! file, `source` finds the files in a folder and `archive` in the published archive, `vocabulary` numbers words and answers, `showing`
//! turns a line into steps, `recall` makes questions of statements,
//! `rename` tells a story of other people and places, `reading` turns stories into episodes,
//! `data` puts it together as a [`Task`](crate::Task). `inventory` counts a download's files and `checksums` tells which of
//! them are the published ones.

mod archive;
mod checksums;
mod corpus;
mod data;
mod error;
mod inventory;
mod line;
mod options;
mod reading;
mod recall;
mod rename;
mod render;
pub(crate) mod showing;
mod source;
mod text;
mod vocabulary;
mod words;

pub use checksums::Provenance;
pub use corpus::{Corpus, Interner};
pub use data::{Babi, Counts};
pub use error::BabiError;
pub use inventory::{BabiFile, Inventory};
pub use line::{Content, Line, LineProblem, parse_line};
pub use options::{BabiOptions, Encoding, Questions};
pub use rename::Rename;
pub use showing::Showing;
pub use text::{LONGEST_LINE, is_question, normal_answer, without_byte_order_mark};
pub use vocabulary::{PADDING, UNKNOWN, Vocabulary};

pub(crate) use reading::{Lexicon, Reading};
pub(crate) use recall::Draw;
pub(crate) use rename::{AnswerWords, Renames};
pub(crate) use render::render;
