//! The fused kernel is the definition, and every rule keeps its promises: the rules of the table, rules of one's own, and programs drawn
//! at random.

mod digits;
#[path = "../../examples/a_rule_of_your_own.rs"]
mod guide;
mod of_your_own;
mod random_programs;
mod rules;
