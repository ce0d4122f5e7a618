//! Cross-entropy against log softmax times a table.

use mnm_tensor::Tensor;

fn logits(rows: usize, width: usize) -> Tensor<f32> {
    let elements = (0..rows * width).map(|i| (i * 37 % 101) as f32 * 0.1 - 5.0);
    Tensor::from_vec(&[rows, width], elements.collect()).expect("a table")
}

#[test]
fn the_primitive_is_log_softmax_times_a_table() {
    for width in [1, 3, 16, 17, 177] {
        let (x, classes) = (
            logits(4, width),
            [Some(0), None, Some(width - 1), Some(width / 2)],
        );
        let mut table = vec![0.0; 4 * width];
        for (row, class) in classes.iter().enumerate() {
            if let Some(class) = class {
                table[row * width + class] = 1.0;
            }
        }
        let table = Tensor::from_vec(&[4, width], table).expect("a table");
        let log = x.log_softmax().expect("a table");
        let expected = log.mul(&table).and_then(|l| l.sum_all()).expect("a sum");
        let found = x.cross_entropy(&classes).expect("a row for each class");
        let (expected, found) = (-expected.item().expect("one"), found.item().expect("one"));
        assert!(
            (expected - found).abs() <= 1e-5 * expected.abs().max(1.0),
            "{expected} {found}"
        );
    }
}

#[test]
fn large_logits_do_not_overflow_and_nan_stays() {
    let x = Tensor::from_vec(&[2, 2], vec![1e30_f32, -1e30, 2e30, 2e30]).expect("a table");
    let found = x
        .cross_entropy(&[Some(0), Some(1)])
        .expect("a row for each class");
    assert!((found.item().expect("one") - std::f32::consts::LN_2).abs() < 1e-6);
    let x = Tensor::from_vec(&[1, 2], vec![f32::NAN, 0.0]).expect("a table");
    let found = x.cross_entropy(&[Some(1)]).expect("a row for each class");
    assert!(found.item().expect("one").is_nan());
}

#[test]
fn a_class_that_is_no_column_is_refused() {
    let x = logits(2, 3);
    let message = x
        .cross_entropy(&[Some(3), None])
        .expect_err("column 3 of 3")
        .to_string();
    assert!(message.contains("cross_entropy"), "{message}");
    assert!(x.cross_entropy(&[Some(0)]).is_err());
}
