//! What a broken or hostile peer can do: be counted.

use proptest::prelude::*;

use super::*;
use crate::handover::RadioIndex;
use crate::handover::link;
use crate::handover::message::{Message, MoveId};
use crate::handover::{Discard, Rank, SecretBytes, Title};

fn rank() -> impl Strategy<Value = Rank> {
    (any::<u64>(), 0u16..16_384, 0u16..4096).prop_map(|(sequence, generation, slot)| Rank {
        sequence,
        generation: Generation::new(generation).unwrap(),
        slot: NodeSlot::new(slot).unwrap(),
    })
}

fn any_context() -> impl Strategy<Value = Context> {
    (any::<u8>(), 0u16..16_384, proptest::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(key, generation, bytes)| context(key, generation, &bytes))
}

fn message() -> impl Strategy<Value = Message> {
    let title = (rank(), 98u64..104, 0u64..3)
        .prop_map(|(rank, owner, incarnation)| Title {
            rank,
            owner: NodeId(owner),
            incarnation: Incarnation(incarnation),
            client: Some(CLIENT),
        })
        .boxed();
    let id = || (0u64..6).prop_map(MoveId);
    let radio = || any::<u8>().prop_map(RadioIndex::new);
    let generation = || (0u16..16_384).prop_map(|number| Generation::new(number).unwrap());
    prop_oneof![
        (rank(), any::<u8>(), 0u32..4, any_context())
            .prop_map(|(rank, order, version, context)| Message::Copy { rank, order, version, context }),
        (0u32..4, generation()).prop_map(|(version, highest)| Message::Copied { version, highest }),
        Just(Message::Forget),
        (id(), rank(), radio(), any_context()).prop_map(|(id, rank, radio, c)| Message::Prepare {
            id,
            rank,
            radio,
            keys: c.keys
        }),
        (id(), generation()).prop_map(|(id, generation)| Message::Ready { id, generation }),
        id().prop_map(|id| Message::Refuse { id }),
        (id(), rank(), any_context()).prop_map(|(id, rank, context)| Message::Commit { id, rank, context }),
        (id(), title.clone()).prop_map(|(id, title)| Message::Took { id, title }),
        title.prop_map(Message::Title),
        (rank(), any_context()).prop_map(|(rank, context)| Message::Yield { rank, context }),
        (rank(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(rank, frame)| Message::Stray { rank, frame: frame.into() }),
        (rank(), 98u64..104, radio()).prop_map(|(rank, node, radio)| Message::Move {
            rank,
            to: NodeId(node),
            radio
        }),
        any_context().prop_map(|context| Message::Ask { keys: context.keys }),
        generation().prop_map(|highest| Message::Used { highest }),
    ]
}

proptest! {
    #[test]
    fn a_message_survives_the_wire_and_no_part_of_it_is_one(message in message()) {
        let bytes = message.encode(BSSID);
        prop_assert_eq!(Message::decode(bytes.expose()), Some((BSSID, message)));
        for len in 0..bytes.expose().len() {
            prop_assert_eq!(Message::decode(&bytes.expose()[..len]), None);
        }
        let longer = [bytes.expose(), &[0]].concat();
        prop_assert_eq!(Message::decode(&longer), None);
    }

    #[test]
    fn bytes_are_a_message_or_are_counted(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::decode(&bytes);
        let mut nodes = Nodes::new(2);
        nodes.at(0, |node, now| node.handle_message(now, id(1), &bytes));
        let drops: u64 = nodes.all[0].drops().iter().map(|(_, count)| count).sum();
        prop_assert_eq!(drops, 1);
    }

    #[test]
    fn whatever_a_member_says_a_generation_is_never_used_twice(messages in proptest::collection::vec(message(), 1..60)) {
        let mut nodes = Nodes::new(3);
        nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, 0, b""))).unwrap();
        let mut used = std::collections::BTreeSet::new();
        for message in messages {
            let notice = link::notice(Incarnation(1), &message.encode(BSSID));
            nodes.at(0, |node, now| node.handle_message(now, id(1), notice.expose()));
            while let Some(order) = nodes.orders[0].pop_front() {
                match order {
                    Action::Activate { context, lease, .. } => {
                        for (key, _) in context.keys {
                            prop_assert!(used.insert((key, lease.generation())));
                        }
                        nodes.at(0, |node, now| node.handle_adopted(now, BSSID));
                    }
                    Action::Extend { keys, lease, .. } => {
                        for key in keys {
                            prop_assert!(used.insert((key, lease.generation())));
                        }
                    }
                    Action::Drain { .. } => nodes.at(0, |node, now| node.handle_drained(now, BSSID)),
                    Action::Take { .. } | Action::Stop { .. } => {
                        nodes.at(0, |node, now| node.handle_taken(now, BSSID, context(1, 0, b"")));
                    }
                    _ => {}
                }
            }
            nodes.wait(Duration::from_millis(100));
        }
    }
}

