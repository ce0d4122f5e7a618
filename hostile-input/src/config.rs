//! Configs, and settings on top of them.

use mnm_trainer::{Config, ConfigError};

use crate::Verdict;

/// A config, and behind a NUL settings on top of it, one a line.
pub fn config(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Verdict::Refused;
    };
    let (text, sets) = text.split_once('\0').unwrap_or((text, ""));
    judge(Config::parse("the config", text, &lines(sets)))
}

/// Settings, one a line, on top of the config that the first byte chooses.
pub fn set(bytes: &[u8]) -> Verdict {
    let Some((name, sets)) = bytes.split_first() else {
        return Verdict::Refused;
    };
    let Ok(sets) = std::str::from_utf8(sets) else {
        return Verdict::Refused;
    };
    let names = Config::names();
    let name = names[*name as usize % names.len()];
    judge(Config::load(name, &lines(sets)))
}

fn lines(sets: &str) -> Vec<String> {
    sets.lines().map(str::to_owned).collect()
}

/// What is taken is what it prints, and prints the same again.
fn judge(config: Result<Config, ConfigError>) -> Verdict {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Verdict::Refused;
        }
    };
    config.validate().expect("it was checked when it was read");
    for config in [config.for_checkpoint(), config] {
        let printed = config.to_toml();
        let again = Config::parse("what it prints", &printed, &[]).expect("a config");
        assert_eq!(again, config, "{printed}");
        assert_eq!(again.to_toml(), printed);
        assert_eq!(config.with_data(&[]).expect("no other data"), config);
    }
    Verdict::Taken
}
