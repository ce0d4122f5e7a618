//! Functions of tensors: values, derivatives, and what they do where they have none.

mod composites;
mod cross_entropy;
mod einsum;
mod first_values;
mod kinks;
mod layout;
mod linear;
mod room;
mod sums;
mod values;
