use std::time::Duration;

use super::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn visit(channel: u8, from: f64, to: f64) -> Visit {
    Visit { channel, from: seconds(from), to: seconds(to) }
}

fn network(name: &str, channel: u8) -> Network {
    let bins = || Bins::new(seconds(10.0), MAX_BINS);
    Network {
        name: name.into(),
        security: "WPA2".into(),
        channel,
        beacons: bins(),
        heard: bins(),
        up: bins(),
        down: bins(),
        retries: bins(),
        leaves: bins(),
        returns: bins(),
        losses: bins(),
        ..Network::default()
    }
}

fn mark(network: usize, at: f64, what: Sight) -> Mark {
    Mark { network, at: seconds(at), until: seconds(at + 0.0002), what }
}

fn story(name: &str) -> HopStory {
    let mut cafe = network(name, 1);
    cafe.beacons.add(seconds(2.0), 2);
    cafe.heard.add(seconds(2.0), 1);
    cafe.up.add(seconds(3.0), 1500);
    cafe.leaves.add(seconds(3.0), 1);
    cafe.losses.add(seconds(4.0), 1);
    cafe.off = Some((seconds(6.0), seconds(7.0)));
    cafe.moments.push(Moment {
        at: seconds(1.0),
        name: "joined".into(),
        text: "It is in.".into(),
        bad: false,
    });
    cafe.totals = NetworkTotals {
        present: seconds(2.5),
        slot_share: Some(0.25),
        joined: Some(seconds(1.0)),
        joins: 2,
        up: (10, 9),
        lost: 1,
        causes: vec![("buffer_full".into(), 1)],
        ap_buffer: Some(64),
        ..NetworkTotals::default()
    };
    HopStory {
        title: "A radio".into(),
        result: "All is well.".into(),
        length: seconds(10.0),
        networks: vec![cafe, network("library", 36)],
        visits: vec![visit(1, 0.0, 2.05), visit(36, 2.053, 2.1), visit(1, 2.103, 10.0)],
        close: Close {
            from: seconds(2.0),
            length: seconds(1.0),
            marks: vec![
                mark(0, 2.01, Sight::Beacon { heard: true }),
                mark(1, 2.02, Sight::Beacon { heard: false }),
                mark(0, 2.03, Sight::Data { up: true, bytes: 900, again: false }),
                mark(0, 2.04, Sight::Key("message 1".into())),
                mark(0, 2.049, Sight::Leaves { acked: true }),
                mark(1, 2.053, Sight::Returns { acked: false }),
            ],
        },
        ..HopStory::default()
    }
}

#[test]
fn a_hostile_name_of_a_network_stays_text() {
    let mut story = story("\"><script>alert(1)</script>'&\u{202e}\u{1b}");
    story.networks[0].moments[0].text = "<img onerror=x>".into();
    story.networks[0].totals.causes[0].0 = "<b>x".into();
    story.diary = vec![(seconds(1.0), "</ul><i>".into())];
    story.close.marks.push(mark(0, 2.5, Sight::Key("</title><i>".into())));
    let page = hop_html(&story);
    assert!(page.contains("&quot;&gt;&lt;script"));
    for raw in ["<script", "<img", "<b>x", "</ul><i>", "</title><i>", "\u{202e}", "\u{1b}"] {
        assert!(!page.contains(raw), "{raw:?}");
    }
    for loads in ["http://", "https://", "src=", "href=", "url(", "@import", "<link"] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn where_the_radio_was_and_what_was_seen_there_is_drawn() {
    let page = hop_html(&story("corner cafe"));
    for words in [
        "channel 1 for 2.05 s, from 0.000 s on",
        "channel 36 for 47 ms, from 2.053 s on",
        "From channel 1 to channel 36 in 3.0 ms, at 2.050 s",
        "1 of 2 beacons heard, sent between 2.00 s and 2.02 s",
        "1500 bytes from the radio between 3.00 s and 3.02 s",
        "PM=1: the station goes, once between 3.00 s and 3.02 s",
        "1 lost: sent at about 4.00 s and never arrived",
        "The AP of corner cafe is without power, 6.00 s to 7.00 s",
        "1.00 s: It is in.",
        "2.0100 s: a beacon, heard",
        "2.0200 s: a beacon, not heard",
        "2.0300 s: 900 bytes from the radio",
        "2.0400 s: handshake, message 1",
        "2.0490 s: PM=1, the station goes, acknowledged",
        "2.0530 s: PM=0, the station is back, not acknowledged",
        "<td>25.0 %</td><td>25.0 %</td><td>1.00 s</td><td>2 times</td><td>9 of 10</td>",
        "<td>buffer_full 1</td><td>64 frames</td>",
    ] {
        assert!(page.contains(words), "{words}");
    }
    for tag in ["svg", "g", "table", "tr", "td", "section", "div", "ul", "li", "details", "p", "path"] {
        let open = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn however_long_the_radio_hops_the_page_is_bounded() {
    let mut story = story("corner cafe");
    let hops = 100_000;
    let at = |n: u32| seconds(10.0) * n / hops;
    let channel = |n: u32| if n.is_multiple_of(2) { 1 } else { 36 };
    story.visits = (0..hops).map(|n| Visit { channel: channel(n), from: at(n), to: at(n + 1) }).collect();
    let beacon = mark(0, 2.5, Sight::Beacon { heard: true });
    story.close.marks = std::iter::repeat_n(beacon, 100_000).collect();
    story.networks = (0..1000).map(|n| network(&format!("n{n}"), channel(n))).collect();
    for network in &mut story.networks {
        let moment = Moment { at: seconds(1.0), name: "joined".into(), text: "It is in.".into(), bad: false };
        network.moments = vec![moment; 1000];
        for n in 0..1000 {
            network.up.add(seconds(0.01) * n, 1);
            network.beacons.add(seconds(0.01) * n, 1);
        }
    }
    story.diary = (0..100_000).map(|_| (seconds(1.0), "again".into())).collect();
    let page = hop_html(&story);
    assert!(page.len() < 6_000_000, "{} bytes", page.len());
    assert!(page.contains("channel 1: there for 50 % of the time between 0.00 s and 0.02 s"));
}

#[test]
fn an_empty_story_of_a_radio_is_a_page_too() {
    for networks in [Vec::new(), vec![Network::default()]] {
        let page = hop_html(&HopStory { networks, ..HopStory::default() });
        assert!(page.ends_with("</html>\n") && !page.contains("NaN") && !page.contains("inf"));
    }
}
