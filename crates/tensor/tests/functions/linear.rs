//! Linear layers: whether the weight or the input is laid out for the product makes no difference to a bit.

use mnm_tensor::Tensor;
use proptest::prelude::*;

/// Numbers in (-1, 1) that look like nothing.
fn scattered(count: usize, from: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f32 + from) * 12.9898).sin())
        .collect()
}

proptest! {
    // Few rows have the input laid out, many the weight: the first rows of many are those few.
    #[test]
    fn how_many_rows_there_are_changes_no_bit_of_a_row(rows in 1_usize..40, input in 0_usize..70, out in 1_usize..120) {
        let (x, weight) = (scattered(rows * input, 0.1), scattered(out * input, 0.7));
        let bias = scattered(out, 0.3);
        let layer = |copies: usize| {
            let x = Tensor::from_vec(&[rows * copies, input], x.repeat(copies)).unwrap();
            let weight = Tensor::from_vec(&[out, input], weight.clone()).unwrap();
            let bias = Tensor::from_vec(&[out], bias.clone()).unwrap();
            let y = x.linear(&weight, Some(&bias)).unwrap();
            y.value().iter().take(rows * out).copied().collect::<Vec<f32>>()
        };
        let many = out * input / (rows * (out + input)) + 1;
        let (few, many) = (layer(1), layer(many));
        prop_assert_eq!(&few, &many);
        for (n, &y) in few.iter().enumerate() {
            let row = &x[n / out * input..][..input];
            let unit = &weight[n % out * input..][..input];
            let terms = row.iter().zip(unit).map(|(&x, &w)| f64::from(x) * f64::from(w));
            let terms = || terms.clone().chain([f64::from(bias[n % out])]);
            // Each addition rounds by half an epsilon of what it adds up to, at most.
            let (expected, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
            let bound = (input + 1) as f64 * f64::from(f32::EPSILON) * size;
            prop_assert!((f64::from(y) - expected).abs() <= bound, "{} at {}, not {}", y, n, expected);
        }
    }
}
