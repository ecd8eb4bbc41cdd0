use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::status::{Client, Link, MoveTotals, PeerNode, Radio, Status, VirtualAp};

/// A page as a scraper understands it: the type of each metric, and its samples with their labels.
#[derive(Debug, Default)]
struct Scraped {
    types: BTreeMap<String, String>,
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

/// Reads the text format, version 0.0.4, as strictly as it is written down.
fn scrape(page: &str) -> Scraped {
    let mut scraped = Scraped::default();
    assert!(page.ends_with('\n'), "the last line ends too");
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(is_name(help.split(' ').next().unwrap()), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert_eq!(scraped.types.insert(name.into(), kind.into()), None, "{line}");
        } else {
            let (name, labels, value) = sample(line);
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let known = |name: &str| scraped.types.contains_key(name);
            assert!(known(&name) || base.is_some_and(known), "a sample after its type: {line}");
            assert_eq!(scraped.samples.insert((name, labels), value), None, "once: {line}");
        }
    }
    scraped
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    while let Some(after) = rest.strip_prefix(['{', ',']) {
        let (label, after) = after.split_once("=\"").unwrap();
        assert!(is_name(label), "{line}");
        let (value, left) = quoted(after);
        assert_eq!(labels.insert(label.to_owned(), value), None, "{line}");
        rest = left.strip_prefix('}').unwrap_or(left);
    }
    let value = rest.strip_prefix(' ').unwrap();
    (name.to_owned(), labels, value.parse().unwrap())
}

/// A value up to its quotation mark, and what comes after it.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    loop {
        match chars.next().unwrap() {
            (at, '"') => return (value, &text[at + 1..]),
            (_, '\\') => value.push(match chars.next().unwrap().1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                c => panic!("no escape: {c}"),
            }),
            (_, c) => value.push(c),
        }
    }
}

impl Scraped {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }
}

fn status() -> Status {
    let client = |number: u8, dozes| Client {
        address: format!("02:c1:00:00:00:{number:02x}"),
        state: "authorized".into(),
        power_save: dozes,
        rx_bytes: 1000,
        tx_bytes: u64::from(number),
        signal_dbm: (number == 1).then_some(-51),
        ..Client::default()
    };
    let ap = |number: u8, client| VirtualAp {
        bssid: format!("02:a1:00:00:00:{number:02x}"),
        ssid: "a \"quoted\\\" \n name".into(),
        kind: "per-client".into(),
        radio: "phy0".into(),
        generation: 3,
        clients: vec![client],
        ..VirtualAp::default()
    };
    let mut move_totals = MoveTotals { within: 2, left: 1, taken_over: 4, ..MoveTotals::default() };
    [100, 700, 9_000_000].into_iter().for_each(|gap| move_totals.gap(gap));
    Status {
        node: "north".into(),
        version: "0.1.0".into(),
        uptime_ms: 1500,
        radios: vec![Radio {
            phy: "phy0".into(),
            state: "up".into(),
            drops: [("replay".to_owned(), 3), ("duplicate".to_owned(), 5)].into(),
            ..Radio::default()
        }],
        virtual_aps: vec![ap(1, client(1, false)), ap(2, client(2, true))],
        peers: vec![PeerNode { node: "south".into(), state: "suspect".into() }],
        links: vec![Link {
            ssid: "cafe".into(),
            radio: "phy1".into(),
            address: "02:b1:00:00:00:00".into(),
            state: "connected".into(),
            slot_share: Some(0.25),
            ap_buffer: Some(64),
            rx_bytes: 70,
            losses: [("queue_full".to_owned(), 2)].into(),
            ..Link::default()
        }],
        move_totals,
        cluster_drops: [("malformed".to_owned(), 6)].into(),
        ..Status::default()
    }
}

