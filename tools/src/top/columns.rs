//! Tables with as many columns as there is room for.

use ratatui::layout::Constraint;
use ratatui::text::Line;
use ratatui::widgets::{Cell, Row, Table};

use super::draw::{heading, quiet};
use super::history::short;
use super::view::clean;

/// A column of a table of `T`.
pub(super) struct Column<T: 'static> {
    /// What stands above it.
    pub(super) title: &'static str,
    /// In characters.
    pub(super) width: u16,
    /// How long one keeps it when there is little room: the lowest goes first.
    pub(super) worth: u8,
    /// What is in it.
    pub(super) cell: fn(&T) -> Cell<'static>,
}

/// A table of those columns that fit, under a line with its name in it.
pub(super) fn table<'a, T>(
    columns: &[Column<T>],
    rows: impl Iterator<Item = &'a T>,
    words: &str,
    width: u16,
) -> Table<'static> {
    let columns = fitting(columns, width);
    let heads = Row::new(columns.iter().map(|column| Cell::from(column.title)));
    let rows = rows.map(|row| Row::new(columns.iter().map(|column| (column.cell)(row))));
    let rows: Vec<_> = rows.collect();
    Table::new(rows, columns.iter().map(|column| Constraint::Length(column.width)))
        .header(heads.style(quiet()))
        .block(heading(words))
}

/// The most worthy columns that fit, in their order.
fn fitting<T>(columns: &[Column<T>], width: u16) -> Vec<&Column<T>> {
    let mut by_worth: Vec<_> = columns.iter().collect();
    by_worth.sort_by_key(|column| std::cmp::Reverse(column.worth));
    let mut left = width.saturating_add(1);
    let fits = by_worth.into_iter().map_while(|column| {
        left = left.checked_sub(column.width + 1)?;
        Some(column.worth)
    });
    let least = fits.last().unwrap_or(u8::MAX);
    columns.iter().filter(|column| column.worth >= least).collect()
}

/// Text that came from the socket.
pub(super) fn text(text: &str) -> Cell<'static> {
    Cell::from(clean(text))
}

/// A number, to the right.
pub(super) fn number(n: u64) -> Cell<'static> {
    Cell::from(Line::from(short(n)).right_aligned())
}
