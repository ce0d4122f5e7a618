//! Sizes that a test gives once for several kinds of model.

use mnm_trainer::{Config, ConfigError};

/// The config called `name` with `sets`, less the sizes that its kind of model does not look at: those would be refused.
pub fn load(name: &str, sets: Vec<&str>) -> Config {
    let mut sets: Vec<String> = sets.into_iter().map(str::to_owned).collect();
    loop {
        match Config::load(name, &sets) {
            Err(ConfigError::Override { set, expected })
                if is_a_size(&set) && expected.ends_with("does not look at it") =>
            {
                let network = ["model.value", "model.hidden"]
                    .iter()
                    .any(|size| set.starts_with(size));
                assert!(!network || !expected.contains("model.rule ="), "{expected}");
                sets.retain(|other| *other != set);
            }
            loaded => return loaded.unwrap(),
        }
    }
}

fn is_a_size(set: &str) -> bool {
    let sizes = [
        "value",
        "hidden",
        "embedding",
        "slots",
        "slot_width",
        "read_heads",
    ];
    let path = set.split_once('=').map_or(set, |(path, _)| path);
    path.strip_prefix("model.")
        .is_some_and(|size| sizes.contains(&size))
}
