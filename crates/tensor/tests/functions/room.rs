//! Results that no memory has room for, and those that need none.

use mnm_tensor::{Tensor, TensorError};

#[test]
fn a_result_without_room_is_refused_by_name() {
    let (one, huge) = (Tensor::<f32>::zeros(&[1]), usize::MAX / 2);
    let refused = |found: Result<Tensor<f32>, TensorError>, op: &str| {
        let message = found.expect_err("no memory has that room").to_string();
        assert!(message.starts_with(op), "{message}");
        assert!(message.contains("room"), "{message}");
    };
    refused(one.broadcast_to(&[huge]), "broadcast_to");
    refused(one.broadcast_to(&[huge, huge, 4]), "broadcast_to");
    refused(one.broadcast_to(&[0, huge, huge]), "broadcast_to");
    refused(one.pad(0, 0, huge), "pad");
    refused(one.index_add(&[0], &[0], huge), "index_add");
    let zeros = |shape: &[usize]| Tensor::<f32>::zeros(shape);
    let (tall, wide) = (zeros(&[1 << 46, 0]), zeros(&[0, 1 << 46]));
    refused(tall.matmul(&wide), "matmul");
    let (few, tail) = (zeros(&[1 << 20, 0]), zeros(&[1 << 20]));
    refused(tall.linear(&few, Some(&tail)), "linear");
    refused(tall.linear(&few, None), "matmul");
    refused(wide.sum(0), "sum_to");
    refused(tall.sum_keep(1), "sum_to");
    refused(tall.norm(1), "sum_to");
    // No address has so many bits as this result has elements.
    let (column, most) = (zeros(&[1 << 23, 1]), 1 << 50);
    let row = column.transpose().unwrap();
    let all = ndarray::arr0(true).into_dyn().into_shared();
    for (found, op) in [
        (column.broadcast_to(&[1 << 23, 1 << 23]), "broadcast_to"),
        (column.add(&row), "add"),
        (column.maximum(&row), "maximum"),
        (column.choose(&all, &row), "choose"),
        (column.matmul(&row), "matmul"),
        (Tensor::einsum("ij,kl->ik", &column, &column), "matmul"),
        (row.gather(&vec![0; 1 << 23]), "gather"),
        (column.pad(1, 0, most), "pad"),
        (column.index_add(&[0], &[0], most), "index_add"),
        (zeros(&[1]).scatter(&[0], most), "index_add"),
    ] {
        refused(found, op);
    }
    // Parts that have no elements, and a whole whose extents cannot be counted.
    let (wide, tall) = (zeros(&[0, 1 << 60]), zeros(&[1 << 60, 0]));
    refused(Tensor::concat(&[&tall, &tall], 0), "concat");
    refused(Tensor::concat(&[&tall; 16], 0), "concat");
    refused(Tensor::stack(&[&wide, &wide]), "concat");
}

#[test]
fn entries_without_elements_take_no_room_and_no_time() {
    let zeros = |shape: &[usize]| Tensor::<f32>::zeros(shape);
    let (tall, wide) = (zeros(&[1 << 40, 0]), zeros(&[0, 1 << 40]));
    let shapes = |x: Result<Tensor<f32>, TensorError>| x.unwrap().shape().to_vec();
    assert_eq!(shapes(tall.sum(0)), [0]);
    assert_eq!(shapes(tall.cumsum(0)), [1 << 40, 0]);
    assert_eq!(shapes(tall.max(0)), [0]);
    assert_eq!(shapes(tall.sort().map(|(x, _)| x)), [1 << 40, 0]);
    assert_eq!(shapes(wide.sort().map(|(x, _)| x)), [0, 1 << 40]);
    assert_eq!(shapes(tall.pad(0, 1, 1 << 41)), [1 << 41, 0]);
    assert_eq!(shapes(wide.cross_entropy(&[])), Vec::<usize>::new());
    assert_eq!(shapes(wide.gather(&[])), [0, 1 << 40]);
    assert_eq!(shapes(Tensor::concat(&[&tall, &tall], 1)), [1 << 40, 0]);
    assert_eq!(shapes(Tensor::concat(&[&tall, &tall], 0)), [1 << 41, 0]);
    let none = zeros(&[0, 0]);
    assert_eq!(shapes(tall.linear(&none, Some(&zeros(&[0])))), [1 << 40, 0]);
    let refused = tall.scatter(&[], 3).expect_err("no place for 2^40 entries");
    assert!(refused.to_string().starts_with("scatter"), "{refused}");
}

#[test]
fn a_tensor_without_room_is_a_panic_that_says_its_shape_and_bytes() {
    let huge = usize::MAX / 2;
    let refused = |made: fn(&[usize]) -> Tensor<f32>, shape: &[usize], said: [&str; 2]| {
        let panic = std::panic::catch_unwind(|| made(shape)).expect_err("no such room");
        let message = panic.downcast_ref::<String>().expect("a message");
        assert!(message.contains(&format!("{shape:?}")), "{message}");
        for said in said {
            assert!(message.contains(said), "{said} in {message}");
        }
    };
    let uncounted = "more bytes than can be counted";
    // It can be counted, and no machine has it.
    let (shape, counted) = ([1 << 44, 4096], "288230376151711744 bytes");
    refused(Tensor::zeros, &shape, ["Tensor::zeros", counted]);
    refused(Tensor::ones, &shape, ["Tensor::ones", counted]);
    refused(|s| Tensor::full(s, 2.0), &shape, ["Tensor::full", counted]);
    refused(Tensor::zeros, &[huge, huge], ["Tensor::zeros", uncounted]);
    refused(
        Tensor::zeros,
        &[0, huge, huge],
        ["Tensor::zeros", uncounted],
    );
    let square = [1 << 28, 1 << 28];
    refused(
        |s| Tensor::eye(s[0]),
        &square,
        ["Tensor::eye", "288230376151711744 bytes"],
    );
    refused(
        |s| Tensor::arange(s[0]),
        &[huge],
        ["Tensor::arange", uncounted],
    );
    assert_eq!(Tensor::<f32>::zeros(&[1 << 40, 0]).shape(), [1 << 40, 0]);
    assert_eq!(Tensor::<f32>::ones(&[]).item(), Ok(1.0));
}
