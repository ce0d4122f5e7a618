//! Buffers whose rows begin at cache lines.

use mnm_tensor::kernels::{AlignedBuffer, Matrix, padded};

#[test]
fn aligned_buffers_are_aligned() {
    for length in [0, 1, 15, 16, 1000] {
        let mut buffer = AlignedBuffer::<f32>::filled(length, 2.5);
        assert_eq!(buffer.len(), length);
        assert!(buffer.iter().all(|x| *x == 2.5));
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        buffer.iter_mut().for_each(|x| *x = 1.0);
        assert_eq!(buffer.iter().sum::<f32>(), length as f32);
        let copy = buffer.clone();
        assert_eq!(&copy[..], &buffer[..]);
        assert_eq!(copy.as_ptr() as usize % 64, 0);
    }
    let two = AlignedBuffer::<f64>::zeros(2 * padded(17));
    assert_eq!(Matrix::new(&two, 2, 17, padded(17)).row(1).len(), 17);
}
