//! The model as its definition states it, step by step in tensor ops: equations, gradients, states, names, errors.

mod encoder;
mod equations;
mod gradients;
mod model;
mod names;
mod sequences;
mod settings;
mod states;
mod support;
