//! Settings that the chosen model would ignore.

use mnm_controller::{ModelConfig, ModelKind};

use super::{ConfigError, KEYS, overrides};

/// What concerns a write rule, and nothing but one.
const OF_RULES: [&str; 8] = [
    "model.rule",
    "model.forget",
    "model.momentum",
    "model.unit_keys",
    "model.inner_steps",
    "model.inner_loss",
    "model.huber",
    "model.ridge",
];

/// Refuses a setting of a write rule that the model does not look at, also where it sets what is the default: whoever says
/// `model.rule=mnm-p` wants that rule.
pub(super) fn refuse(set: &str, model: &ModelConfig) -> Result<(), ConfigError> {
    let Some(path) = (OF_RULES.into_iter()).find(|path| overrides::names(set, path)) else {
        return Ok(());
    };
    let users = (KEYS.iter().find(|key| key.path == path)).map_or("", |key| key.used_by);
    let kind = match model.kind {
        ModelKind::Mnm => "mnm",
        _ => model.label(),
    };
    let looks = |user: &str| user == kind || (kind == "mnm" && user == model.label());
    if users.split(", ").any(looks) {
        return Ok(());
    }
    let chosen = match model.kind {
        ModelKind::Mnm => format!("model.rule = \"{}\"", model.label()),
        _ => format!("model.kind = \"{kind}\""),
    };
    Err(ConfigError::Override {
        set: set.to_owned(),
        expected: format!("{path} is only for {users}, and {chosen} does not look at it"),
    })
}
