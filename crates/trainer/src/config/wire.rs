//! Between configs and TOML tables, compiled once.
//!
//! What serde derives is generic in the format. Through `dyn` it is compiled for one format only, however many there are
//! around it; that is a third of what this crate costs to compile.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// What is wrong with a table, and where.
pub(crate) struct Misfit {
    /// The key at fault, with dots; `.` for the table itself.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
}

/// The value that `table` describes.
pub(crate) fn from_table<T: DeserializeOwned>(table: Table) -> Result<T, Misfit> {
    let mut track = serde_path_to_error::Track::new();
    let outcome = {
        let tracked = serde_path_to_error::Deserializer::new(Value::Table(table), &mut track);
        erased_serde::deserialize(&mut <dyn erased_serde::Deserializer<'_>>::erase(tracked))
    };
    outcome.map_err(|error| Misfit {
        key: track.path().to_string(),
        message: error.to_string().trim_end().to_owned(),
    })
}

/// The table that describes `value`; `None` if it holds what TOML lacks.
pub(super) fn to_table(value: &dyn erased_serde::Serialize) -> Option<Table> {
    Table::try_from(value).ok()
}

/// The TOML text that describes `value`; `None` as with [`to_table`].
pub(super) fn to_text(value: &dyn erased_serde::Serialize) -> Option<String> {
    toml::to_string(value).ok()
}
