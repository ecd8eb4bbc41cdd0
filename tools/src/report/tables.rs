//! The numbers, as tables.

use super::markup::{Markup, Px, Seconds, Span};
use super::story::{Client, Drops, KeyUse, Story, Totals};

/// Most rows of a table; what is beyond is summed up.
const MAX_ROWS: usize = 64;

pub(super) fn clients(out: &mut Markup, story: &Story) {
    let heads = [
        "client",
        "virtual AP",
        "from it",
        "to it",
        "lost",
        "by the crash",
        "twice",
        "repeated",
        "dozed",
        "connected",
        "signal",
    ];
    table(out, &heads, story.clients.iter().take(MAX_ROWS), |client| {
        let totals = &client.totals;
        vec![
            client.name.clone(),
            client.virtual_ap.clone(),
            format!("{} of {}", totals.up.1, totals.up.0),
            format!("{} of {}", totals.down.1, totals.down.0),
            totals.lost.to_string(),
            totals.taken.to_string(),
            totals.duplicated.to_string(),
            totals.retries.to_string(),
            dozed(totals),
            Seconds(totals.connected).to_string(),
            heard(client),
        ]
    });
}

fn heard(client: &Client) -> String {
    let values = client.signal.iter().map(|sample| sample.dbm);
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), dbm| (low.min(dbm), high.max(dbm)));
    if low > high {
        return "–".into();
    }
    let (low, high) = (format!("−{:.0}", low.abs()), format!("−{:.0}", high.abs()));
    if low == high { format!("{low} dBm") } else { format!("{low} to {high} dBm") }
}

fn dozed(totals: &Totals) -> String {
    match totals.dozes {
        0 => "never".into(),
        1 => format!("once, {}", Span(totals.dozed)),
        n => format!("{n} times, {}", Span(totals.dozed)),
    }
}

pub(super) fn keys(out: &mut Markup, keys: &[KeyUse]) {
    let heads = ["key", "in use from", "frames under it", "highest packet number", "used twice"];
    table(out, &heads, keys.iter().take(MAX_ROWS), |key: &KeyUse| {
        vec![
            key.owner.clone(),
            Seconds(key.from).to_string(),
            key.frames.to_string(),
            key.highest.to_string(),
            key.reuses.to_string(),
        ]
    });
}

/// A table that scrolls sideways where there is no room for it.
pub(super) fn table<'a, T: 'a>(
    out: &mut Markup,
    heads: &[&str],
    rows: impl Iterator<Item = &'a T>,
    cells: impl Fn(&'a T) -> Vec<String>,
) {
    out.open("div", &[("class", &"scroll")]).open("table", &[]).open("thead", &[]).open("tr", &[]);
    for head in heads {
        out.leaf("th", &[], head);
    }
    out.close("tr").close("thead").open("tbody", &[]);
    for row in rows {
        out.open("tr", &[]);
        for cell in cells(row) {
            out.leaf("td", &[], &cell);
        }
        out.close("tr");
    }
    out.close("tbody").close("table").close("div");
}

/// A bar for each reason, the longest first.
pub(super) fn drops(out: &mut Markup, drops: &[Drops]) {
    if drops.is_empty() {
        out.leaf("p", &[("class", &"quiet")], &"Nothing was discarded.");
        return;
    }
    let mut rows: Vec<&Drops> = drops.iter().collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.who, &a.reason).cmp(&(&b.who, &b.reason))));
    let most = rows.first().map_or(1, |row| row.count).max(1) as f64;
    out.open("ul", &[("class", &"bars")]);
    for row in rows.iter().take(MAX_ROWS) {
        // a square root, so that one reason does not hide all others
        let share = Px(100.0 * (row.count as f64 / most).sqrt().max(0.01));
        out.open("li", &[]).open("div", &[]);
        out.leaf("b", &[], &row.count).leaf("code", &[], &row.reason);
        out.leaf("span", &[], &format!("{} · {}", row.who, row.text)).close("div");
        let style = format!("width:{share}%");
        out.open("i", &[("style", &style)]).close("i").close("li");
    }
    out.close("ul");
    let left: u64 = rows.iter().skip(MAX_ROWS).map(|row| row.count).sum();
    if left > 0 {
        out.leaf("p", &[("class", &"quiet")], &format!("and {left} for further reasons"));
    }
}
