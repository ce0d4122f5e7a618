//! Plain-text tables.

/// A table with aligned columns, two spaces between them, and a rule under the head.
///
/// A row with fewer cells than the head leaves the rest of its columns empty.
pub fn plain(head: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let width = |text: &str| text.chars().count();
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(column, title)| {
            rows.iter()
                .map(|row| width(&cell(row, column)))
                .max()
                .unwrap_or(0)
                .max(width(title))
        })
        .collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, &wide)| {
                let text = cell(cells, column);
                let missing = wide.saturating_sub(width(&text));
                text + &" ".repeat(missing)
            })
            .collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let titles: Vec<String> = head.iter().map(|title| (*title).to_owned()).collect();
    let rule: Vec<String> = widths.iter().map(|&wide| "-".repeat(wide)).collect();
    let mut text = line(&titles) + &line(&rule);
    for row in rows {
        text += &line(row);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn columns_are_aligned_by_characters_not_bytes() {
        let rows = vec![
            vec!["0.5 ± 0.1".to_owned(), "x".to_owned()],
            vec!["12".to_owned()],
        ];
        let text = plain(&["ours", "paper"], &rows);
        assert_eq!(
            text,
            "ours       paper\n---------  -----\n0.5 ± 0.1  x\n12\n"
        );
    }
}
