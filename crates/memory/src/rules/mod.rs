//! The write rules, each in a file of its own with its equation and its source.

mod delta;
mod dfa;
mod gradient;
mod hebbian;
mod oja;
mod perceptron;
mod plastic;
mod rls;
mod titans;

pub use delta::DeltaRule;
pub use dfa::FeedbackRule;
pub use gradient::GradientRule;
pub use hebbian::HebbianRule;
pub use oja::OjaRule;
pub use perceptron::PerceptronRule;
pub use plastic::PlasticRule;
pub use rls::LeastSquaresRule;
pub use titans::TitansRule;
