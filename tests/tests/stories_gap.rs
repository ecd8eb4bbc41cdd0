//! For how long a client is not served, while its virtual AP goes from node to node, and when its node is lost.

use std::time::Duration;

use airloom::node::News;
use stack::sta::LinkState;
use stack::time::Instant;
use tests::nodes::{Nodes, Wiring};
use tests::scene::station;

/// How exactly is looked.
const STEP: Duration = Duration::from_micros(250);

/// A host says something to a client every millisecond; tells the longest time in which nothing came.
struct Talk {
    host: usize,
    client: usize,
    said: usize,
    got: usize,
    last: Instant,
    longest: Duration,
}

impl Talk {
    const fn new(scene: &Nodes, host: usize, client: usize) -> Self {
        Self { host, client, said: 0, got: 0, last: scene.now, longest: Duration::ZERO }
    }

    fn go_on(&mut self, scene: &mut Nodes) {
        scene.host_says(self.host, station(self.client), &format!("n{}", self.said));
        self.said += 1;
        for _ in 0..4 {
            scene.run(STEP);
            let came = scene.got(self.client).iter().filter(|text| text.starts_with('n')).count();
            if came > 0 {
                self.longest = self.longest.max(scene.now.since(self.last));
                (self.got, self.last) = (self.got + came, scene.now);
            }
        }
    }
}

#[test]
fn a_move_between_nodes_takes_a_round_trip_and_five_milliseconds_at_the_most() {
    for latency in [100, 1000, 5000, 20_000].map(Duration::from_micros) {
        let most = 2 * latency + Duration::from_millis(5);
        let mut scene = Nodes::new(Wiring::SHARED, latency);
        let client = scene.join(0);
        let host = scene.host(2);
        scene.to_the_middle(client);
        scene.run(Duration::from_millis(500));
        let (mut gaps, mut silences) = (Vec::new(), Vec::new());
        let mut lost = 0;
        for turn in 0..6 {
            let mut talk = Talk::new(&scene, host, client);
            (0..20).for_each(|_| talk.go_on(&mut scene));
            let answered = scene.begin_move(client, turn % 2, 1 - turn % 2);
            (0..200).for_each(|_| talk.go_on(&mut scene));
            let departed = answered.try_recv().unwrap().unwrap();
            gaps.push(departed.gap);
            silences.push(talk.longest);
            lost += talk.said - talk.got;
        }
        let worst = |of: &[Duration]| of.iter().max().copied().unwrap();
        assert!(worst(&gaps) <= most, "{latency:?}: {gaps:?}");
        // Between two texts there is a millisecond anyway.
        assert!(worst(&silences) <= most, "{latency:?}: {silences:?}");
        assert_eq!((lost, scene.clients[client].lost), (0, 0), "{latency:?}");
    }
}

/// Lets the host talk until something holds; tells how long that took.
fn until(scene: &mut Nodes, talk: &mut Talk, mut holds: impl FnMut(&Nodes, &Talk) -> bool) -> Duration {
    let since = scene.now;
    for _ in 0..5000 {
        talk.go_on(scene);
        if holds(scene, talk) {
            return scene.now.since(since);
        }
    }
    panic!("it does not come to that");
}

#[test]
fn a_client_is_served_300_ms_after_the_loss_of_its_node_is_found_out() {
    for latency in [100, 1000, 5000, 20_000].map(Duration::from_micros) {
        let mut scene = Nodes::new(Wiring::SHARED, latency);
        let client = scene.join(0);
        let host = scene.host(2);
        scene.to_the_middle(client);
        scene.run(Duration::from_secs(2));
        let mut talk = Talk::new(&scene, host, client);
        (0..50).for_each(|_| talk.go_on(&mut scene));
        scene.crash(0);
        let gone =
            |scene: &Nodes| (1..3).any(|n| scene.nodes[n].lines().any(|line| line == "node node0 is gone"));
        until(&mut scene, &mut talk, |scene, _| gone(scene));
        let before = talk.got;
        let taken = |scene: &Nodes| {
            let taken = |news: &News| matches!(news, News::Arrived { taken_over: true, .. });
            (1..3).filter(|n| scene.nodes[*n].news.iter().any(taken)).count()
        };
        let served = until(&mut scene, &mut talk, |scene, talk| taken(scene) > 0 && talk.got > before);
        assert!(served <= Duration::from_millis(300), "{latency:?}: {served:?}");
        let before = talk.got;
        (0..1000).for_each(|_| talk.go_on(&mut scene));
        assert!(talk.got - before >= 990, "{latency:?}: {}", talk.got - before);
        assert_eq!((taken(&scene), scene.clients[client].lost), (1, 0), "{latency:?}");
        assert_eq!(scene.clients[client].link.state(), LinkState::Connected);
    }
}
