use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::status::{Client, Link, Move, PeerNode, Radio, RadioCounters, Status, VirtualAp};

/// The screen as text, without the blanks at the ends of lines.
fn screen(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    let text = terminal.backend().to_string();
    let lines = text.lines().map(|line| line.trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn client(number: u8, signal: i8, bytes: u64) -> Client {
    Client {
        address: format!("02:c1:00:00:00:{number:02x}"),
        state: "authorized".into(),
        power_save: number == 2,
        signal_dbm: Some(signal),
        rx_rate: Some("54.0 Mb/s".into()),
        rx_bytes: bytes,
        tx_bytes: 2 * bytes,
        tx_retries: 7,
        queued: u64::from(number == 2),
        ..Client::default()
    }
}

/// The node half a second after half a second, `n` half seconds after its start.
fn status(n: u64) -> Status {
    let counters = RadioCounters {
        rx_frames: 1000 * n,
        tx_frames: 500 * n,
        tx_retries: 20 * n,
        tx_failed: 3,
        ..RadioCounters::default()
    };
    let radio = |phy: &str, channel| Radio {
        phy: phy.into(),
        state: "up".into(),
        channel,
        frequency: 2407 + 5 * u16::from(channel),
        drops: [("duplicate".to_owned(), 40 + n), ("replay".to_owned(), 2)].into(),
        counters,
        ack_addresses: vec![String::new(); 3],
        ..Radio::default()
    };
    let ap = |index: u8, clients| VirtualAp {
        bssid: format!("02:a1:00:00:10:{index:02x}"),
        ssid: "home".into(),
        kind: "per-client".into(),
        radio: "phy0".into(),
        clients,
        ..VirtualAp::default()
    };
    Status {
        node: "north".into(),
        uptime_ms: 3_600_000 + 500 * n,
        radios: vec![radio("phy0", 1), radio("phy1", 6)],
        virtual_aps: vec![
            ap(1, vec![client(1, -48, 60_000 * n)]),
            ap(2, vec![client(2, -71, 100 * n)]),
            ap(3, vec![client(3, -88, 400_000 * n)]),
        ],
        ..Status::default()
    }
}

fn view(answers: u64) -> View {
    let mut view = View::default();
    (0..answers).for_each(|n| view.take(Ok(status(n))));
    view
}

/// The screen is as in the file, which a failure shows the new text for.
fn is_as_in(name: &str, screen: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/top/screens").join(name);
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(screen == expected.trim_end(), "{} should be\n{screen}", path.display());
}

#[test]
fn a_wide_screen_has_everything() {
    is_as_in("wide.txt", &screen(&view(5), 150, 18));
}

#[test]
fn a_narrow_screen_keeps_what_matters_most() {
    is_as_in("narrow.txt", &screen(&view(5), 60, 13));
}

/// Four foreign networks besides: one is joined, one is looked for, one is refused, one sends text that steers terminals.
fn foreign(n: u64) -> Status {
    let link = |number: u8, ssid: &str, state: &str| Link {
        ssid: ssid.into(),
        state: state.into(),
        address: format!("02:b1:00:00:00:{number:02x}"),
        radio: "phy2".into(),
        tap: Some(format!("hop{number}")),
        ..Link::default()
    };
    let cafe = Link {
        bssid: "02:d1:00:00:00:01".into(),
        channel: 36,
        signal_dbm: Some(-61),
        slot_share: Some(0.337),
        dead_air_ms: Some(3.04),
        rx_bytes: 70_000 * n,
        tx_bytes: 600 * n,
        losses: [("queue_full".to_owned(), 2), ("not_acknowledged".to_owned(), 3)].into(),
        ..link(0, "cafe", "connected")
    };
    let refused = Link { refusal: Some("too slow".into()), ..link(2, "library", "waiting") };
    let links = vec![cafe, link(1, "home", "scanning"), refused, link(3, "e\u{1b}[2Jvil", "securing")];
    Status { links, ..status(n) }
}

#[test]
fn foreign_networks_have_a_table_of_their_own() {
    let mut view = View::default();
    (0..5).for_each(|n| view.take(Ok(foreign(n))));
    is_as_in("links.txt", &screen(&view, 140, 22));
}

/// The first client went to and fro, and was taken over at last; the second came from another node and left again.
fn moved(status: Status) -> Status {
    let at_ms = status.uptime_ms;
    let go = |client: u8, from: &str, to: &str, ago: u64| Move {
        client: format!("02:c1:00:00:00:{client:02x}"),
        from: from.into(),
        to: to.into(),
        at_ms: at_ms - ago,
        ..Move::default()
    };
    let moves = vec![
        Move { gap_us: Some(412), queued: Some(3), ..go(1, "phy0", "phy1", 3_590_000) },
        Move { queued: Some(0), ..go(2, "@south", "phy0", 754_000) },
        Move { gap_us: Some(7_300), ..go(1, "phy1", "@south", 61_000) },
        Move { gap_us: Some(80_000), ..go(2, "phy0", "@south", 9_900) },
        Move { queued: Some(0), taken_over: true, ..go(1, "@south", "phy0", 1_250) },
    ];
    let peers = vec![PeerNode { node: "south".into(), state: "down".into() }];
    Status { moves, peers, ..status }
}

#[test]
fn moves_are_listed_with_their_gaps_and_those_of_the_chosen_client_alone() {
    let mut view = View::default();
    (0..5).for_each(|n| view.take(Ok(moved(status(n)))));
    is_as_in("moves.txt", &screen(&view, 110, 22));
    view.press(Key::Sort);
    view.press(Key::Sort);
    view.press(Key::Up);
    let chosen = screen(&view, 110, 22);
    assert!(chosen.contains("moves of 02:c1:00:00:00:01: 3"), "\n{chosen}");
    assert!(chosen.contains("phy1") && !chosen.contains("80.00 ms"), "\n{chosen}");
}

#[test]
fn no_size_is_too_small() {
    let mut view = view(3);
    view.take(Ok(moved(status(3))));
    for width in (1..200).step_by(7) {
        for height in 1..30 {
            screen(&view, width, height);
        }
    }
}

#[test]
fn clients_are_there_whatever_the_width() {
    let view = view(5);
    for width in 18..200 {
        let screen = screen(&view, width, 18);
        assert_eq!(screen.matches("02:c1:00").count(), 3, "{width}\n{screen}");
    }
}

#[test]
fn keys_sort_and_choose_and_the_choice_stays_with_its_client() {
    let mut view = view(3);
    view.press(Key::Down);
    let place = |view: &View| {
        view.rows.iter().position(|row| {
            Some(row.client.address.as_str()) == view.chosen.as_ref().map(|(address, _)| address.as_str())
        })
    };
    assert_eq!(place(&view), Some(1));
    let chosen = view.chosen.clone();
    view.press(Key::Sort);
    assert_eq!((view.sort, view.chosen.clone()), (Sort::Signal, chosen));
    let signals: Vec<_> = view.rows.iter().map(|row| row.client.signal_dbm.unwrap()).collect();
    assert_eq!(signals, [-88, -71, -48]);
    for _ in 0..9 {
        view.press(Key::Down);
    }
    assert_eq!(place(&view), Some(2));
    for _ in 0..9 {
        view.press(Key::Up);
    }
    assert_eq!(place(&view), Some(0));
}

#[test]
fn a_node_that_is_gone_is_said_to_be_and_one_that_is_back_is_shown() {
    let mut view = view(4);
    view.take(Err("no airloom answers at /run/airloom.sock\u{1b}[2J".into()));
    let gone = screen(&view, 120, 20);
    assert!(
        gone.contains("no answer since this; asking again. no airloom answers at /run/airloom.sock·[2J"),
        "\n{gone}"
    );
    assert!(gone.contains("02:c1:00:00:00:01"), "what was known stays\n{gone}");
    view.take(Ok(status(0)));
    let back = screen(&view, 120, 20);
    assert!(!back.contains("no airloom answers") && back.contains("up 1:00:00"), "\n{back}");
}

#[test]
fn nothing_from_the_air_steers_the_terminal() {
    let mut status = status(1);
    status.virtual_aps[0].ssid = "a\u{1b}[31m\u{202e}b".into();
    status.radios[0].state = "gone:\u{7}".into();
    let to = "a\u{1b}]0;b".into();
    status.moves.push(Move { to, ..Move::default() });
    status.peers.push(PeerNode { node: "no\u{1b}de".into(), state: "up".into() });
    let mut view = View::default();
    view.take(Ok(status));
    let screen = screen(&view, 138, 21);
    for words in ["a·[31m·b", "gone:·", "a·]0;b", "with no·de up"] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
}
