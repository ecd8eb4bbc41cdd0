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
        stays: vec![
            Stay { radio: 0, from: seconds(1.0), to: seconds(6.0) },
            Stay { radio: 1, from: seconds(6.0), to: seconds(10.0) },
        ],
        walk: vec![Place { at: Duration::ZERO, x: 3.0, y: 4.0 }, Place { at: seconds(5.0), x: 9.0, y: 4.0 }],
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
    let radio = |name: &str, x| Radio {
        name: name.into(),
        place: (x, 0.0),
        sent: bins(),
        heard: bins(),
        retried: bins(),
        ..Radio::default()
    };
    Story {
        title: "A story".into(),
        result: "All is well.".into(),
        length,
        radios: vec![radio("north/west", 0.0), radio("south/west", 10.0)],
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
    assert!(page.contains("phone: connected, dozing: its frames are kept, 4.00 s to 9.00 s (5.00 s)"));
    assert!(page.contains("1500 bytes arrived at it between 2.00 s and 2.05 s"));
    assert!(page.contains("1 lost: sent at about 3.00 s and never arrived"));
    assert!(page.contains("1.00 s: It is in."));
}

#[test]
fn who_served_whom_and_what_moved_is_told_in_pictures_and_in_words() {
    let mut story = story("home", vec![awake(1.0, 10.0)]);
    story.handovers = vec![Handover {
        at: seconds(6.0),
        client: "phone".into(),
        from: 0,
        to: 1,
        way: "node to node".into(),
        gap: Some(Duration::from_micros(1400)),
        queued: 3,
        sequence: "TID 0: 11 → 12".into(),
        packets: "0 · 1 · 44 → 1 · 2 · 0".into(),
        key: "same".into(),
    }];
    story.crash = Some(Crash {
        at: seconds(5.5),
        radios: vec![0],
        text: "north is lost".into(),
        clients: vec![Orphan {
            client: "phone".into(),
            from: 0,
            to: Some(1),
            gap: Some(seconds(0.5)),
            lost: 9,
        }],
    });
    story.diary = vec![(seconds(6.0), "phone goes <away>".into())];
    let page = html(&story);
    for words in [
        "phone served by north/west, 1.00 s to 6.00 s (5.00 s)",
        "phone served by south/west, 6.00 s to 10.00 s (4.00 s)",
        "6.00 s: phone is served by south/west",
        "without power from 5.50 s on",
        "<td>node to node</td><td>1.4 ms</td><td>3</td><td>TID 0: 11 → 12</td><td>0 · 1 · 44 → 1 · 2 · 0</td>",
        "<td>phone</td><td>north/west</td><td>500 ms</td><td>south/west</td><td>9</td>",
        "phone goes &lt;away&gt;",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // the walk is in two colours, from where it began to where the other took over and on from there
    assert_eq!((page.matches("class=\"way r0\"").count(), page.matches("class=\"way r1\"").count()), (1, 1));
    for tag in ["svg", "g", "table", "tr", "td", "section", "div", "ul", "li", "details", "p"] {
        let open = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn however_often_clients_move_the_page_is_bounded() {
    let mut story = story("home", vec![awake(1.0, 10.0)]);
    let moves = 50_000;
    let at = |n: u32| seconds(10.0) * n / moves;
    story.clients[0].stays =
        (0..moves).map(|n| Stay { radio: n as usize % 2, from: at(n), to: at(n + 1) }).collect();
    story.handovers = (0..moves).map(|n| Handover { at: at(n), ..Handover::default() }).collect();
    story.diary = (0..moves).map(|n| (at(n), "moved".into())).collect();
    let page = html(&story);
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains("and 49600 further ones"));
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
