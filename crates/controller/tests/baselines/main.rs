//! The models that MNM is compared with: gradients, meaning, batches, carrying and resetting.

mod dnc;
mod gradients;
mod look_up_table;
mod models;
mod ntm;
mod sequences;
mod settings;
