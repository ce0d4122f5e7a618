//! mnm
fn main() {}
