//! The tables as Markdown, for pages of results.

use super::agents;
use super::summary::Summary;
use super::table::{self, Row, Table};

/// Every section's tables. Sections have a heading if there are several.
pub(super) fn tables(summary: &Summary) -> String {
    let mut text = String::new();
    for section in &summary.sections {
        if summary.sections.len() > 1 {
            text += &format!("### {}\n\n", escape(&section.title));
        }
        match &section.agents {
            Some(agents) => text += &write(&agents::table::rewards(section, agents)),
            None => text += &write(&table::figures(section)),
        }
        if let Some(table) = section.agents.as_ref().and_then(agents::table::tenths) {
            text += &format!("\n{}:\n\n", agents::table::TENTHS);
            text += &write(&table);
        }
        if let Some(table) = table::further(section) {
            text += &format!("\n{}:\n\n", table::FURTHER);
            text += &write(&table);
        }
        if let Some(table) = table::per_task(section) {
            text += "\n";
            text += &write(&table);
        }
        text += "\n";
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn write(table: &Table) -> String {
    let last = table.head.len().saturating_sub(1);
    let rule = (0..table.head.len()).map(|column| {
        let text = column == 0 || (table.notes && column == last);
        if text { "---" } else { "---:" }
    });
    let head = line(table.head.iter().map(|cell| escape(cell)));
    let rule = line(rule.map(str::to_owned));
    let rows = table.rows.iter().map(|Row { cells, published }| {
        line(cells.iter().enumerate().map(|(column, cell)| {
            let cell = escape(cell);
            if *published && column == 0 {
                format!("*{cell}*")
            } else {
                cell
            }
        }))
    });
    [head, rule].into_iter().chain(rows).collect()
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// Text as it may stand in a cell.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '_' | '`' | '<' | '[' => escaped.extend(['\\', character]),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_the_table() {
        assert_eq!(escape("a|b_c\n*d* <e>"), "a\\|b\\_c \\*d\\* \\<e>");
    }
}
