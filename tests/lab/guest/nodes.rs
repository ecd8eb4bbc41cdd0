//! What a client must not notice: that its virtual AP goes from node to node, whatever becomes of the nodes and of the wire
//! between them. That nothing but data, beacons and what belongs to power save is on the air meanwhile, sees the witness.

use std::cell::Cell;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::access_point::{ADDRESS, Make};
use super::client::{Client, FIRST_PHY, Wanted};
use super::cluster::{Cluster, Plan, authority, identity, serves, status, up, wish};
use super::medium::Medium;
use super::moves::{dozes_and_moves, median, moves_under_pings, pings_both_ways};
use super::program::until;
use super::site::Wire;
use super::traffic::{self, Beside, Stream};
use super::{Outcome, expect};
use drivers::propagation::Position;

pub(super) fn joined(n: usize) -> Result<Client, String> {
    let client = Client::join(n, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    Ok(client)
}

/// Pings both ways, one each 10 ms, while the client goes from node to node, by a wire that is short, long, and bad.
pub(crate) fn under_pings(make: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = joined(0)?;
    for wire in [Wire::SHORT, Wire::LONG, Wire::BAD] {
        cluster.site.quality(wire)?;
        let gaps = pings_both_ways(&client, 600, Duration::from_millis(200), || cluster.move_on(&client))
            .map_err(|why| cluster.explain(&format!("{wire:?}: {why}")))?;
        println!("measure node_moves_{}.{} {} times", wire.name, make.name(), gaps.len());
        println!("measure node_move_gap_{}.{} {:.2} ms", wire.name, make.name(), median(&gaps));
        expect(gaps.len() >= 3, || format!("{wire:?}: only {} moves", gaps.len()))?;
    }
    Ok(())
}

/// The same between nodes on two channels.
pub(crate) fn to_another_channel(make: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan { channels: [6, 11, 1], ..Plan::PATIENT })?;
    let client = joined(0)?;
    let gaps = pings_both_ways(&client, 1000, Duration::from_millis(200), || cluster.move_on(&client))
        .map_err(|why| cluster.explain(&why))?;
    println!("measure node_channel_moves.{} {} times", make.name(), gaps.len());
    expect(gaps.len() >= 3, || format!("only {} moves", gaps.len()))
}

/// Frames wait for a client that dozes while it goes from node to node.
pub(crate) fn while_dozing(_: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = joined(0)?;
    dozes_and_moves(&client, || cluster.move_on(&client)).map_err(|why| cluster.explain(&why))
}

/// Keys change while the client goes from node to node.
pub(crate) fn during_rekeys(make: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan { rekeys: true, ..Plan::PATIENT })?;
    let client = joined(0)?;
    let refused =
        moves_under_pings(&client, || cluster.move_on(&client)).map_err(|why| cluster.explain(&why))?;
    println!("measure node_moves_refused.{} {refused} times", make.name());
    Ok(())
}

/// Streams both ways while the client goes from node to node.
pub(crate) fn under_streams(make: Make) -> Outcome {
    streams(make, &Stream::ALL.map(|stream| Stream { seconds: 4, ..stream }))
}

/// The same with streams of which nothing may be lost.
pub(crate) fn under_counted_streams(make: Make) -> Outcome {
    streams(make, &Stream::COUNTED)
}

fn streams(make: Make, streams: &[Stream]) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = joined(0)?;
    for stream in streams {
        let moves = Cell::new(0);
        let arrived = thread::scope(|scope| {
            let running = scope.spawn(|| stream.run(&client));
            while !running.is_finished() {
                thread::sleep(Duration::from_millis(500));
                moves.set(moves.get() + usize::from(cluster.move_on(&client)?.is_some()));
            }
            running.join().map_err(|_| "the stream's thread ended badly".to_owned())?
        })
        .map_err(|why: String| cluster.explain(&why))?;
        println!("measure {}_between_nodes.{} {arrived:.1} Mb/s", stream.name(), make.name());
        let moves = moves.get();
        expect(arrived > 0.2 && moves >= 1, || format!("{stream:?}: {arrived} Mb/s, {moves} moves"))?;
    }
    Ok(())
}

/// The node that serves a client is killed; another takes over.
pub(crate) fn owner_is_killed(make: Make) -> Outcome {
    let mut cluster = Cluster::start(2, Plan::PROMPT)?;
    let client = joined(0)?;
    let owner = cluster.owner(&client)?;
    // A copy goes out twice a second.
    thread::sleep(Duration::from_secs(2));
    cluster.kill(owner);
    let killed = Instant::now();
    client.reaches(ADDRESS)?;
    println!("measure served_again.{} {:.0} ms", make.name(), killed.elapsed().as_secs_f64() * 1e3);
    let there = status(1 - owner)?;
    expect(serves(&there, &client.mac()), || there.to_string())
}

/// Three clients on three nodes, all on the move at once, each pinged by the side of the network.
pub(crate) fn clients_cross(make: Make) -> Outcome {
    let cluster = Cluster::start(3, Plan::PATIENT)?;
    let clients = (0..3).map(joined).collect::<Result<Vec<_>, _>>()?;
    let beside: Vec<_> = clients
        .iter()
        .map(|client| {
            let mut command = Command::new("ping");
            command.args(traffic::arguments(&client.ip(), 1000, "0.01"));
            Beside::start(command)
        })
        .collect();
    let mut moves = 0;
    while beside.iter().any(Beside::runs) {
        for client in &clients {
            moves += usize::from(cluster.move_on(client)?.is_some());
        }
    }
    for (n, pings) in beside.into_iter().enumerate() {
        pings.end()?.all_answered(&format!("to client {n}")).map_err(|why| cluster.explain(&why))?;
    }
    println!("measure crossings.{} {moves} times", make.name());
    expect(moves >= 6, || format!("only {moves} moves"))
}

