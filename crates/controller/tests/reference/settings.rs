//! The settings of a model: every default visible, every mistake named.

use mnm_controller::{ModelConfig, ModelKind};
use mnm_memory::rules;

use crate::support::names;

#[track_caller]
fn refuses(change: impl Fn(&mut ModelConfig), parts: &[&str]) {
    let mut config = ModelConfig::default();
    assert_eq!(config.validate(), Ok(()));
    change(&mut config);
    names(config.validate(), parts);
}

#[test]
fn values_out_of_range_name_the_key_the_value_and_what_is_allowed() {
    refuses(
        |c| c.controller = 0,
        &["model.controller", "= 0", "1 to 16384"],
    );
    refuses(
        |c| c.value = 16_385,
        &["model.value", "= 16385", "1 to 16384"],
    );
    refuses(|c| c.hidden = 0, &["model.hidden", "= 0", "1 to 16384"]);
    refuses(
        |c| c.embedding = 0,
        &["model.embedding", "= 0", "1 to 16384"],
    );
    refuses(|c| c.layers = 0, &["model.layers", "= 0", "1 to 64"]);
    refuses(|c| c.heads = 65, &["model.heads", "= 65", "1 to 64"]);
    refuses(
        |c| c.dropout_hidden = 1.0,
        &["model.dropout_hidden", "= 1", "not including 1"],
    );
    refuses(
        |c| c.dropout_input = -0.1,
        &["model.dropout_input", "= -0.1", "from 0"],
    );
    refuses(
        |c| c.dropout_input = f64::NAN,
        &["model.dropout_input", "NaN"],
    );
    refuses(
        |c| c.dropout_word = 1.0,
        &["model.dropout_word", "= 1", "not including 1"],
    );
    refuses(
        |c| c.memory_gain = 0.0,
        &["model.memory_gain", "= 0", "above 0"],
    );
    refuses(
        |c| c.interaction_gain = f64::NAN,
        &["model.interaction_gain", "NaN"],
    );
    refuses(
        |c| c.read_gain = -1.0,
        &["model.read_gain", "= -1", "above 0"],
    );
    refuses(
        |c| c.rule = "hebb".to_owned(),
        &["model.rule", "\"hebb\"", "\"mnm-p\", \"mnm-g\""],
    );
}

#[test]
fn the_ends_of_the_ranges_are_inside() {
    let config = ModelConfig {
        controller: 1,
        value: 16_384,
        layers: 64,
        heads: 1,
        dropout_hidden: 0.0,
        dropout_input: 0.999,
        dropout_word: 0.999,
        ..ModelConfig::default()
    };
    assert_eq!(config.validate(), Ok(()));
}

#[test]
fn every_rule_there_is_can_be_configured() {
    for rule in rules::<f32>() {
        let config = ModelConfig {
            rule: rule.name().to_owned(),
            ..ModelConfig::default()
        };
        assert_eq!(config.validate(), Ok(()), "{}", rule.name());
        // And is told to whoever misspells it.
        refuses(|c| c.rule = "x".to_owned(), &[rule.name()]);
    }
}

#[test]
fn an_unknown_key_is_named_with_those_there_are() {
    names(
        toml::from_str::<ModelConfig>("widht = 3"),
        &["widht", "`controller`", "`value`", "`heads`"],
    );
}

#[test]
fn an_unknown_name_is_told_which_there_are() {
    names(
        toml::from_str::<ModelConfig>("kind = \"gru\""),
        &["gru", "`mnm`", "`lstm`"],
    );
    names(
        toml::from_str::<ModelConfig>("kernel = \"fast\""),
        &["fast", "`fused`", "`reference`"],
    );
    names(
        toml::from_str::<ModelConfig>("init = \"ones\""),
        &["ones", "`uniform`", "`orthogonal`"],
    );
    names(
        toml::from_str::<ModelConfig>("position_init = \"random\""),
        &["random", "`ones`", "`signs`", "`mixed`"],
    );
    names(
        toml::from_str::<ModelConfig>("layers = -1"),
        &["layers", "-1"],
    );
}

#[test]
fn a_config_is_written_whole_and_read_back() {
    let text = toml::to_string(&ModelConfig::default()).unwrap();
    for line in [
        "kind = \"mnm\"",
        "rule = \"mnm-p\"",
        "layers = 3",
        "train_memory = false",
        "dropout_hidden = 0.0",
    ] {
        assert!(text.lines().any(|l| l == line), "no `{line}` in\n{text}");
    }
    let config = ModelConfig {
        kind: ModelKind::Lstm,
        controller: 7,
        dropout_hidden: 0.25,
        ..ModelConfig::default()
    };
    let read: ModelConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(read, config);
    assert_eq!(
        toml::from_str::<ModelConfig>("").unwrap(),
        ModelConfig::default()
    );
}

#[test]
fn options_of_a_rule_are_read_and_those_that_it_does_not_look_at_are_refused() {
    let read = |text: &str| toml::from_str::<ModelConfig>(text);
    for good in [
        "rule = \"mnm-g\"\ninner_steps = 3\nforget = \"gate\"\nmomentum = 0.5",
        "rule = \"mnm-g\"\ninner_loss = \"huber\"\nhuber = 0.3",
        "rule = \"titans\"\nforget = 0",
        "rule = \"delta\"\nunit_keys = true\nforget = \"none\"",
        "rule = \"rls\"\nridge = 0.1\nforget = 0.01",
        "rule = \"hebbian\"\nunit_keys = \"auto\"",
    ] {
        assert_eq!(read(good).unwrap().validate(), Ok(()), "{good}");
    }
    for (bad, parts) in [
        (
            "rule = \"delta\"\ninner_loss = \"huber\"",
            &["model.inner_loss", "\"delta\""][..],
        ),
        (
            "rule = \"mnm-p\"\ninner_steps = 2",
            &["model.inner_steps", "= 2", "\"mnm-p\""],
        ),
        (
            "rule = \"plastic\"\nforget = \"gate\"",
            &["model.forget", "\"plastic\""],
        ),
        (
            "rule = \"rls\"\nmomentum = 0.1",
            &["model.momentum", "= 0.1", "\"rls\""],
        ),
        ("forget = 1.5", &["model.forget", "= 1.5", "from 0 to 1"]),
        (
            "momentum = 1.0",
            &["model.momentum", "= 1", "not including 1"],
        ),
        (
            "rule = \"mnm-g\"\nhuber = 2.0",
            &["model.huber", "inner_loss"],
        ),
        (
            "kind = \"ntm\"\nrule = \"mnm-g\"",
            &["model.rule", "\"mnm-g\"", "\"ntm\""],
        ),
        (
            "kind = \"lstm\"\nforget = \"gate\"",
            &["model.forget", "\"lstm\""],
        ),
    ] {
        names(read(bad).unwrap().validate(), parts);
    }
    names(
        read("forget = \"sometimes\""),
        &["\"auto\"", "\"gate\"", "a number"],
    );
    names(read("unit_keys = 3"), &["\"auto\"", "true or false"]);
}
