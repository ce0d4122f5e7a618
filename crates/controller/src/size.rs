//! How large a model is: the number of its parameters, by name and in all.

use std::fmt;

use mnm_tensor::ParameterSpec;

/// The numbers of trained and of fixed elements among some parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParameterCount {
    /// Elements that training changes.
    pub trained: usize,
    /// Elements that stay as they were drawn.
    pub fixed: usize,
}

impl ParameterCount {
    /// The count over `specs`.
    pub fn of(specs: &[ParameterSpec]) -> Self {
        let sum = |trained| {
            specs
                .iter()
                .filter(|s| s.trained == trained)
                .map(ParameterSpec::len)
                .sum()
        };
        Self {
            trained: sum(true),
            fixed: sum(false),
        }
    }
}

impl fmt::Display for ParameterCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parameters", self.trained)?;
        match self.fixed {
            0 => Ok(()),
            fixed => write!(f, " and {fixed} fixed"),
        }
    }
}

/// A line a parameter (name, shape, elements), and the [`ParameterCount`] below.
pub fn parameter_table(specs: &[ParameterSpec]) -> String {
    let width = specs.iter().map(|s| s.name.len()).max().unwrap_or(0);
    let mut table = String::new();
    for spec in specs {
        let fixed = if spec.trained { "" } else { "  fixed" };
        let shape = format!("{:?}", spec.shape);
        table += &format!(
            "{:width$}  {shape:14} {:>9}{fixed}\n",
            spec.name,
            spec.len()
        );
    }
    table + &ParameterCount::of(specs).to_string()
}
