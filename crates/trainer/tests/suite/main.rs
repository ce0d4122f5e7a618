//! One binary for all of them: each by itself would compile and link the whole tensor core again.

mod algorithmic;
mod ask;
mod average;
mod checkpoint;
mod checkpoint_apply;
mod damage;
mod gradient;
mod observe;
mod ranks;
mod recorded;
mod rl;
mod rl_gradient;
mod start_from;
mod training;
