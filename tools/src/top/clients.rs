//! The table of clients.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, TableState};

use super::columns::{Column, number, table, text};
use super::history::bars;
use super::view::{Row, View, clean};

/// Columns of the sparkline.
const SPARK: u16 = 16;

const COLUMNS: [Column<Row>; 13] = [
    Column { title: "client", width: 17, worth: 13, cell: |row| text(&row.client.address) },
    Column { title: "network", width: 16, worth: 8, cell: |row| text(&row.ap.ssid) },
    Column { title: "virtual AP", width: 17, worth: 5, cell: |row| text(&row.ap.bssid) },
    Column { title: "radio", width: 7, worth: 7, cell: |row| text(&row.ap.radio) },
    Column { title: "moves", width: 5, worth: 3, cell: |row| number(row.moves) },
    Column { title: "state", width: 10, worth: 6, cell: state },
    Column { title: "signal", width: 9, worth: 12, cell: |row| signal(row.client.signal_dbm) },
    Column {
        title: "rate",
        width: 12,
        worth: 4,
        cell: |row| text(row.client.rx_rate.as_deref().unwrap_or("")),
    },
    Column { title: "from B/s", width: 8, worth: 11, cell: |row| number(row.up.rate()) },
    Column { title: "  to B/s", width: 8, worth: 10, cell: |row| number(row.down.rate()) },
    Column { title: "last seconds", width: SPARK, worth: 9, cell: spark },
    Column { title: "retries", width: 7, worth: 2, cell: |row| number(row.client.tx_retries) },
    Column { title: "queued", width: 6, worth: 1, cell: |row| number(row.client.queued) },
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let words = format!("clients: {}, by {}", view.rows.len(), view.sort.name());
    let table = table(&COLUMNS, view.rows.iter(), &words, area.width)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let chosen = view.chosen.is_some().then(|| view.place());
    frame.render_stateful_widget(table, area, &mut TableState::default().with_selected(chosen));
}

fn state(row: &Row) -> Cell<'static> {
    match (row.client.state.as_str(), row.client.power_save) {
        ("authorized", true) => Cell::from("dozing").style(Color::Blue),
        ("authorized", false) => Cell::from("awake").style(Color::Green),
        (other, _) => Cell::from(clean(other)).style(Color::Yellow),
    }
}

/// Four bars, as everybody knows them, and the number.
pub(super) fn signal(dbm: Option<i8>) -> Cell<'static> {
    let Some(dbm) = dbm else { return Cell::from("–") };
    let (strength, color) = match dbm {
        -55.. => (4, Color::Green),
        -67..-55 => (3, Color::Green),
        -75..-67 => (2, Color::Yellow),
        -85..-75 => (1, Color::Red),
        _ => (0, Color::Red),
    };
    let bars: String = ['▂', '▄', '▆', '█'].iter().take(strength).collect();
    Cell::from(Line::from(vec![Span::styled(format!("{bars:<4}"), color), Span::raw(format!(" {dbm}"))]))
}

fn spark(row: &Row) -> Cell<'static> {
    let both = row.up.rates().zip(row.down.rates()).map(|(up, down)| up.saturating_add(down));
    let both: Vec<u64> = both.collect();
    Cell::from(bars(both.into_iter(), usize::from(SPARK))).style(Color::Cyan)
}
