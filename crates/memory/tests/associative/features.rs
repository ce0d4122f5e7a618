//! What a feature map is for: more pairs than the keys are wide.

use mnm_memory::{AssociativeMemory, Features, Method};

use crate::scene::rows;

/// The relative recall error of 64 random pairs with keys 16 wide.
fn error(method: Method, features: Features) -> f64 {
    let (keys, values) = (rows::<f64>(64, 16, 1), rows::<f64>(64, 8, 2));
    let mut memory = AssociativeMemory::with_features(16, 8, method, features).unwrap();
    memory.write_batch(&keys, &values).unwrap();
    let difference = memory.read_batch(&keys).unwrap() - &values;
    (difference.mapv(|x| x * x).sum() / values.mapv(|x| x * x).sum()).sqrt()
}

#[test]
fn features_make_room_for_more_pairs_than_keys_are_wide() {
    let raw = error(Method::least_squares(), Features::Raw);
    assert!(
        raw > 0.7,
        "four pairs for each dimension cannot be held: {raw}"
    );
    let squares = Method::LeastSquares {
        ridge: 1e-9,
        forgetting: 0.0,
    };
    for features in [Features::tanh(256), Features::nearest(512, 16)] {
        let found = error(squares.clone(), features.clone());
        assert!(found < 1e-3, "{features:?}: {found}");
    }
    // The delta rule does not set features apart: it takes sparse ones, of which different keys share few.
    let (raw, sparse) = (
        error(Method::delta(), Features::Raw),
        error(Method::delta(), Features::nearest(512, 16)),
    );
    assert!(sparse < 0.5 * raw, "{sparse} against {raw}");
}

#[test]
fn only_the_direction_of_a_key_counts_but_for_raw_ones() {
    let (keys, values) = (rows::<f64>(9, 5, 1), rows::<f64>(9, 3, 2));
    for features in [Features::Unit, Features::tanh(20), Features::nearest(20, 4)] {
        let mut one =
            AssociativeMemory::<f64>::with_features(5, 3, Method::delta(), features).unwrap();
        let mut other = one.clone();
        one.write_batch(&keys, &values).unwrap();
        other.write_batch(&(&keys * 50.0), &values).unwrap();
        let difference =
            one.read_batch(&keys).unwrap() - other.read_batch(&(&keys * 0.01)).unwrap();
        assert!(difference.iter().all(|x| x.abs() < 1e-12));
    }
}

#[test]
fn the_seed_decides_what_is_drawn_and_the_scalar_type_does_not() {
    let keys = rows::<f64>(4, 5, 1);
    let values = rows::<f64>(4, 3, 2);
    let tanh = |seed| Features::Tanh {
        count: 30,
        gain: 2.0,
        seed,
    };
    let read = |features| {
        let mut memory =
            AssociativeMemory::<f64>::with_features(5, 3, Method::hebbian(), features).unwrap();
        memory.write_batch(&keys, &values).unwrap();
        memory.read_batch(&rows(4, 5, 3)).unwrap()
    };
    assert_eq!(read(tanh(7)), read(tanh(7)));
    assert_ne!(read(tanh(7)), read(tanh(8)));
    let mut single =
        AssociativeMemory::<f32>::with_features(5, 3, Method::hebbian(), tanh(7)).unwrap();
    let (keys, values) = (keys.mapv(|x| x as f32), values.mapv(|x| x as f32));
    single.write_batch(&keys, &values).unwrap();
    let found = single
        .read_batch(&rows::<f64>(4, 5, 3).mapv(|x| x as f32))
        .unwrap();
    let expected = read(tanh(7));
    assert!(
        found
            .iter()
            .zip(&expected)
            .all(|(a, b)| (f64::from(*a) - b).abs() < 1e-4)
    );
}
