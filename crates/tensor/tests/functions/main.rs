//! Functions of tensors: values, derivatives, and what they do where they have none.

mod composites;
mod einsum;
mod kinks;
mod values;
