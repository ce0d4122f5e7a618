//! Builds a model from a config, draws its parameters and runs a sequence: what it writes at each step, and how well.
//!
//! `cargo run -p mnm-controller --example run_a_sequence`
//!
//! The model is untrained. MNM-g lowers its recall error with every write all the same, since a gradient step does so by
//! itself; MNM-p has still to learn which targets to write towards.

use mnm_controller::encoder::Input;
use mnm_controller::{ControllerError, InputSpec, Kernel, Masks, Model, ModelConfig};
use mnm_tensor::{Init, Parameters};
use rand::{SeedableRng, rngs::StdRng};

const STEPS: usize = 8;
const BATCH: usize = 1;
const WIDTH: usize = 6;
const CLASSES: usize = 4;

fn main() -> Result<(), ControllerError> {
    for rule in ["mnm-g", "mnm-p"] {
        let config = ModelConfig {
            rule: rule.to_owned(),
            controller: 32,
            value: 16,
            hidden: 16,
            kernel: Kernel::Reference, // looks inside every step
            ..ModelConfig::default()
        };
        let model = Model::<f32>::new(&config, InputSpec::Dense { width: WIDTH }, CLASSES)?;

        let generator = &mut StdRng::seed_from_u64(1);
        let parameters = Parameters::draw(&model.parameters(), generator).constants();
        let sequence = Init::Normal { deviation: 1.0 }.draw(&[STEPS, BATCH, WIDTH], generator);

        let state = model.initial_state(&parameters, BATCH)?;
        let run = model.run(
            &parameters,
            &Input::Dense(sequence.into()),
            &state,
            &Masks::default(),
        )?;
        println!("{rule}: step  rate  recall error before -> after the write");
        for t in 0..STEPS {
            let (rate, before) = (
                run.trace["rate"].value()[[t, 0]],
                run.trace["error_before"].value()[[t, 0]],
            );
            let after = run.meta.value()[[t, 0]];
            println!("{t:11} {rate:5.2}  {before:19.5} -> {after:.5}");
            assert!((0.0..1.0).contains(&rate));
            assert!(
                rule == "mnm-p" || after < before,
                "step {t}: the write made it worse"
            );
        }
        let last = (STEPS - 1) * BATCH;
        let logits = model.logits(&parameters, &run.outputs, &[last])?;
        println!("logits of the last step {:.3}\n", logits.value());
        assert_eq!(logits.shape(), [1, CLASSES]);
    }
    Ok(())
}
