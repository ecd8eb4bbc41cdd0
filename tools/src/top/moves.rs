//! The table of moves.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::text::Line;
use ratatui::widgets::Cell;

use crate::status::{Move, Status};

use super::columns::{Column, table, text};
use super::view::View;

/// Moves that are listed before others are left out.
pub(super) const MOST: usize = 6;

struct Row {
    moved: Move,
    /// How long ago it was, in milliseconds.
    ago: u64,
}

const COLUMNS: [Column<Row>; 7] = [
    Column { title: "      ago", width: 9, worth: 6, cell: ago },
    Column { title: "client", width: 17, worth: 7, cell: |row| text(&row.moved.client) },
    Column { title: "from", width: 14, worth: 4, cell: |row| text(&row.moved.from) },
    Column { title: "to", width: 14, worth: 5, cell: |row| text(&row.moved.to) },
    Column { title: "      gap", width: 10, worth: 3, cell: gap },
    Column { title: "queued", width: 6, worth: 1, cell: queued },
    Column { title: "", width: 10, worth: 2, cell: how },
];

/// The moves that are shown, the latest first: those of the client that was chosen, or all.
fn shown<'a>(view: &'a View, status: &'a Status) -> impl Iterator<Item = &'a Move> {
    let chosen = view.chosen.as_ref().map(|(address, _)| address);
    status.moves.iter().rev().filter(move |moved| chosen.is_none_or(|chosen| *chosen == moved.client))
}

/// Lines that the table takes: none if nobody has moved.
pub(super) fn height(view: &View, status: &Status) -> u16 {
    if status.moves.is_empty() {
        return 0;
    }
    u16::try_from(shown(view, status).take(MOST).count()).unwrap_or(u16::MAX).saturating_add(2)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, status: &Status) {
    let row = |moved: &Move| Row { moved: moved.clone(), ago: status.uptime_ms.saturating_sub(moved.at_ms) };
    let rows: Vec<_> = shown(view, status).take(MOST).map(row).collect();
    let all = shown(view, status).count();
    let of = view.chosen.as_ref().map_or_else(String::new, |(address, _)| format!(" of {address}"));
    let words = match all.saturating_sub(rows.len()) {
        0 => format!("moves{of}: {all}"),
        _ => format!("moves{of}: the last {} of {all}", rows.len()),
    };
    frame.render_widget(table(&COLUMNS, rows.iter(), &super::view::clean(&words), area.width), area);
}

fn right(words: String) -> Cell<'static> {
    Cell::from(Line::from(words).right_aligned())
}

fn ago(row: &Row) -> Cell<'static> {
    let seconds = row.ago / 1000;
    right(match seconds {
        0..60 => format!("{}.{} s", seconds, row.ago % 1000 / 100),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    })
}

fn gap(row: &Row) -> Cell<'static> {
    let words = row.moved.gap_us.map(|gap| format!("{:.2} ms", gap as f64 / 1000.0));
    let color = match row.moved.gap_us {
        Some(0..5_000) => Color::Green,
        Some(5_000..50_000) => Color::Yellow,
        Some(_) => Color::Red,
        None => Color::Reset,
    };
    right(words.unwrap_or_else(|| "–".into())).style(color)
}

fn queued(row: &Row) -> Cell<'static> {
    right(row.moved.queued.map_or_else(|| "–".into(), |queued| queued.to_string()))
}

fn how(row: &Row) -> Cell<'static> {
    if row.moved.taken_over { Cell::from("taken over").style(Color::Yellow) } else { Cell::from("") }
}
