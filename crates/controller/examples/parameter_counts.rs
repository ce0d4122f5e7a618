//! How many parameters each kind of model has at its default sizes, for vectors of width 8 and 8 outputs.

use mnm_controller::{
    ControllerError, InputSpec, Model, ModelConfig, ModelKind, ParameterCount, parameter_table,
};

fn main() -> Result<(), ControllerError> {
    let kinds = [
        ModelKind::Mnm,
        ModelKind::Lstm,
        ModelKind::LstmSalu,
        ModelKind::Ntm,
        ModelKind::Dnc,
    ];
    for kind in kinds {
        let config = ModelConfig {
            kind,
            ..ModelConfig::default()
        };
        let model = Model::<f32>::new(&config, InputSpec::Dense { width: 8 }, 8)?;
        let specs = model.parameters();
        println!(
            "{kind:?}: {}\n{}\n",
            ParameterCount::of(&specs),
            parameter_table(&specs)
        );
    }
    Ok(())
}