fn title(owner: u16, slot: NodeSlot, sequence: u64) -> Message {
    Message::Title(Title {
        rank: Rank { sequence, generation: Generation::default(), slot },
        owner: id(owner),
        incarnation: Incarnation(1),
        client: None,
    })
}

fn say(nodes: &mut Nodes, message: &Message) {
    let notice: SecretBytes = link::notice(Incarnation(1), &message.encode(BSSID));
    nodes.at(0, |node, now| node.handle_message(now, id(1), notice.expose()));
}

#[test]
fn two_who_take_each_other_for_the_owner_do_not_pass_a_move_to_and_fro() {
    let mut nodes = Nodes::new(2);
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, 0, b""))).unwrap();
    // A lie that only the owner hears.
    nodes.cut = Some(0);
    say(&mut nodes, &title(1, slot(1), 9));
    nodes.cut = None;
    assert_eq!(
        nodes.all.iter().map(|node| node.title(BSSID).unwrap().owner).collect::<Vec<_>>(),
        [id(1), id(0)]
    );
    nodes.at(0, |node, now| node.handle_move(now, BSSID, id(1), None)).unwrap();
    assert_eq!(nodes.all[1].drops().of(Discard::Unexpected), 1);
}

#[test]
fn u1_a_title_with_another_slot_than_its_owners_is_not_believed() {
    let mut nodes = Nodes::new(2);
    say(&mut nodes, &title(1, slot(2), 1));
    assert_eq!((nodes.all[0].title(BSSID), nodes.all[0].drops().of(Discard::WrongSlot)), (None, 1));
    say(&mut nodes, &title(1, slot(1), 1));
    assert_eq!(nodes.all[0].title(BSSID).unwrap().owner, id(1));
}

#[test]
fn u1_a_second_node_of_one_slot_is_no_peer() {
    let mut nodes = Nodes::new(2);
    let same = Standing::Up { slot: slot(1), incarnation: Incarnation(1) };
    nodes.at(0, |node, now| node.handle_peer(now, id(7), same));
    nodes.at(0, |node, now| node.handle_peer(now, id(8), up(0)));
    let conflicts = [id(7), id(8)].map(|node| Event::SlotConflict { node });
    assert_eq!(nodes.events(0), conflicts);
    nodes.at(0, |node, now| node.handle_message(now, id(7), &[link::VERSION; 40]));
    assert_eq!(
        nodes.all[0].drops().of(Discard::Malformed) + nodes.all[0].drops().of(Discard::UnknownPeer),
        1
    );
}

#[test]
fn nobody_else_can_say_what_this_node_owns() {
    let mut nodes = Nodes::new(2);
    nodes.at(0, |node, now| node.handle_created(now, BSSID, context(1, 0, b""))).unwrap();
    say(&mut nodes, &title(0, slot(0), 99));
    assert_eq!(nodes.all[0].title(BSSID).unwrap().rank.sequence, 1);
}

#[test]
fn a_million_addresses_are_not_kept() {
    let mut nodes = Nodes::new(2);
    for number in 0..70_000u32 {
        let [a, b, c, d] = number.to_be_bytes();
        let bssid = MacAddr([2, 1, a, b, c, d]);
        let notice = link::notice(Incarnation(1), &title(1, slot(1), 1).encode(bssid));
        nodes.all[0].handle_message(nodes.now, id(1), notice.expose());
    }
    assert_eq!(nodes.all[0].drops().of(Discard::TooMany), 70_000 - 65_536);
}
