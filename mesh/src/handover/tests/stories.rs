use super::*;
use crate::handover::{Discard, MoveError, Provenance, RadioIndex, SecretBytes, Taken, Timing};

/// Node 0 owns the virtual AP; 1 and 2 are its guards.
fn owned(count: u16) -> Nodes {
    let mut nodes = Nodes::new(count);
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, 0, b"first"))).unwrap();
    nodes
}

fn lease(action: &Action) -> (u16, u16) {
    match action {
        Action::Activate { lease, .. } | Action::Extend { lease, .. } => {
            (lease.generation().number(), lease.slot().number())
        }
        other => panic!("{other:?} has no lease"),
    }
}

#[test]
fn the_radio_that_is_asked_for_takes_it_whoever_is_asked() {
    let wanted = RadioIndex::new(3);
    let activated = |nodes: &mut Nodes| match nodes.order(2) {
        Action::Activate { radio, .. } => radio,
        other => panic!("{other:?}"),
    };
    for asked in [0, 1] {
        let mut nodes = owned(3);
        nodes.at(asked, |node, now| node.handle_move(now, BSSID, id(2), wanted)).unwrap();
        let order = nodes.order(0);
        assert!(matches!(order, Action::Drain { radio, .. } if radio == wanted), "{order:?}");
        nodes.at(0, |node, now| node.handle_drained(now, BSSID));
        assert!(matches!(nodes.order(0), Action::Take { .. }));
        nodes.at(0, |node, now| node.handle_taken(now, BSSID, context(1, 0, b"last")));
        assert_eq!(activated(&mut nodes), wanted);
        // The next time it is any.
        nodes.at(2, |node, now| node.handle_adopted(now, BSSID));
        nodes.give(2, 0, context(1, 1, b"back"));
        nodes.order(0);
        nodes.at(0, |node, now| node.handle_adopted(now, BSSID));
        nodes.give(0, 2, context(1, 2, b"again"));
        assert_eq!(activated(&mut nodes), None);
    }
}

#[test]
fn a_virtual_ap_moves_and_everybody_knows() {
    let mut nodes = owned(3);
    nodes.give(0, 2, context(1, 0, b"last"));
    assert!(nodes.owners().is_empty(), "while it is on its way nobody may transmit");
    let order = nodes.order(2);
    assert_eq!(lease(&order), (1, 3));
    let Action::Activate { context, provenance, .. } = order else { panic!("{order:?}") };
    assert_eq!((context.bytes.expose(), provenance), (&b"last"[..], Provenance::Final));
    nodes.at(2, |node, now| node.handle_adopted(now, BSSID));
    assert_eq!(nodes.owners(), [2]);
    assert!(nodes.all.iter().all(|node| node.title(BSSID).unwrap().owner == id(2)));
    assert_eq!(nodes.events(0), [Event::Moved { bssid: BSSID, to: id(2) }]);
    assert_eq!(nodes.events(2), [Event::Arrived { bssid: BSSID, from: Some(id(0)), taken_over: false }]);
    assert!(nodes.orders.iter().all(VecDeque::is_empty));
}

#[test]
fn a_guard_has_reserved_before_and_takes_over_without_writing() {
    let mut nodes = owned(3);
    assert!(
        nodes.journals[0].is_empty(),
        "a fresh key is used in generation 0 by whoever made it, and by nobody else"
    );
    assert_eq!(nodes.journals[1].len(), 1);
    nodes.journals[1].clear();
    nodes.cut = Some(0);
    for node in [1, 2] {
        nodes.sees(node, 0, Standing::Down);
    }
    nodes.wait(Duration::ZERO);
    let order = nodes.order(1);
    assert_eq!(lease(&order), (1, 2));
    assert!(matches!(order, Action::Activate { provenance: Provenance::Copy, .. }));
    assert!(nodes.journals[1].is_empty());
    nodes.at(1, |node, now| node.handle_adopted(now, BSSID));
    nodes.wait(Duration::from_secs(2));
    assert!(nodes.orders[2].is_empty(), "the second guard has heard of it");
}

#[test]
fn a_lost_owner_that_is_heard_on_the_air_is_waited_for() {
    let mut nodes = owned(2);
    nodes.cut = Some(0);
    nodes.sees(1, 0, Standing::Down);
    for _ in 0..5 {
        nodes.at(1, |node, now| node.handle_heard(now, BSSID));
        nodes.wait(Duration::from_millis(100));
        assert!(nodes.orders[1].is_empty());
    }
    nodes.wait(Duration::from_millis(205));
    assert_eq!(lease(&nodes.order(1)), (1, 2));
}

