//! The baselines by config: names, ranges, sizes.

use mnm_controller::{InputSpec, Model, ModelConfig, ModelKind, ParameterCount, parameter_table};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

const DENSE: InputSpec = InputSpec::Dense { width: 8 };

fn config(kind: ModelKind) -> ModelConfig {
    ModelConfig {
        kind,
        controller: 10,
        value: 6,
        heads: 2,
        slots: 7,
        slot_width: 4,
        read_heads: 3,
        ..ModelConfig::default()
    }
}

fn count(kind: ModelKind) -> ParameterCount {
    let model = Model::<f32>::new(&config(kind), DENSE, 5).unwrap();
    ParameterCount::of(&model.parameters())
}

/// By hand: LSTM 4C(X + read + C + 2), heads, output K(O + 1).
#[test]
fn parameters_are_counted() {
    let lstm = |read: usize| 40 * (8 + read + 10 + 2);
    let output = |read: usize| 5 * (10 + read + 1);
    let trained = |kind| count(kind).trained;
    assert_eq!(trained(ModelKind::Lstm), lstm(0) + output(0));
    assert_eq!(
        trained(ModelKind::LstmSalu),
        lstm(6) + (6 + 3 * 2 * 6) * 11 + 7 + output(6)
    );
    assert_eq!(
        trained(ModelKind::Ntm),
        lstm(12) + (4 * 10 + 8) * 11 + output(12)
    );
    assert_eq!(
        trained(ModelKind::Dnc),
        lstm(12) + (3 * 4 + 3 * 4 + 5 * 3 + 3) * 11 + output(12)
    );
    let mnm = count(ModelKind::Mnm);
    assert_eq!(mnm.fixed, 100 * 6 + 100 * 100 + 6 * 100);
    assert_eq!(
        mnm.to_string(),
        format!("{} parameters and 11200 fixed", mnm.trained)
    );
}

#[test]
fn the_table_has_a_line_a_parameter() {
    let model = Model::<f32>::new(&config(ModelKind::Ntm), DENSE, 5).unwrap();
    let table = parameter_table(&model.parameters());
    assert_eq!(table.lines().count(), model.parameters().len() + 1);
    assert!(
        table.contains("heads.weight") && table.contains("[48, 10]"),
        "{table}"
    );
    assert!(table.ends_with(" parameters"), "{table}");
}

#[test]
fn sizes_out_of_range_name_their_key() {
    let refused = |change: fn(&mut ModelConfig)| {
        let mut config = config(ModelKind::Dnc);
        change(&mut config);
        config.validate().unwrap_err().to_string()
    };
    let message = refused(|c| c.slots = 0);
    assert!(
        message.contains("model.slots = 0: expected a count from 1 to 16384"),
        "{message}"
    );
    let message = refused(|c| c.slot_width = 0);
    assert!(message.contains("model.slot_width = 0"), "{message}");
    let message = refused(|c| c.read_heads = 65);
    assert!(message.contains("model.read_heads = 65"), "{message}");
}

#[test]
fn kinds_have_the_names_that_configs_use() {
    let kind = |name: &'static str| {
        let name: serde::de::value::StrDeserializer<'_, Error> = name.into_deserializer();
        ModelKind::deserialize(name)
    };
    assert_eq!(kind("lstm-salu"), Ok(ModelKind::LstmSalu));
    assert_eq!(kind("ntm"), Ok(ModelKind::Ntm));
    assert_eq!(kind("dnc"), Ok(ModelKind::Dnc));
    let message = kind("turing").unwrap_err().to_string();
    assert!(message.contains("lstm-salu"), "{message}");
}
