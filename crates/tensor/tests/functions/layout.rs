//! Elements of arrays whose layout is not the standard one.

use mnm_tensor::ndarray::{Axis, IxDyn, Slice};
use mnm_tensor::{SharedArray, dense};

#[test]
fn elements_come_in_row_major_order_whatever_the_layout() {
    let x = SharedArray::from_shape_fn(IxDyn(&[2, 3, 4]), |i| {
        (100 * i[0] + 10 * i[1] + i[2]) as f64
    });
    let part = |a: usize, b: usize| {
        let mut part = x.clone();
        part.slice_axis_inplace(Axis(2), Slice::from(a..b));
        part
    };
    for view in [
        x.clone(),
        x.clone().permuted_axes(IxDyn(&[2, 0, 1])),
        part(1, 3),
        part(1, 3).permuted_axes(IxDyn(&[1, 0, 2])),
    ] {
        let expected: Vec<f64> = view.iter().copied().collect();
        assert_eq!(dense(&view).as_ref(), expected);
    }
}