#[test]
fn sec_h9_two_owners_after_a_cut_the_lower_one_stops_and_hands_over() {
    let mut nodes = owned(2);
    nodes.cut = Some(0);
    nodes.sees(1, 0, Standing::Down);
    nodes.sees(0, 1, Standing::Down);
    nodes.wait(Duration::ZERO);
    nodes.order(1);
    nodes.at(1, |node, now| node.handle_adopted(now, BSSID));
    assert_eq!(nodes.owners(), [0, 1]);
    nodes.cut = None;
    nodes.sees(0, 1, up(1));
    nodes.sees(1, 0, up(0));
    nodes.wait(Duration::from_millis(500));
    assert!(
        matches!(nodes.order(0), Action::Stop { bssid: BSSID, linger } if linger == Timing::default().linger)
    );
    assert_eq!(nodes.owners(), [1], "it does not transmit from the moment on in which it knows");
    nodes.at(0, |node, now| node.handle_taken(now, BSSID, context(1, 0, b"queue")));
    let Action::Merge { context, .. } = nodes.order(1) else { panic!("nothing was handed over") };
    assert_eq!(context.bytes.expose(), b"queue");
}

#[test]
fn without_an_answer_the_owner_takes_back_and_the_queue_is_sent_once() {
    let mut nodes = owned(2);
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)).unwrap();
    nodes.order(0);
    nodes.at(0, |node, now| node.handle_drained(now, BSSID));
    nodes.order(0);
    nodes.cut = Some(0);
    nodes.at(0, |node, now| node.handle_taken(now, BSSID, context(1, 0, b"queue")));
    nodes.wait(Duration::from_millis(300));
    let order = nodes.order(0);
    assert!(lease(&order) > (1, 2), "above what the other may have taken");
    assert!(
        matches!(order, Action::Activate { provenance: Provenance::Copy, .. }),
        "its queue may have been sent"
    );
    nodes.at(0, |node, now| node.handle_adopted(now, BSSID));
    nodes.cut = None;
    nodes.wait(Duration::from_millis(500));
    // The commit arrives at last. The other begins, learns that it is too late, and hands back what it got.
    assert!(matches!(nodes.order(1), Action::Activate { provenance: Provenance::Final, .. }));
    assert!(matches!(nodes.order(1), Action::Stop { .. }));
    nodes.at(1, |node, now| node.handle_adopted(now, BSSID));
    nodes.at(1, |node, now| node.handle_taken(now, BSSID, context(1, 1, b"queue")));
    assert!(matches!(nodes.order(0), Action::Merge { .. }));
    assert_eq!((nodes.owners(), nodes.orders[0].len()), (vec![0], 0));
}

#[test]
fn a_refused_virtual_ap_comes_back_whole() {
    let mut nodes = owned(2);
    nodes.give(0, 1, context(1, 0, b"queue"));
    nodes.order(1);
    nodes.at(1, |node, now| node.handle_refused(now, BSSID));
    let order = nodes.order(0);
    assert!(matches!(order, Action::Activate { provenance: Provenance::Final, .. }), "{order:?}");
    nodes.at(0, |node, now| node.handle_adopted(now, BSSID));
    assert_eq!(nodes.owners(), [0]);
    assert_eq!(nodes.events(0).first(), Some(&Event::MoveFailed { bssid: BSSID, to: id(1) }));
}

#[test]
fn a_move_is_called_off_as_long_as_the_radio_has_it() {
    let mut nodes = owned(3);
    nodes.cut = Some(2);
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(2), None)).unwrap();
    assert_eq!(nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)), Err(MoveError::Busy));
    nodes.wait(Duration::from_millis(200));
    assert_eq!(nodes.events(0), [Event::MoveFailed { bssid: BSSID, to: id(2) }]);
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)).unwrap();
    assert!(matches!(nodes.order(0), Action::Drain { .. }));
    nodes.sees(0, 1, Standing::Down);
    assert!(matches!(nodes.order(0), Action::Resume { .. }));
    nodes.at(0, |node, now| node.handle_drained(now, BSSID));
    assert!(nodes.orders[0].is_empty() && nodes.owners() == [0]);
}

#[test]
fn what_comes_to_the_wrong_node_goes_to_the_owner_or_waits_for_one() {
    let mut nodes = Nodes::new(3);
    nodes.at(2, |node, now| node.handle_stray(now, BSSID, b"early".to_vec().into()));
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, 0, b""))).unwrap();
    nodes.at(1, |node, now| node.handle_stray(now, BSSID, b"late".to_vec().into()));
    let mut strays = std::iter::from_fn(|| nodes.orders[0].pop_front());
    for expected in [&b"early"[..], b"late"] {
        let Some(Action::Stray { frame, .. }) = strays.next() else { panic!("no stray") };
        assert_eq!(frame.expose(), expected);
    }
}