#[test]
fn a_scraper_finds_radios_clients_drops_moves_peers_and_generations() {
    let scraped = scrape(&page(&status()));
    let ssid = "a \"quoted\\\" \n name";
    let cafe = [("radio", "phy1"), ("ssid", "cafe"), ("address", "02:b1:00:00:00:00")];
    for (name, labels, value) in [
        ("airloom_info", &[("node", "north"), ("version", "0.1.0")][..], 1.0),
        ("airloom_uptime_seconds", &[], 1.5),
        ("airloom_peer_up", &[("peer", "south"), ("state", "suspect")], 0.0),
        ("airloom_radio_up", &[("radio", "phy0")], 1.0),
        ("airloom_cluster_dropped_total", &[("reason", "malformed")], 6.0),
        ("airloom_dropped_frames_total", &[("radio", "phy0"), ("reason", "replay")], 3.0),
        ("airloom_dropped_frames_total", &[("radio", "phy0"), ("reason", "duplicate")], 5.0),
        ("airloom_virtual_aps", &[("radio", "phy0"), ("ssid", ssid), ("kind", "per-client")], 2.0),
        ("airloom_virtual_ap_generation", &[("bssid", "02:a1:00:00:00:01"), ("radio", "phy0")], 3.0),
        ("airloom_clients", &[("radio", "phy0"), ("state", "awake")], 1.0),
        ("airloom_clients", &[("radio", "phy0"), ("state", "dozing")], 1.0),
        (
            "airloom_client_signal_dbm",
            &[("client", "02:c1:00:00:00:01"), ("bssid", "02:a1:00:00:00:01"), ("radio", "phy0")],
            -51.0,
        ),
        ("airloom_link_up", &cafe, 1.0),
        ("airloom_link_slot_share", &cafe, 0.25),
        ("airloom_link_ap_buffer_frames", &cafe, 64.0),
        ("airloom_link_received_bytes_total", &cafe, 70.0),
        ("airloom_link_lost_frames_total", &[cafe[0], cafe[1], cafe[2], ("cause", "queue_full")], 2.0),
        ("airloom_moves_total", &[("way", "within_node")], 2.0),
        ("airloom_moves_total", &[("way", "taken_over")], 4.0),
        ("airloom_move_gap_seconds_bucket", &[("le", "0.0002")], 1.0),
        ("airloom_move_gap_seconds_bucket", &[("le", "0.001")], 2.0),
        ("airloom_move_gap_seconds_bucket", &[("le", "1")], 2.0),
        ("airloom_move_gap_seconds_bucket", &[("le", "+Inf")], 3.0),
        ("airloom_move_gap_seconds_count", &[], 3.0),
        ("airloom_move_gap_seconds_sum", &[], 9.0008),
    ] {
        assert_eq!(scraped.value(name, labels), Some(value), "{name} {labels:?} in {scraped:#?}");
    }
    assert_eq!(scraped.value("airloom_link_signal_dbm", &cafe), None);
    assert_eq!(scraped.types["airloom_move_gap_seconds"], "histogram");
    assert_eq!(scrape(&page(&Status::default())).value("airloom_uptime_seconds", &[]), Some(0.0));
}

#[test]
fn the_page_is_bounded() {
    let mut status = status();
    status.virtual_aps = (0..20_000).map(|_| status.virtual_aps[0].clone()).collect();
    assert!(page(&status).len() < 4 << 20);
}

struct Here {
    address: SocketAddr,
    made: Arc<AtomicUsize>,
}

impl Here {
    fn start() -> Self {
        let exporter = Exporter::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = exporter.address().unwrap();
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let make = move || {
            count.fetch_add(1, Ordering::SeqCst);
            page(&status())
        };
        exporter.start(make).unwrap();
        Self { address, made }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// What is answered to these bytes, until the connection is closed.
    fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The node may have hung up already.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}

#[test]
fn a_get_is_answered_as_prometheus_wants_it() {
    let here = Here::start();
    let answer = here.answer(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n");
    let (header, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(header.starts_with("HTTP/1.1 200 OK\r\n"), "{header}");
    assert!(header.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{header}");
    assert!(header.contains(&format!("Content-Length: {}", body.len())), "{header}");
    assert_eq!(scrape(body).value("airloom_radio_up", &[("radio", "phy0")]), Some(1.0));
    let head = here.answer(b"HEAD /metrics?x=1 HTTP/1.0\r\n\r\n");
    let (head, nothing) = head.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())) && nothing.is_empty(), "{head}");
    assert_eq!(here.made.load(Ordering::SeqCst), 1, "who asks at once after another gets the same");
}

#[test]
fn what_is_no_such_request_is_told_so() {
    let here = Here::start();
    for (request, words) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "HTTP/1.1 404 Not Found"),
        (b"GET /metrics/../etc HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "Allow: GET, HEAD"),
        (b"GET /metrics\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"\xff\xfe\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"\r\n\r\n", "HTTP/1.1 400 Bad Request"),
    ] {
        let answer = here.answer(request);
        assert!(answer.contains(words), "{}: {answer}", String::from_utf8_lossy(request));
    }
    let long = [&b"GET /metrics HTTP/1.1\r\nX: "[..], &[b'x'; 20_000]].concat();
    let mut stream = here.connect();
    stream.write_all(&long).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.contains("431"), "{answer}");
    assert_eq!(here.made.load(Ordering::SeqCst), 0);
}

#[test]
fn those_who_say_nothing_or_never_end_hold_up_their_own_places_only() {
    let here = Here::start();
    let mut silent: Vec<_> = (0..4).map(|_| here.connect()).collect();
    let bound = Instant::now() + Duration::from_secs(60);
    let get = b"GET /metrics HTTP/1.1\r\n\r\n";
    // All places are taken sooner or later, and whoever comes then is turned away at once.
    loop {
        let answer = here.answer(get);
        if answer.starts_with("HTTP/1.1 503") {
            break;
        }
        assert!(Instant::now() < bound, "{answer}");
    }
    // When their time is over they are left, what they have begun to say included, and the next one is served.
    for stream in &mut silent {
        let _ = stream.write_all(b"GET /metrics");
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let left = stream.read(&mut [0; 16]);
        assert!(matches!(left, Ok(0)) || left.is_err_and(|error| error.kind() != ErrorKind::WouldBlock));
    }
    while !here.answer(get).starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < bound);
        std::thread::yield_now();
    }
}

#[test]
fn an_address_that_others_reach_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9450"] {
        let why = format!("{:#}", Exporter::bind(address.parse().unwrap()).unwrap_err());
        assert!(why.contains("local address"), "{why}");
    }
    let taken = Exporter::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let why = format!("{:#}", Exporter::bind(taken.address().unwrap()).unwrap_err());
    assert!(why.contains("cannot serve metrics on 127.0.0.1:"), "{why}");
}
