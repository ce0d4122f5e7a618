//! One binary for all of them: each by itself would compile and link the whole tensor core again.

mod algorithmic;
mod apply_equations;
mod ask;
mod average;
mod checkpoint;
mod checkpoint_apply;
mod damage;
mod differences;
mod gradient;
mod observe;
#[path = "../../../memory/tests/rules/plain.rs"]
mod plain;
mod ranks;
mod recorded;
mod rl;
mod rl_gradient;
mod sizes;
mod start_from;
mod training;