#[test]
fn what_finds_no_owner_is_bounded_in_number_and_time() {
    let mut nodes = Nodes::new(2);
    for _ in 0..600 {
        nodes.at(0, |node, now| node.handle_stray(now, BSSID, SecretBytes::from(vec![0; 10])));
    }
    assert_eq!(nodes.all[0].drops().of(Discard::HeldFull), 600 - 512);
    nodes.wait(Duration::from_secs(11));
    assert_eq!(nodes.all[0].drops().of(Discard::HeldTooLong), 512);
    assert_eq!(nodes.all[0].poll_timeout(), None);
}

#[test]
fn a_client_that_nobody_can_serve_is_invited_again() {
    let mut nodes = owned(5);
    let last = 4;
    assert!(nodes.all[last].title(BSSID).is_some());
    nodes.cut = Some(last);
    nodes.sees(last, 0, Standing::Down);
    let Timing { cold, patience, .. } = Timing::default();
    assert!(cold > patience, "guards come first");
    nodes.wait(cold - Duration::from_micros(1));
    assert!(nodes.orders[last].is_empty());
    nodes.wait(Duration::from_micros(1));
    assert!(matches!(nodes.order(last), Action::Invite { client: Some(CLIENT), .. }));
}

#[test]
fn a_journal_that_fails_means_no_takeover_and_no_move() {
    let mut nodes = Nodes::new(2);
    nodes.prompt = false;
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, 0, b""))).unwrap();
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)).unwrap();
    assert_eq!(nodes.events(0), [Event::MoveFailed { bssid: BSSID, to: id(1) }]);
    nodes.at(0, |node, now| node.handle_lease_low(now, BSSID));
    assert!(nodes.orders[0].is_empty(), "no longer lease either");
    nodes.cut = Some(0);
    nodes.sees(1, 0, Standing::Down);
    nodes.wait(Timing::default().cold);
    assert!(nodes.orders[1].iter().all(|order| matches!(order, Action::Invite { .. })));
}

#[test]
fn generations_that_run_out_ask_for_a_rekey_and_then_end() {
    let mut nodes = Nodes::new(2);
    let near = Generation::REKEY_AT.number() - 1;
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, near, b""))).unwrap();
    nodes.at(0, |node, now| node.handle_lease_low(now, BSSID));
    assert_eq!(lease(&nodes.order(0)), (near + 1, 1));
    assert!(matches!(nodes.order(0), Action::Rekey { .. }));
    // A new key begins anew, and outranks all generations of the one before.
    nodes.at(0, |node, now| node.handle_changed(now, BSSID, context(2, 0, b"")));
    nodes.at(0, |node, now| node.handle_lease_low(now, BSSID));
    assert_eq!(lease(&nodes.order(0)), (1, 1));
    let last = 16_383;
    nodes.at(0, |node, now| node.handle_changed(now, BSSID, context(3, last, b"")));
    nodes.at(0, |node, now| node.handle_lease_low(now, BSSID));
    assert!(
        matches!(nodes.order(0), Action::Rekey { .. }) && nodes.orders[0].is_empty(),
        "there is no other lease"
    );
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)).unwrap();
    assert_eq!(nodes.events(0), [Event::MoveFailed { bssid: BSSID, to: id(1) }], "nor one for another node");
}

#[test]
fn an_owner_that_sees_no_guard_and_no_wire_stops_until_it_does() {
    let mut nodes = owned(2);
    nodes.at(0, |node, now| node.handle_wired(now, false));
    nodes.wait(Duration::from_secs(1));
    assert!(nodes.orders[0].is_empty(), "it has a guard");
    nodes.cut = Some(0);
    nodes.sees(0, 1, Standing::Down);
    nodes.wait(Duration::from_millis(200));
    assert!(matches!(nodes.order(0), Action::Stop { .. }));
    nodes.at(0, |node, now| node.handle_taken(now, BSSID, context(1, 0, b"queue")));
    assert!(nodes.owners().is_empty() && nodes.orders[0].is_empty());
    nodes.at(0, |node, now| node.handle_wired(now, true));
    assert_eq!(lease(&nodes.order(0)), (1, 1), "a context never goes on where it was: the lease is another");
}

