//! Settings that the chosen model or task would ignore.

use mnm_controller::ModelKind;

use super::{Config, ConfigError, KEYS, overrides};

/// Whether one of `users`, the kinds of models, rules and tasks that look at a key, is in the config.
fn is_looked_at(users: &str, config: &Config) -> bool {
    let environment = config.data.is_environment();
    let is_chosen = |user: &str| match user {
        "tasks" => !environment,
        "environments" => environment,
        _ => user == kind(config) || user == config.model.label() || user == config.data.name(),
    };
    users.is_empty() || users.split(", ").any(is_chosen)
}

fn kind(config: &Config) -> &str {
    match config.model.kind {
        ModelKind::Mnm => "mnm",
        _ => config.model.label(),
    }
}

/// Refuses a setting of model or training that nothing chosen looks at, also where it sets what is the default: whoever says
/// `model.rule=mnm-p` wants that rule. Keys of `data` and `rl` are refused where these are read.
pub(super) fn refuse(set: &str, config: &Config) -> Result<(), ConfigError> {
    let Some(key) = KEYS.iter().find(|key| overrides::names(set, key.path)) else {
        return Ok(());
    };
    let here = key.path.starts_with("model.") || key.path.starts_with("train.");
    if !here || is_looked_at(key.used_by, config) {
        return Ok(());
    }
    let chosen = match config.model.kind {
        ModelKind::Mnm => format!("model.rule = \"{}\"", config.model.label()),
        _ => format!("model.kind = \"{}\"", kind(config)),
    };
    Err(ConfigError::Override {
        set: set.to_owned(),
        expected: format!(
            "{} is only for {}, and {chosen} on the task {} does not look at it",
            key.path,
            key.used_by,
            config.data.name()
        ),
    })
}
