//! Settings that the chosen model would ignore.

use mnm_controller::{ModelConfig, ModelKind};
use mnm_memory::rule_names;

use super::{ConfigError, KEYS, overrides};

/// Who looks at a setting, where that hangs on the kind of model and its rule alone.
fn users(set: &str) -> Option<(&'static str, &'static str)> {
    let key = KEYS.iter().find(|key| overrides::names(set, key.path))?;
    let kinds = ["mnm", "lstm", "lstm-salu", "ntm", "dnc"];
    let rules = rule_names();
    let known = |user: &str| kinds.contains(&user) || rules.iter().any(|rule| rule == user);
    let of_models = key.path.starts_with("model.") && key.used_by.split(", ").all(known);
    of_models.then_some((key.path, key.used_by))
}

/// Refuses a setting that the model does not look at, also where it sets what is the default: whoever says
/// `model.rule=mnm-p` wants that rule.
pub(super) fn refuse(set: &str, model: &ModelConfig) -> Result<(), ConfigError> {
    let Some((path, users)) = users(set) else {
        return Ok(());
    };
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
