//! Stories of nodes with two radios each: which one of another node a client comes to.

use std::time::Duration;

use airloom::config::PlacementPolicy;
use drivers::propagation::Position;
use tests::nodes::{Nodes, Wiring, host_address};
use tests::scene::station;

const LATENCY: Duration = Duration::from_millis(5);
const TWO: Wiring = Wiring { radios: 2, ..Wiring::SHARED };

/// Node and radio that serve the client.
fn place(scene: &mut Nodes, client: usize) -> Vec<(usize, usize)> {
    let wanted = [station(client).to_string()];
    let all = (0..3).flat_map(|node| [(node, 0), (node, 1)]);
    all.filter(|(node, radio)| scene.on_radio(*node, *radio) == wanted).collect()
}

#[test]
fn the_radio_of_the_other_node_that_is_named_takes_the_client() {
    for wiring in [TWO, Wiring { radios: 2, ..Wiring::signed(mesh::announce::Profile::ED25519) }] {
        let mut scene = Nodes::new(wiring, LATENCY);
        let client = scene.join(0);
        scene.to_the_middle(client);
        let mut from = place(&mut scene, client)[0];
        for to in [(1, 1), (0, 0), (1, 0), (2, 1), (0, 1)] {
            let (node, radio) = (format!("node{}", to.0), format!("phy{}", to.1));
            let answered = scene.begin_move_to(client, from.0, (&node, Some(&radio)));
            scene.run(Duration::from_millis(300));
            let departed = answered.try_recv().unwrap().unwrap();
            assert_eq!((departed.from, departed.to), (from.1, Some(radio)));
            assert_eq!(place(&mut scene, client), [to]);
            from = to;
        }
        assert_eq!(scene.clients[client].lost, 0);
    }
}

#[test]
fn a_radio_or_node_that_there_is_not_is_told_of() {
    let mut scene = Nodes::new(TWO, LATENCY);
    let client = scene.join(0);
    let mut refused = |node, radio| {
        let answered = scene.begin_move_to(client, 0, (node, Some(radio)));
        scene.run(Duration::from_millis(100));
        answered.try_recv().unwrap().unwrap_err()
    };
    assert_eq!(refused("node1", "phy7"), "node node1 has no radio phy7; it has phy0, phy1");
    assert_eq!(refused("node7", "phy0"), "there is no node node7 in the cluster");
}

/// Who walks comes to the radio that hears it best, not to the first one that there is.
#[test]
fn placement_names_the_radio_that_hears_a_client_best() {
    let mut scene = Nodes::new(Wiring { placement: PlacementPolicy::Signal, ..TWO }, LATENCY);
    let client = scene.join(0);
    let radio = scene.clients[client].radio;
    // At the foot of the second radio of node 1.
    scene.air.borrow_mut().set_position(radio, Position::new(40.0, -1.2));
    for _ in 0..150 {
        scene.client_says(client, host_address(0), "here");
        scene.run(Duration::from_millis(20));
    }
    assert_eq!(place(&mut scene, client), [(1, 1)]);
}
