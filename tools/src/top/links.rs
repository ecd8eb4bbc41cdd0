//! The table of foreign networks.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::text::Line;
use ratatui::widgets::Cell;

use crate::status::Link;

use super::clients::signal;
use super::columns::{Column, number, table, text};
use super::view::{LinkHistory, View, clean};

/// Links that are listed before others are left out.
pub(super) const MOST: usize = 16;

struct Row {
    link: Link,
    history: LinkHistory,
}

const COLUMNS: [Column<Row>; 12] = [
    Column { title: "network", width: 16, worth: 12, cell: |row| text(&row.link.ssid) },
    Column { title: "BSS", width: 17, worth: 5, cell: |row| text(&row.link.bssid) },
    Column { title: "radio", width: 7, worth: 4, cell: |row| text(&row.link.radio) },
    Column { title: "TAP", width: 8, worth: 6, cell: |row| text(row.link.tap.as_deref().unwrap_or("")) },
    Column { title: "state", width: 14, worth: 11, cell: state },
    Column { title: "chan", width: 4, worth: 10, cell: channel },
    Column { title: "signal", width: 9, worth: 7, cell: |row| signal(row.link.signal_dbm) },
    Column { title: "  time", width: 6, worth: 8, cell: share },
    Column { title: "dead air", width: 8, worth: 3, cell: dead_air },
    Column { title: "from B/s", width: 8, worth: 9, cell: |row| number(row.history.up.rate()) },
    Column { title: "  to B/s", width: 8, worth: 9, cell: |row| number(row.history.down.rate()) },
    Column { title: "lost", width: 6, worth: 2, cell: lost },
];

/// Lines that the table takes: none if there are no links.
pub(super) fn height(links: &[Link]) -> u16 {
    if links.is_empty() {
        return 0;
    }
    u16::try_from(links.len().min(MOST)).unwrap_or(u16::MAX).saturating_add(2)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, links: &[Link]) {
    let row = |link: &Link| Row {
        link: link.clone(),
        history: view.links.get(&link.address).cloned().unwrap_or_default(),
    };
    let rows: Vec<_> = links.iter().take(MOST).map(row).collect();
    let words = match links.len().saturating_sub(MOST) {
        0 => "foreign networks".into(),
        left => format!("foreign networks; {left} further ones"),
    };
    frame.render_widget(table(&COLUMNS, rows.iter(), &words, area.width), area);
}

fn state(row: &Row) -> Cell<'static> {
    match (row.link.state.as_str(), &row.link.refusal) {
        (_, Some(_)) => Cell::from("refused").style(Color::Red),
        ("connected", None) => Cell::from("connected").style(Color::Green),
        (other, None) => Cell::from(clean(other)).style(Color::Yellow),
    }
}

fn channel(row: &Row) -> Cell<'static> {
    match row.link.channel {
        0 => Cell::from(""),
        channel => number(channel.into()),
    }
}

fn right(words: Option<String>) -> Cell<'static> {
    Cell::from(Line::from(words.unwrap_or_default()).right_aligned())
}

fn share(row: &Row) -> Cell<'static> {
    right(row.link.slot_share.map(|share| format!("{:.0} %", 100.0 * share)))
}

fn dead_air(row: &Row) -> Cell<'static> {
    right(row.link.dead_air_ms.map(|dead| format!("{dead:.1} ms")))
}

fn lost(row: &Row) -> Cell<'static> {
    number(row.link.losses.values().fold(0, |sum, &count| sum.saturating_add(count)))
}
