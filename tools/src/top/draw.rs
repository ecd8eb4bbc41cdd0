//! A screen of what is known.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, Wrap};

use crate::status::Status;

use super::history::short;
use super::view::{View, clean};
use super::{clients, links, moves, radios};

/// Reasons for drops that are listed.
const MAX_DROPS: u16 = 6;

/// Draws the view. The same view and the same size give the same screen.
pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let Some(status) = &view.status else { return waiting(frame, view) };
    let radios = u16::try_from(status.radios.len().min(radios::MOST)).unwrap_or(u16::MAX);
    let drops = u16::try_from(view.drops.len()).unwrap_or(u16::MAX).clamp(1, MAX_DROPS);
    let trouble = u16::from(view.trouble.is_some());
    let parts = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(trouble),
        Constraint::Length(radios + 2),
        Constraint::Min(4),
        Constraint::Length(links::height(&status.links)),
        Constraint::Length(moves::height(view, status)),
        Constraint::Length(drops + 1),
    ]);
    let [top, warning, upper, middle, foreign, moved, lower] = parts.areas(frame.area());
    title(frame, top, view, status);
    if let Some(why) = &view.trouble {
        let line = format!(" no answer since this; asking again. {why}");
        frame.render_widget(Line::styled(line, Style::new().fg(Color::White).bg(Color::Red)), warning);
    }
    radios::draw(frame, upper, view, &status.radios);
    clients::draw(frame, middle, view);
    if foreign.height > 0 {
        links::draw(frame, foreign, view, &status.links);
    }
    if moved.height > 0 {
        moves::draw(frame, moved, view, status);
    }
    drop_table(frame, lower, view, usize::from(drops));
}

/// What is said as long as there was no answer.
fn waiting(frame: &mut Frame<'_>, view: &View) {
    let text = view.trouble.as_deref().unwrap_or("waiting for the node");
    let words = Paragraph::new(text).wrap(Wrap { trim: true }).alignment(Alignment::Center);
    frame.render_widget(words, frame.area());
}

fn title(frame: &mut Frame<'_>, area: Rect, view: &View, status: &Status) {
    let seconds = status.uptime_ms / 1000;
    let up = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let clients = match view.rows.len() {
        1 => "1 client".into(),
        n => format!("{n} clients"),
    };
    let networks = match status.links.len() {
        0 => String::new(),
        1 => ", on 1 foreign network".into(),
        n => format!(", on {n} foreign networks"),
    };
    let peers: Vec<_> =
        status.peers.iter().map(|peer| clean(&format!("{} {}", peer.node, peer.state))).collect();
    let peers = if peers.is_empty() { String::new() } else { format!("  with {}", peers.join(", ")) };
    let left = Line::from(vec![
        Span::styled(" airloom ", Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED)),
        Span::styled(format!(" {}", clean(&status.node)), Modifier::BOLD),
        Span::raw(format!("  up {up}, {clients}{networks}{peers}")),
    ]);
    let keys = Line::styled("q quit  s sort  ↑↓ choose ", quiet()).right_aligned();
    let room = usize::from(area.width).saturating_sub(left.width());
    if keys.width() < room {
        frame.render_widget(keys, area);
    }
    frame.render_widget(left, area);
}

/// The reasons with the most drops.
fn drop_table(frame: &mut Frame<'_>, area: Rect, view: &View, most: usize) {
    let mut rows: Vec<_> = view.drops.iter().collect();
    rows.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
    let left = rows.len().saturating_sub(most);
    let rows = rows.into_iter().take(most).map(|(reason, row)| {
        let rate = match row.history.rate() {
            0 => String::new(),
            rate => format!("{}/s", short(rate)),
        };
        Row::new([
            Cell::from(Line::from(row.count.to_string()).right_aligned()),
            Cell::from(clean(reason)),
            Cell::from(rate),
        ])
    });
    let words = match (view.drops.is_empty(), left) {
        (true, _) => "discarded: nothing".into(),
        (false, 0) => "discarded, by reason".into(),
        (false, left) => format!("discarded, by reason; {left} further reasons"),
    };
    let widths = [12, 28, 10].map(Constraint::Length);
    frame.render_widget(Table::new(rows, widths).block(heading(&words)), area);
}

/// A panel begins with a line that has its name in it.
pub(super) fn heading(words: &str) -> Block<'static> {
    Block::new().borders(Borders::TOP).border_style(quiet()).title(format!(" {words} "))
}

/// Less important than the rest.
pub(super) const fn quiet() -> Style {
    Style::new().fg(Color::DarkGray)
}
