//! The gradient of a training loss against central differences in f64.

use mnm_controller::Model;
use mnm_tensor::testkit::{inner, random_array};
use mnm_tensor::{Parameters, SharedArray};
use rand::{SeedableRng, rngs::StdRng};

const STEP: f64 = 1e-4;

/// First values, wider than training starts with, so that what is written and read back weighs in the loss.
pub fn wide(model: &Model<f64>, generator: &mut StdRng) -> Parameters<SharedArray<f64>> {
    let specs = model.parameters();
    let drawn = specs.iter().map(|spec| {
        let draw = spec.init.draw::<f64>(&spec.shape, generator);
        (spec.name.clone(), draw.mapv(|x| 2.0 * x).into_shared())
    });
    drawn.collect()
}

/// Every trained parameter along a random direction; the figures must be well away from zero to mean anything.
pub fn hold(
    model: &Model<f64>,
    parameters: &Parameters<SharedArray<f64>>,
    gradient: &Parameters<SharedArray<f64>>,
    loss: impl Fn(&Parameters<SharedArray<f64>>) -> f64,
    seed: u64,
) {
    let mut generator = StdRng::seed_from_u64(seed);
    let specs = model.parameters();
    for spec in specs.iter().filter(|spec| spec.trained) {
        let g = gradient.get(&spec.name).unwrap();
        let size = inner(g, g).sqrt();
        assert!(size > 1e-5, "the gradient of {} is {size:e}", spec.name);
        // Half along the gradient, so that the figure is not small by chance.
        let random = random_array(&spec.shape, &mut generator);
        let sign = if inner(&random, g) < 0.0 { -1.0 } else { 1.0 };
        let scale = sign * inner(&random, &random).sqrt() / size;
        let direction = &random + &g.mapv(|x| x * scale);
        let length = direction.mapv(|x| x * x).sum().sqrt();
        let direction = direction / length;
        let shifted = |sign: f64| {
            let mut moved = parameters.clone();
            let value = moved.find_mut(&spec.name).unwrap();
            *value = (&*value + &direction.mapv(|d| sign * STEP * d)).into_shared();
            loss(&moved)
        };
        // Fourth order: the error is STEP^4, so that the step can stay clear of rounding.
        let numeric =
            (8.0 * (shifted(1.0) - shifted(-1.0)) - (shifted(2.0) - shifted(-2.0))) / (12.0 * STEP);
        let analytic = inner(g, &direction.into_shared());
        let error = (numeric - analytic).abs() / numeric.abs().max(analytic.abs());
        assert!(
            error < 1e-6,
            "{}: central difference {numeric:e}, gradient {analytic:e}, relative error {error:e}",
            spec.name
        );
    }
}
