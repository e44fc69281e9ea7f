//! What goes to standard output: tables for people, JSON for programs.

use std::io::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::failure::Failure;

/// A text as it is, with a line's end behind it unless it has one.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{text}{end}").and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// One JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    text(&serde_json::to_string_pretty(value).map_err(|error| Failure::refused(error.to_string()))?)
}

/// One JSON document in a line, for what comes one after the other.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    text(&serde_json::to_string(value).map_err(|error| Failure::refused(error.to_string()))?)
}

/// An amount with its cents, and with more digits where it has them.
pub(crate) fn euros(amount: Decimal) -> String {
    let scale = amount.normalize().scale().max(2);
    format!("{amount:.*}", scale as usize)
}

/// Columns with titles; those whose title begins with `#` are numbers.
pub(crate) fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(titles.iter().map(|title| title.trim_start_matches('#').to_uppercase()));
    for (title, column) in titles.iter().zip(table.column_iter_mut()) {
        column.set_padding((0, 2));
        if title.starts_with('#') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    text(&lines.join("\n"))
}
