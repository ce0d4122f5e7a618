//! The engine: walks a tape backwards. It knows no primitive.

use std::collections::BTreeMap;

use crate::tape::{Operand, Place};
use crate::{Float, Tape, Tensor, TensorError};

/// Whether the gradient is itself recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The gradient is a plain value; computing it records nothing.
    First,
    /// The gradient is recorded on the tape and can be differentiated again.
    Higher,
}

/// The gradient of the scalar `output` with respect to each tensor of `wrt`, in order and of their shapes; zero where
/// `output` does not depend on one.
///
/// # Errors
/// [`TensorError::Shape`] if `output` has more than one element, and those of [`pull_back`].
pub fn gradient<F: Float>(
    output: &Tensor<F>,
    wrt: &[&Tensor<F>],
    order: Order,
) -> Result<Vec<Tensor<F>>, TensorError> {
    if output.value.len() != 1 {
        return Err(TensorError::shape(
            "gradient",
            &[output.shape()],
            "a scalar; use pull_back for other outputs",
        ));
    }
    pull_back(output, &Tensor::ones(output.shape()), wrt, order)
}

/// The product of `cotangent` with the Jacobian of `output` with respect to each tensor of `wrt` (a vector-Jacobian
/// product).
///
/// # Errors
/// [`TensorError::Shape`] if `cotangent` has not the shape of `output`, [`TensorError::NotRecorded`] if a tensor of
/// `wrt` hangs on no tape, [`TensorError::DifferentTapes`] if one hangs on another tape than the rest or `output`,
/// [`TensorError::NoSecondDerivative`] if the gradient is to be recorded and an op on the way cannot, and what
/// [`Primitive::cotangents`](crate::Primitive::cotangents) says.
pub fn pull_back<F: Float>(
    output: &Tensor<F>,
    cotangent: &Tensor<F>,
    wrt: &[&Tensor<F>],
    order: Order,
) -> Result<Vec<Tensor<F>>, TensorError> {
    F::pull_back(output, cotangent, wrt, order)
}

/// [`pull_back`], compiled for a type by [`Engine`](crate::engine::Engine).
pub(crate) fn walk_back<F: Float>(
    output: &Tensor<F>,
    cotangent: &Tensor<F>,
    wrt: &[&Tensor<F>],
    order: Order,
) -> Result<Vec<Tensor<F>>, TensorError> {
    if cotangent.shape() != output.shape() {
        return Err(TensorError::shape(
            "pull_back",
            &[output.shape(), cotangent.shape()],
            "output and cotangent of one shape",
        ));
    }
    let sources = sources(wrt)?;
    let zeros = || Ok(wrt.iter().map(|t| Tensor::zeros(t.shape())).collect());
    let (Some(end), Some(&first)) = (&output.place, sources.iter().min()) else {
        return zeros();
    };
    if let Some(place) = wrt.first().and_then(|t| t.place.as_ref())
        && !place.tape.same(&end.tape)
    {
        return Err(TensorError::DifferentTapes { op: "gradient" });
    }
    if end.node < first {
        return zeros();
    }
    let found = walk(end, cotangent, &sources, first, order)?;
    let gradient = |(t, node): (&&Tensor<F>, &usize)| {
        found
            .get(node)
            .cloned()
            .unwrap_or_else(|| Tensor::zeros(t.shape()))
    };
    Ok(wrt.iter().zip(&sources).map(gradient).collect())
}

fn sources<F: Float>(wrt: &[&Tensor<F>]) -> Result<Vec<usize>, TensorError> {
    let mut tape: Option<&Tape<F>> = None;
    wrt.iter()
        .enumerate()
        .map(|(argument, t)| {
            let place = t
                .place
                .as_ref()
                .ok_or(TensorError::NotRecorded { argument })?;
            match tape {
                Some(known) if !known.same(&place.tape) => {
                    return Err(TensorError::DifferentTapes { op: "gradient" });
                }
                _ => tape = Some(&place.tape),
            }
            Ok(place.node)
        })
        .collect()
}

/// Visits the nodes that lie between `end` and the sources, latest first, and gathers cotangents.
fn walk<F: Float>(
    end: &Place<F>,
    cotangent: &Tensor<F>,
    sources: &[usize],
    first: usize,
    order: Order,
) -> Result<BTreeMap<usize, Tensor<F>>, TensorError> {
    let depends = end.tape.dependents(sources, first, end.node);
    let on_path = |o: &Operand<F>| o.node.is_some_and(|n| n >= first && depends[n - first]);
    let tensor = |value: &crate::SharedArray<F>, node: Option<usize>| Tensor {
        value: value.clone(),
        place: match (order, node) {
            (Order::Higher, Some(node)) => Some(Place {
                tape: end.tape.clone(),
                node,
            }),
            _ => None,
        },
    };
    let seed = match order {
        // It may hang on the tape itself, as a gradient of an earlier walk does.
        Order::First => cotangent.detach(),
        Order::Higher => cotangent.clone(),
    };
    let mut pending = BTreeMap::from([(end.node, seed)]);
    let mut found = BTreeMap::new();
    while let Some((index, cotangent)) = pending.pop_last() {
        let node = end.tape.node(index);
        if sources.contains(&index) {
            found.insert(index, cotangent.clone());
        }
        let Some(primitive) = node.primitive else {
            continue;
        };
        let wanted: Vec<bool> = node.operands.iter().map(on_path).collect();
        if !wanted.contains(&true) {
            continue;
        }
        let operands: Vec<_> = node
            .operands
            .iter()
            .map(|o| tensor(&o.value, o.node))
            .collect();
        let output = tensor(&node.output, Some(index));
        let cotangents = primitive.cotangents(&wanted, &operands, &output, &cotangent)?;
        if cotangents.len() != operands.len() {
            return Err(TensorError::Op {
                op: primitive.name(),
                reason: format!(
                    "gave {} cotangents for {} operands; one for each is wanted, `None` where none was asked for",
                    cotangents.len(),
                    operands.len()
                ),
            });
        }
        for (argument, (operand, cotangent)) in node.operands.iter().zip(cotangents).enumerate() {
            let (Some(n), Some(cotangent)) = (operand.node, cotangent) else {
                continue;
            };
            // The one place where broadcasting is undone.
            let cotangent = cotangent.sum_to(operand.value.shape()).map_err(|_| {
                let (found, expected) = (cotangent.shape(), operand.value.shape());
                TensorError::Op {
                    op: primitive.name(),
                    reason: format!(
                        "gave operand {argument} of shape {expected:?} a cotangent of shape {found:?}; expected the operand's shape, or one that sums to it"
                    ),
                }
            })?;
            let total = match pending.remove(&n) {
                Some(sum) => accumulate(sum, &cotangent)?,
                None => cotangent,
            };
            pending.insert(n, total);
        }
    }
    Ok(found)
}

/// The sum of two cotangents of one shape; in place where nothing is recorded.
fn accumulate<F: Float>(mut sum: Tensor<F>, more: &Tensor<F>) -> Result<Tensor<F>, TensorError> {
    if sum.is_recorded() || more.is_recorded() {
        return sum.add(more);
    }
    sum.value += &more.value;
    Ok(sum)
}
