//! Dynamic memory allocation: which rows are in use, and where to write next (DNC, methods).

use mnm_tensor::{Float, Tensor};

use crate::ControllerError;

/// The least usage that the free list counts with, so that its logarithm is finite.
const USAGE_EPSILON: f64 = 1e-6;

/// The usage `[B, N]` after the last step's write and this step's frees: `usage` and `write` (weighting) `[B, N]`,
/// `reads` (weightings) `[B, R, N]` of the last step, `free_gates` `[B, R, 1]`.
///
/// ```text
/// psi_t = product over read heads i of (1 - f_t^i w_{t-1}^{r,i})
/// u_t = (u_{t-1} + w_{t-1}^w - u_{t-1} w_{t-1}^w) psi_t
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn usage<F: Float>(
    usage: &Tensor<F>,
    write: &Tensor<F>,
    reads: &Tensor<F>,
    free_gates: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    let kept = reads.mul(free_gates)?.affine(-1.0, 1.0)?;
    // u + w - u w = u + w (1 - u)
    let mut after = usage.add(&usage.affine(-1.0, 1.0)?.mul(write)?)?;
    for head in 0..kept.shape().get(1).copied().unwrap_or(0) {
        after = after.mul(&kept.select(1, head)?)?;
    }
    Ok(after)
}

/// The allocation weighting `[B, N]` for `usage` `[B, N]`: most of it goes to the least used row.
///
/// ```text
/// phi: the rows in the order of their usage, least used first (the free list)
/// a[phi_j] = (1 - u[phi_j]) * product over i < j of u[phi_i]
/// ```
///
/// The order itself has no derivative; gradients pass through the sorted usages, as in the original. Rows of equal
/// usage keep the order of their numbers.
///
/// # Errors
/// A shape that does not fit.
pub fn allocation<F: Float>(usage: &Tensor<F>) -> Result<Tensor<F>, ControllerError> {
    let &[batch, slots] = usage.shape() else {
        return Err(ControllerError::Input {
            found: format!("usage of shape {:?}", usage.shape()),
            expected: "[B, N]".to_owned(),
        });
    };
    let order = free_list(usage);
    let sorted = usage
        .reshape(&[batch * slots])?
        .gather(&order)?
        .reshape(&[batch, slots])?
        .affine(1.0 - USAGE_EPSILON, USAGE_EPSILON)?;
    // The product over i < j as a sum of logarithms, moved on by one row.
    let below = sorted
        .ln()?
        .slice(1, 0, slots.saturating_sub(1))?
        .cumsum(1)?
        .pad(1, usize::from(slots > 0), slots)?
        .exp()?;
    let allocated = sorted.affine(-1.0, 1.0)?.mul(&below)?;
    Ok(allocated
        .reshape(&[batch * slots])?
        .scatter(&order, batch * slots)?
        .reshape(&[batch, slots])?)
}

/// The rows of every sequence, least used first, as numbers into the flattened `[B N]`.
fn free_list<F: Float>(usage: &Tensor<F>) -> Vec<usize> {
    let mut order = Vec::with_capacity(usage.value().len());
    for sequence in usage.value().outer_iter() {
        let first = order.len();
        let usages: Vec<f64> = sequence.iter().map(|u| u.as_f64()).collect();
        let mut rows: Vec<usize> = (0..usages.len()).collect();
        // Total order: a NaN is sorted too, and shows in the loss.
        rows.sort_by(|&a, &b| usages[a].total_cmp(&usages[b]));
        order.extend(rows.into_iter().map(|row| first + row));
    }
    order
}

/// The write weighting `[B, N]` from the `allocation` and the `content` weighting `[B, N]` and the gates `[B, 1]`.
///
/// ```text
/// w_t^w = g^w (g^a a + (1 - g^a) c^w)
/// ```
///
/// # Errors
/// A shape that does not fit.
pub fn write_weighting<F: Float>(
    allocation: &Tensor<F>,
    content: &Tensor<F>,
    allocation_gate: &Tensor<F>,
    write_gate: &Tensor<F>,
) -> Result<Tensor<F>, ControllerError> {
    let mixed = content.add(&allocation.sub(content)?.mul(allocation_gate)?)?;
    Ok(mixed.mul(write_gate)?)
}