#[test]
fn a_restarted_owner_is_replaced_at_once_and_does_not_get_its_generations_again() {
    let mut nodes = owned(2);
    nodes.at(0, |node, now| node.handle_lease_low(now, BSSID));
    assert_eq!(lease(&nodes.order(0)), (1, 1));
    let me = Me { node: id(0), slot: slot(0), incarnation: Incarnation(2) };
    nodes.all[0] = Cluster::new(me, Timing::default(), &nodes.journals[0]);
    nodes.sees(0, 1, up(1));
    let again = Standing::Up { slot: slot(0), incarnation: Incarnation(2) };
    nodes.sees(1, 0, again);
    nodes.wait(Duration::ZERO);
    assert_eq!(lease(&nodes.order(1)), (2, 2));
    nodes.at(1, |node, now| node.handle_adopted(now, BSSID));
    // It was a guard's copy that the new owner sent: the guard may have used more than the owner knows of.
    assert_eq!(lease(&nodes.order(1)), (9, 2));
    nodes.give(1, 0, context(1, 9, b""));
    assert_eq!(lease(&nodes.order(0)), (10, 1), "above the eight that were reserved before");
}

/// Cut off, it took over, and has forgotten that: the client may listen to nothing below.
#[test]
fn the_owner_climbs_above_what_one_that_is_no_guard_has_in_its_journal() {
    let mut nodes = owned(4);
    let (key, _) = context(1, 0, b"").keys[0];
    let used = Record::Reserve(key, Generation::new(5).unwrap());
    let me = Me { node: id(3), slot: slot(3), incarnation: Incarnation(2) };
    nodes.all[3] = Cluster::new(me, Timing::default(), &[used]);
    nodes.sees(3, 0, up(0));
    assert!(nodes.orders[0].is_empty());
    nodes.sees(0, 3, Standing::Up { slot: slot(3), incarnation: Incarnation(2) });
    assert_eq!(lease(&nodes.order(0)), (6, 1));
}

#[test]
fn an_address_that_another_has_is_not_made_twice() {
    let mut nodes = owned(2);
    let again = nodes.at(1, |node, now| node.handle_created(now, BSSID, context(9, 0, b"")));
    assert_eq!(again, Err(Taken(id(0))));
    nodes.at(0, |node, now| node.handle_gone(now, BSSID));
    let key = crate::table::Key::Owned(BSSID).encode();
    nodes.at(1, |node, now| node.handle_row(now, id(0), &key, None));
    nodes.wait(Timing::default().ended);
    assert_eq!(nodes.events(1), [Event::Ended { bssid: BSSID }]);
    nodes.at(1, |node, now| node.handle_created(now, BSSID, context(9, 0, b""))).unwrap();
}

#[test]
fn a_row_that_gossip_takes_away_and_brings_again_ends_nothing() {
    let mut nodes = owned(2);
    let key = crate::table::Key::Owned(BSSID);
    let row = crate::table::Row::Owned(BSSID, *nodes.all[0].title(BSSID).unwrap()).encode();
    nodes.events(1);
    nodes.at(1, |node, now| node.handle_row(now, id(0), &key.encode(), None));
    nodes.wait(Timing::default().ended / 2);
    nodes.at(1, |node, now| node.handle_row(now, id(0), &key.encode(), Some(&row)));
    nodes.wait(Timing::default().ended);
    assert_eq!(nodes.events(1), []);
    assert_eq!(nodes.all[1].title(BSSID).map(|title| title.owner), Some(id(0)));
}

#[test]
fn a_virtual_ap_with_more_keys_than_a_message_names_stays() {
    let mut nodes = Nodes::new(2);
    let mut many = context(1, 0, b"");
    many.keys = (0..17).map(|key| (KeyId([key; 16]), Generation::default())).collect();
    nodes.at(0, |node, now| node.handle_created(now, BSSID, many)).unwrap();
    assert!(nodes.journals[1].is_empty(), "no copy went out");
    assert_eq!(
        nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)),
        Err(MoveError::TooManyKeys)
    );
}

#[test]
fn a_client_that_comes_again_at_the_same_address_can_move_again() {
    let mut nodes = owned(2);
    nodes.at(0, |node, now| node.handle_lease_low(now, BSSID));
    nodes.at(0, |node, now| node.handle_gone(now, BSSID));
    // Gossip has shown no moment without the row.
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(9, 0, b""))).unwrap();
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)).unwrap();
    assert!(
        nodes.orders[0].iter().any(|order| matches!(order, Action::Drain { .. })),
        "the other is ready for it"
    );
}
