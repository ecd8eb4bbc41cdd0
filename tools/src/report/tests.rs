use std::time::Duration;

use super::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn client(name: &str, network: &str, spans: Vec<Span>) -> Client {
    let length = seconds(10.0);
    let mut client = Client {
        name: name.into(),
        network: network.into(),
        radio: Some(0),
        walk: vec![Place { at: Duration::ZERO, x: 3.0, y: 4.0 }],
        spans,
        up: Bins::new(length, 200),
        down: Bins::new(length, 200),
        retries: Bins::new(length, 200),
        losses: Bins::new(length, 200),
        ..Client::default()
    };
    client.down.add(seconds(2.0), 1500);
    client.losses.add(seconds(3.0), 1);
    client.moments.push(Moment {
        at: seconds(1.0),
        name: "joined".into(),
        text: "It is in.".into(),
        bad: false,
    });
    client
}

fn story(network: &str, spans: Vec<Span>) -> Story {
    let length = seconds(10.0);
    let bins = || Bins::new(length, 200);
    let radio =
        Radio { name: "west".into(), sent: bins(), heard: bins(), retried: bins(), ..Radio::default() };
    Story {
        title: "A story".into(),
        result: "All is well.".into(),
        length,
        radios: vec![radio],
        clients: vec![client("phone", network, spans)],
        ..Story::default()
    }
}

fn awake(from: f64, to: f64) -> Span {
    Span { state: State::Awake, from: seconds(from), to: seconds(to) }
}

#[test]
fn a_hostile_name_stays_text() {
    let page = html(&story("\"><script>alert(1)</script>'&\u{202e}\u{1b}", vec![awake(0.0, 10.0)]));
    assert!(!page.contains("<script"));
    assert!(page.contains("&quot;&gt;&lt;script"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
}

#[test]
fn the_page_loads_nothing() {
    let page = html(&story("home", vec![awake(0.0, 10.0)]));
    for loads in ["http://", "https://", "src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn a_page_of_many_short_naps_is_no_longer_than_its_columns() {
    let nap = |n: u32| Span {
        state: if n.is_multiple_of(2) { State::Dozing } else { State::Awake },
        from: seconds(10.0) * n / 100_000,
        to: seconds(10.0) * (n + 1) / 100_000,
    };
    let many = html(&story("home", (0..100_000).map(nap).collect()));
    assert!(many.len() < 300_000, "{} bytes", many.len());
}

#[test]
fn what_happened_is_drawn_where_and_as_what_it_happened() {
    let naps = vec![
        awake(1.0, 4.0),
        Span { state: State::Dozing, from: seconds(4.0), to: seconds(9.0) },
        awake(9.0, 10.0),
    ];
    let page = html(&story("home", naps));
    assert!(page.contains("phone: away, 0.00 s to 1.00 s (1.00 s)"));
    assert!(page.contains("phone: connected, dozing: the node keeps its frames, 4.00 s to 9.00 s (5.00 s)"));
    assert!(page.contains("1500 bytes arrived at it between 2.00 s and 2.05 s"));
    assert!(page.contains("1 lost: sent at about 3.00 s and never arrived"));
    assert!(page.contains("1.00 s: It is in."));
}

#[test]
fn an_empty_story_is_a_page_too() {
    let page = html(&Story::default());
    assert!(page.ends_with("</html>\n") && !page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn bins_are_bounded_and_take_what_is_late_into_the_last() {
    let mut bins = Bins::new(seconds(1.0), 1_000_000);
    assert_eq!(bins.sums().len(), MAX_BINS);
    bins.add(seconds(5.0), 2);
    bins.add(Duration::ZERO, 1);
    assert_eq!((bins.sums()[0], bins.sums()[MAX_BINS - 1], bins.total(), bins.max()), (1, 2, 3, 2));
}
