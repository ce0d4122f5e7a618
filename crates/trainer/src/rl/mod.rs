//! Reinforcement learning by A2C (advantage actor-critic; Mnih et al., arXiv 1602.01783, in its synchronous form).
//!
//! The agent is a [`Model`](mnm_controller::Model) whose output layer on `[h ; v]` has a row for every action, the
//! logits of the policy, and one more, the value. It plays a segment of every world's episode step by step, without a
//! tape, and then runs the same segment once more as one unrolled sequence for the gradient. Its state, memory included,
//! is carried from segment to segment of an episode, and begins anew with each episode.
//!
//! Worlds are played in blocks of [`BLOCK`](crate::batch::BLOCK), summed in a fixed order; every action is drawn from a
//! stream named for its episode and step. Neither the number of threads nor a stop in the middle of an episode changes
//! a bit of the result.

mod agent;
mod arena;
mod draws;
mod environment;
mod evaluate;
mod loss;
mod policy;
mod record;
mod recording;
mod returns;
pub(crate) mod worlds;

pub use agent::Agent;
pub use draws::draw_action;
pub use environment::{build_agent, build_environment};
pub use evaluate::{AgentEvaluation, Figures, Spread, evaluate};
pub use loss::{AgentLosses, LossWeights, Segment, segment_gradient};
pub use record::AgentSummary;
pub use recording::{Recording, Scene};
pub use returns::{Credit, credit};

pub(crate) use evaluate::play_split;
pub(crate) use record::AgentRecord;
