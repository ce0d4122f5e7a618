//! To and from the memory of tensors.

use mnm_memory::{
    AssociativeMemory, Features, GradientRule, Memory, MemoryShape, Method, Write, WriteRule,
};
use mnm_tensor::{Parameters, Tensor};
use ndarray::{ArcArray, Array3, Axis, IxDyn, array};

use crate::scene::rows;

fn three(count: [usize; 3], seed: u64) -> Array3<f64> {
    let [a, b, c] = count;
    rows::<f64>(a * b, c, seed)
        .into_shape_with_order((a, b, c))
        .unwrap()
}

/// A memory of two sequences that a rule has written into.
fn written() -> Memory<f64> {
    let memory = Memory::new(vec![
        Tensor::constant(three([2, 7, 4], 1)),
        Tensor::constant(three([2, 7, 7], 2)),
        Tensor::constant(three([2, 3, 7], 3)),
    ])
    .unwrap();
    let write = Write::new(
        Tensor::constant(three([2, 2, 4], 4)),
        Tensor::constant(three([2, 2, 3], 5)),
        Tensor::constant(array![0.9, 0.4]),
    );
    GradientRule::default()
        .write(&Parameters::new(), &memory, &write)
        .unwrap()
}

#[test]
fn a_models_memory_is_taken_out_read_written_and_put_back() {
    let memory = written();
    let keys = three([2, 5, 4], 6);
    let reads = memory.read(&Tensor::constant(keys.clone())).unwrap();
    for sequence in 0..2 {
        let mut taken =
            AssociativeMemory::from_memory(&memory, sequence, Method::deep([7, 7]), Features::Raw)
                .unwrap();
        let found = taken
            .read_batch(keys.index_axis(Axis(0), sequence))
            .unwrap();
        let expected = reads.value().index_axis(Axis(0), sequence).to_owned();
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
        let back = taken.to_memory().unwrap();
        for (back, weight) in back.weights().iter().zip(memory.weights()) {
            assert_eq!(
                back.value().index_axis(Axis(0), 0),
                weight.value().index_axis(Axis(0), sequence)
            );
        }
        let before = taken
            .write(&[0.1, 0.2, 0.3, 0.4], &[1.0, -1.0, 0.5])
            .unwrap();
        let after = taken
            .write(&[0.1, 0.2, 0.3, 0.4], &[1.0, -1.0, 0.5])
            .unwrap();
        assert!(after < 0.1 * before, "{before} -> {after}");
    }
}

#[test]
fn a_memory_of_one_layer_goes_on_by_any_method() {
    let weights = three([3, 2, 4], 7);
    let memory = Memory::new(vec![Tensor::constant(weights.clone())]).unwrap();
    for method in [
        Method::delta(),
        Method::least_squares(),
        Method::hebbian(),
        Method::deep([]),
    ] {
        let mut taken = AssociativeMemory::from_memory(&memory, 1, method, Features::Raw).unwrap();
        let key = array![0.3, -0.2, 0.9, 0.1];
        let expected = weights.index_axis(Axis(0), 1).dot(&key);
        let read = taken.read(&key).unwrap();
        assert!(
            read.iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
        taken.write(&key, &[1.0, 2.0]).unwrap();
    }
    let unit = AssociativeMemory::from_memory(&memory, 0, Method::delta(), Features::Unit).unwrap();
    let (long, short) = (array![3.0, 0.0, 4.0, 0.0], array![0.6, 0.0, 0.8, 0.0]);
    let expected = weights.index_axis(Axis(0), 0).dot(&short);
    let read = unit.read(&long).unwrap();
    assert!(
        read.iter()
            .zip(&expected)
            .all(|(a, b)| (a - b).abs() < 1e-12)
    );
}

#[test]
fn a_memory_shared_by_a_batch_can_be_taken_out() {
    // `Memory::initial` broadcasts its weights: their rows do not lie one after another.
    let shape = MemoryShape::new(3, 5, 2).unwrap();
    let mut parameters = Parameters::new();
    for (layer, seed) in [(0, 1), (1, 2)] {
        let [out, input] = shape.weight(layer);
        let weight = rows::<f64>(out, input, seed).into_dyn().into_shared();
        parameters.insert(mnm_memory::weight_name(layer), Tensor::shared(weight));
    }
    let memory = Memory::initial(&parameters, &shape, 4).unwrap();
    let taken =
        AssociativeMemory::from_memory(&memory, 3, Method::deep([5]), Features::Raw).unwrap();
    let key = array![[0.1, 0.2, -0.3]];
    let keys = key.broadcast((4, 1, 3)).unwrap().to_owned();
    let expected = memory.read(&Tensor::constant(keys)).unwrap();
    let read = taken.read(key.row(0)).unwrap();
    let expected: ArcArray<f64, IxDyn> = expected
        .value()
        .index_axis(Axis(0), 3)
        .to_owned()
        .into_shared();
    assert!(
        read.iter()
            .zip(&expected)
            .all(|(a, b)| (a - b).abs() < 1e-12)
    );
}

#[test]
fn misfits_say_what_would_fit() {
    let memory = written();
    let refused = |sequence, method, features| {
        AssociativeMemory::from_memory(&memory, sequence, method, features)
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused(2, Method::deep([7, 7]), Features::Raw).contains("no sequence 2: the memory has 2")
    );
    let layers = refused(0, Method::delta(), Features::Raw);
    assert!(
        layers.contains("Method::Deep with hidden widths [7, 7]"),
        "{layers}"
    );
    assert!(refused(0, Method::deep([7]), Features::Raw).contains("[7, 7]"));
    assert!(refused(0, Method::deep([7, 7]), Features::tanh(4)).contains("Features::Raw or Unit"));
    let infinite = Memory::new(vec![Tensor::constant(array![[[1.0, f64::INFINITY]]])]).unwrap();
    let error =
        AssociativeMemory::from_memory(&infinite, 0, Method::delta(), Features::Raw).unwrap_err();
    assert!(
        error.to_string().contains("layer 0 has inf in row 0"),
        "{error}"
    );
    // Finite, but of a norm that a file is refused for: 1e308 sqrt(3).
    let large = Memory::new(vec![Tensor::constant(array![[[1e308, 1e308, -1e308]]])]).unwrap();
    let error =
        AssociativeMemory::from_memory(&large, 0, Method::delta(), Features::Raw).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`memory.0.weight` has norm 1732")
            && error
                .to_string()
                .ends_with("more than a memory of f64 is written to"),
        "{error}"
    );
    let mapped =
        AssociativeMemory::<f64>::with_features(4, 3, Method::delta(), Features::tanh(9)).unwrap();
    assert!(mapped.to_memory().is_err());
}
