//! The layout of a matrix on the page: how large its cells are, which rows and columns are labelled.

use ndarray::{Array2, s};

use super::style::TICK_SIZE;
use super::text;

const MOST_WIDTH: f64 = 600.0;
const MOST_HEIGHT: f64 = 480.0;
const LARGEST_CELL: f64 = 46.0;
/// More cells than this on a side are averaged in blocks: they would be smaller than the eye can tell apart.
const MOST_CELLS: usize = 100;

/// Width and height of a cell: square where the matrix allows.
pub(super) fn cell(rows: usize, columns: usize) -> (f64, f64) {
    let width = (MOST_WIDTH / columns as f64).min(LARGEST_CELL);
    let height = (MOST_HEIGHT / rows as f64).min(LARGEST_CELL);
    let (short, long) = (width.min(height), width.max(height));
    if long <= 2.5 * short {
        (short, short)
    } else {
        (width.min(4.0 * short), height.min(4.0 * short))
    }
}

/// Which rows or columns are labelled, and how: at most one every `room` pixels, numbered from 1 if they have no names.
pub(super) fn places(
    labels: &[String],
    count: usize,
    pitch: f64,
    room: f64,
) -> Vec<(usize, String)> {
    let least = (room / pitch).ceil().max(1.0) as usize;
    if labels.is_empty() {
        // 1, 5, 10, ... or 1, 20, 40, ...: round numbers at least two labels apart.
        let every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
        let every = every
            .into_iter()
            .find(|every| *every >= 2 * least || (*every == 1 && count <= 12));
        let every = every.unwrap_or(10_000);
        let shown = |place: &usize| *place == 0 || (place + 1).is_multiple_of(every);
        return (0..count)
            .filter(shown)
            .map(|place| (place, (place + 1).to_string()))
            .collect();
    }
    let named = labels.iter().enumerate().step_by(least);
    named
        .map(|(place, label)| (place, text::fit(label, TICK_SIZE, 210.0)))
        .collect()
}

/// The matrix with blocks of cells averaged until neither side has more than [`MOST_CELLS`]. Cells without a value (NaN) count for
/// nothing; a block of such cells has none.
pub(super) fn coarse(values: &Array2<f64>) -> Array2<f64> {
    let (rows, columns) = values.dim();
    let (tall, wide) = (
        rows.div_ceil(MOST_CELLS).max(1),
        columns.div_ceil(MOST_CELLS).max(1),
    );
    Array2::from_shape_fn(
        (rows.div_ceil(tall), columns.div_ceil(wide)),
        |(row, column)| {
            let (top, left) = (row * tall, column * wide);
            let block = values.slice(s![
                top..(top + tall).min(rows),
                left..(left + wide).min(columns)
            ]);
            let shown = block.iter().filter(|value| !value.is_nan());
            let (count, sum) = shown.fold((0_u32, 0.0), |(n, sum), value| (n + 1, sum + value));
            sum / f64::from(count)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_matrices_are_averaged() {
        let values = Array2::from_shape_fn((390, 10), |(row, _)| (row % 4) as f64);
        let cells = coarse(&values);
        assert_eq!(cells.dim(), (98, 10));
        assert_eq!(cells[[0, 0]], 1.5);
        assert_eq!(cells[[97, 0]], 0.5, "the last block holds two rows");
    }

    #[test]
    fn cells_without_a_value_do_not_blank_their_block() {
        let diagonal = |(row, column)| if row == column { 1.0 } else { f64::NAN };
        let cells = coarse(&Array2::from_shape_fn((200, 200), diagonal));
        assert_eq!(cells.dim(), (100, 100));
        let shown = cells.indexed_iter().filter(|(_, value)| !value.is_nan());
        assert!(
            shown
                .clone()
                .all(|((row, column), value)| row == column && *value == 1.0)
        );
        assert_eq!(shown.count(), 100);
    }

    #[test]
    fn labels_are_names_or_round_numbers() {
        let labels = |count, pitch| {
            places(&[], count, pitch, 14.0)
                .into_iter()
                .map(|(_, label)| label)
        };
        assert_eq!(labels(4, 20.0).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
        assert_eq!(
            labels(25, 7.0).collect::<Vec<_>>(),
            ["1", "5", "10", "15", "20", "25"]
        );
        let names = ["a", "b", "c"].map(str::to_owned);
        let named: Vec<_> = places(&names, 3, 7.0, 14.0)
            .into_iter()
            .map(|(place, label)| format!("{place}{label}"))
            .collect();
        assert_eq!(named, ["0a", "2c"], "every other row has room for its name");
    }

    #[test]
    fn cells_are_square_unless_the_matrix_is_far_from_it() {
        let (width, height) = cell(40, 60);
        assert_eq!(width, height);
        let (width, height) = cell(3, 200);
        assert!(height > width && height <= 4.0 * width, "{width} {height}");
        let (_, height) = cell(1, 1);
        assert_eq!(height, LARGEST_CELL);
    }
}
