//! What an axis shows.

/// Name and unit of a quantity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// For example "validation error".
    pub label: String,
    /// For example "%"; empty for a plain number.
    pub unit: String,
}

impl Axis {
    /// A quantity with a unit.
    pub fn new(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            unit: unit.into(),
        }
    }

    /// A plain number.
    pub fn plain(label: impl Into<String>) -> Self {
        Self::new(label, "")
    }

    pub(super) fn text(&self) -> String {
        match (self.label.is_empty(), self.unit.is_empty()) {
            (_, true) => self.label.clone(),
            (true, false) => self.unit.clone(),
            (false, false) => format!("{} [{}]", self.label, self.unit),
        }
    }
}

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences take equal lengths.
    #[default]
    Linear,
    /// Equal ratios take equal lengths. Values of zero and below are drawn at the lower end.
    Log,
}