/// The backhaul is cut at one moment after another of a move, and healed: the client stays where it is or goes, is served
/// by one node, and has not been sent away.
pub(crate) fn backhaul_is_cut(make: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = joined(0)?;
    cluster.site.quality(Wire::LONG)?;
    let mut went = 0;
    for step in 0..10 {
        let from = cluster.owner(&client)?;
        let mac = client.mac();
        let moving = thread::spawn(move || wish(&mac, from, 1 - from).is_ok());
        thread::sleep(Duration::from_millis(4 * step));
        cluster.site.cut(1, true)?;
        thread::sleep(Duration::from_millis(300));
        cluster.site.cut(1, false)?;
        went += usize::from(moving.join().unwrap_or(false));
        until("no one node serves the client", || cluster.owner(&client).map(drop))?;
        client.reaches(ADDRESS)?;
    }
    println!("measure moves_over_a_cut.{} {went} times", make.name());
    Ok(())
}

/// A node is killed and started again while clients are elsewhere, and takes them as before.
pub(crate) fn node_restarts(_: Make) -> Outcome {
    let mut cluster = Cluster::start(2, Plan::PROMPT)?;
    let client = joined(0)?;
    for _ in 0..2 {
        let owner = cluster.owner(&client)?;
        cluster.restart(1 - owner)?;
        until("it is not moved", || {
            let moved = cluster.move_on(&client)?;
            expect(moved.is_some(), || "the node did not take it".to_owned())
        })?;
        client.reaches(ADDRESS)?;
    }
    Ok(())
}

/// A node that another authority has made, of a cluster of the same name, is nobody here.
pub(crate) fn wrong_cluster(_: Make) -> Outcome {
    let mut cluster = Cluster::start(3, Plan::PATIENT)?;
    let client = joined(0)?;
    let owner = cluster.owner(&client)?;
    let intruder = (owner + 1) % 3;
    cluster.kill(intruder);
    authority("other")?;
    identity("other", intruder, "intruder")?;
    cluster.launch(intruder, "intruder")?;
    let refused = |n: usize| -> Result<u64, String> {
        Ok(status(n)?["cluster_drops"]["handshakes_refused"].as_u64().unwrap_or(0))
    };
    until("nobody is refused", || {
        let counts = [refused(owner)?, refused(intruder)?];
        expect(counts.iter().all(|count| *count > 0), || format!("{counts:?}"))
    })?;
    expect(up(intruder)? == 0, || "the intruder has peers".to_owned())?;
    let outcome = wish(&client.mac(), owner, intruder);
    expect(outcome.is_err(), || "the client was moved to the intruder".to_owned())?;
    traffic::from_client(&client, ADDRESS, 100, "0.02")?.all_answered("beside an intruder")?;
    expect(cluster.owner(&client)? == owner, || "the client is elsewhere".to_owned())
}

/// A minute of moves, five a second as far as the machine bears it, between two nodes, under pings both ways.
pub(crate) fn moved_again_and_again(make: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = joined(0)?;
    let gaps = pings_both_ways(&client, 3000, Duration::from_millis(20), || cluster.move_on(&client))
        .map_err(|why| cluster.explain(&why))?;
    println!("measure moves_in_a_minute.{} {} times", make.name(), gaps.len());
    println!("measure node_move_gap_again.{} {:.2} ms", make.name(), median(&gaps));
    expect(gaps.len() >= 15, || format!("only {} moves", gaps.len()))
}

/// The client walks from one node to the other and back, on the air of our medium; nobody moves it by hand.
pub(crate) fn walks(make: Make) -> Outcome {
    const LEGS: usize = 10;
    const PLACES: [Position; 2] = [Position::new(0.0, 0.0), Position::new(40.0, 0.0)];
    const LEG: Duration = Duration::from_secs(4);
    let medium = Medium::start(&[(0, PLACES[0]), (1, PLACES[1]), (FIRST_PHY, PLACES[0])])?;
    let cluster = Cluster::start(2, Plan::SIGNAL)?;
    let client = joined(0)?;
    until("it is not served from near", || {
        let owner = cluster.owner(&client)?;
        expect(owner == 0, || "it is at the other node".to_owned())
    })?;
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&client.ip(), 3000, "0.02"));
    let beside = Beside::start(command);
    for leg in 0..LEGS {
        let (from, to) = (leg % 2, (leg + 1) % 2);
        medium.walk(FIRST_PHY, PLACES[from], PLACES[to], LEG)?;
        until("its virtual AP does not follow it", || {
            let owner = cluster.owner(&client)?;
            expect(owner == to, || format!("leg {leg}: it is at node {owner}"))
        })?;
    }
    beside.end()?.all_answered("to the client on its way").map_err(|why| cluster.explain(&why))?;
    // Both nodes know of a move, and the gap only the one that the client has left.
    let left = |n: usize| -> Result<usize, String> {
        let status = status(n)?;
        Ok(status["moves"].as_array().into_iter().flatten().filter(|one| !one["gap_us"].is_null()).count())
    };
    let moves = left(0)? + left(1)?;
    println!("measure moves_of_a_walk.{} {moves} times", make.name());
    let counts = medium.end()?;
    expect(moves < 2 * LEGS && counts.malformed == 0, || format!("{moves} moves in {LEGS} legs, {counts:?}"))
}
