//! Einstein's sum over two operands, as one matrix product.

use std::borrow::Borrow;

use crate::ops::Outcome;
use crate::{Float, Tensor, TensorError};

/// The axes of one operand by letter.
fn letters(spec: &str) -> Vec<char> {
    spec.trim().chars().collect()
}

impl<F: Float> Tensor<F> {
    /// Einstein's sum, `"bhd,bhe->bde"`: letters name axes; those in both operands and the result run side by side, those in both
    /// operands alone are summed over, those in one operand and not the result are summed before.
    ///
    /// ```
    /// use mnm_tensor::Tensor;
    /// use ndarray::array;
    ///
    /// let a = Tensor::constant(array![[1.0, 2.0], [3.0, 4.0]]);
    /// let trace_of_square = Tensor::einsum("ij,ji->", &a, &a).unwrap();
    /// assert_eq!(trace_of_square.item(), Ok(29.0));
    /// ```
    ///
    /// # Errors
    /// [`TensorError::Op`] if the specification is not of that form (a letter twice in one operand; one of the result that no operand
    /// has), [`TensorError::Shape`] if it does not fit the operands.
    pub fn einsum(
        specification: &str,
        a: impl Borrow<Tensor<F>>,
        b: impl Borrow<Tensor<F>>,
    ) -> Outcome<Tensor<F>> {
        let (a, b) = (a.borrow(), b.borrow());
        let misread = |reason: String| TensorError::Op {
            op: "einsum",
            reason: format!("`{specification}`: {reason}"),
        };
        let (inputs, result) = specification
            .split_once("->")
            .ok_or_else(|| misread("expected the form `ij,jk->ik`".to_owned()))?;
        let (first, second) = inputs
            .split_once(',')
            .ok_or_else(|| misread("expected two operands, as in `ij,jk->ik`".to_owned()))?;
        let names = [letters(first), letters(second), letters(result)];
        for name in &names {
            for (i, letter) in name.iter().enumerate() {
                if !letter.is_alphabetic() || name[..i].contains(letter) {
                    return Err(misread(format!(
                        "expected every axis as a letter of its own, found `{letter}`"
                    )));
                }
            }
        }
        let [first, second, result] = names;
        if let Some(letter) = result
            .iter()
            .find(|l| !first.contains(l) && !second.contains(l))
        {
            return Err(misread(format!("no operand has the axis `{letter}`")));
        }
        let misfit = || {
            TensorError::shape(
                "einsum",
                &[a.shape(), b.shape()],
                format!("shapes of `{specification}`"),
            )
        };
        if first.len() != a.shape().len() || second.len() != b.shape().len() {
            return Err(misfit());
        }
        let extent = |letter: &char| {
            let of = |names: &[char], shape: &[usize]| {
                names.iter().position(|l| l == letter).map(|at| shape[at])
            };
            of(&first, a.shape())
                .or(of(&second, b.shape()))
                .unwrap_or(1)
        };
        if second.iter().zip(b.shape()).any(|(l, &n)| extent(l) != n) {
            return Err(misfit());
        }
        let both = |l: &&char| first.contains(l) && second.contains(l);
        let batch: Vec<char> = result.iter().filter(both).copied().collect();
        let summed: Vec<char> = first
            .iter()
            .filter(both)
            .filter(|l| !result.contains(l))
            .copied()
            .collect();
        let alone = |mine: &[char], other: &[char]| -> Vec<char> {
            let kept = mine
                .iter()
                .filter(|l| !other.contains(l) && result.contains(l));
            kept.copied().collect()
        };
        let (rows, columns) = (alone(&first, &second), alone(&second, &first));
        // Axes that only this operand has and the result has not are summed; the others go to [batch, left, right].
        let arranged = |x: &Tensor<F>, names: &[char], order: [&[char]; 3]| -> Outcome<Tensor<F>> {
            let wanted = order.concat();
            let gone: Vec<usize> = (0..names.len())
                .filter(|&i| !wanted.contains(&names[i]))
                .collect();
            let left: Vec<char> = names
                .iter()
                .filter(|l| wanted.contains(l))
                .copied()
                .collect();
            let axes: Vec<usize> = wanted
                .iter()
                .filter_map(|l| left.iter().position(|m| m == l))
                .collect();
            let shape = order.map(|part| part.iter().map(extent).product());
            x.sum_axes(&gone)?.permute(&axes)?.reshape(&shape)
        };
        let left = arranged(a, &first, [&batch, &rows, &summed])?;
        let right = arranged(b, &second, [&batch, &summed, &columns])?;
        let product = left.matmul(&right)?;
        let found = [batch, rows, columns].concat();
        let shape: Vec<usize> = found.iter().map(extent).collect();
        let axes: Vec<usize> = result
            .iter()
            .filter_map(|l| found.iter().position(|m| m == l))
            .collect();
        product.reshape(&shape)?.permute(&axes)
    }
}
