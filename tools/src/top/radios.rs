//! The table of radios.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::widgets::Cell;

use crate::status::Radio;

use super::columns::{Column, number, table, text};
use super::history::bars;
use super::view::{RadioHistory, View, clean};

/// Radios that are listed before others are left out.
pub(super) const MOST: usize = 8;
/// Columns of the sparkline.
const SPARK: u16 = 12;

struct Row {
    radio: Radio,
    history: RadioHistory,
}

const COLUMNS: [Column<Row>; 10] = [
    Column { title: "radio", width: 8, worth: 10, cell: |row| text(&row.radio.phy) },
    Column { title: "state", width: 8, worth: 9, cell: state },
    Column { title: "channel", width: 14, worth: 8, cell: channel },
    Column { title: "heard/s", width: 7, worth: 7, cell: |row| number(row.history.rx.rate()) },
    Column { title: " sent/s", width: 7, worth: 6, cell: |row| number(row.history.tx.rate()) },
    Column { title: "last seconds", width: SPARK, worth: 3, cell: spark },
    Column { title: "again/s", width: 7, worth: 4, cell: |row| number(row.history.retries.rate()) },
    Column { title: "unacked", width: 7, worth: 2, cell: |row| number(row.radio.counters.tx_failed) },
    Column { title: "dropped/s", width: 9, worth: 5, cell: |row| number(row.history.drops.rate()) },
    Column { title: "BSSIDs", width: 6, worth: 1, cell: |row| number(row.radio.ack_addresses.len() as u64) },
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, radios: &[Radio]) {
    let row = |radio: &Radio| Row {
        radio: radio.clone(),
        history: view.radios.get(&radio.phy).cloned().unwrap_or_default(),
    };
    let rows: Vec<_> = radios.iter().take(MOST).map(row).collect();
    let words = match radios.len().saturating_sub(MOST) {
        0 => "radios".into(),
        left => format!("radios; {left} further ones"),
    };
    frame.render_widget(table(&COLUMNS, rows.iter(), &words, area.width), area);
}

fn state(row: &Row) -> Cell<'static> {
    let color = if row.radio.state == "up" { Color::Green } else { Color::Red };
    Cell::from(clean(&row.radio.state)).style(color)
}

fn channel(row: &Row) -> Cell<'static> {
    Cell::from(format!("{} ({} MHz)", row.radio.channel, row.radio.frequency))
}

fn spark(row: &Row) -> Cell<'static> {
    let both = row.history.rx.rates().zip(row.history.tx.rates());
    let both: Vec<u64> = both.map(|(rx, tx)| rx.saturating_add(tx)).collect();
    Cell::from(bars(both.into_iter(), usize::from(SPARK))).style(Color::Cyan)
}
