//! bAbI from files to episodes, on small fixtures.

mod episodes;
mod errors;
mod fixtures;
mod inventory;
mod recall;
mod rename;
mod sources;
mod text;
