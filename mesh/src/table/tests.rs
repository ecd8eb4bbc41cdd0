use proptest::prelude::*;
use stack::wire::MacAddr;

use super::*;
use crate::announce::{Item, Load, NodeId, Signal};
use crate::handover::{Incarnation, Rank, Title};

const NODE: NodeId = NodeId(5);
const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

fn signal(client: MacAddr, radio: u8, dbm: i8) -> Row {
    Row::Item(Item::Signal(Signal { client, radio, dbm, age: 3 }))
}

fn called(name: &str) -> Row {
    Row::Radio(1, name.to_owned())
}

fn give(table: &mut Table, node: NodeId, row: &Row) {
    table.handle_row(node, &row.key().encode(), Some(&row.encode()));
}

#[test]
fn rows_survive_the_table_and_only_under_their_own_key_and_node() {
    let title =
        Title { rank: Rank::default(), owner: NODE, incarnation: Incarnation(2), client: Some(CLIENT) };
    let load = Load { radio: 1, frequency: 2437, busy: 300, clients: 4 };
    for row in
        [Row::Owned(CLIENT, title), Row::Item(Item::Load(load)), signal(CLIENT, 1, -50), called("phy1")]
    {
        let key = row.key();
        assert_eq!(Key::decode(&key.encode()), Some(key));
        assert_eq!(Row::decode(NODE, key, &row.encode()), Some(row.clone()));
        assert_eq!(Row::decode(NODE, Key::Load(7), &row.encode()), None);
        let longer = [row.encode(), vec![0]].concat();
        assert_eq!(Row::decode(NODE, key, &longer), None);
    }
    let owned = Row::Owned(CLIENT, title);
    assert_eq!(Row::decode(NodeId(6), owned.key(), &owned.encode()), None, "each node speaks for itself");
}

#[test]
fn a_radio_has_a_name_that_can_be_shown() {
    for name in ["", "phy\u{1b}[2J", &"x".repeat(65)] {
        let row = called(name);
        assert_eq!(Row::decode(NODE, row.key(), &row.encode()), None, "{name:?}");
    }
    assert_eq!(Row::decode(NODE, Key::Radio(1), &[1, 0xff]), None);
}

#[test]
fn the_table_knows_who_hears_a_client_until_the_row_is_gone() {
    let mut table = Table::default();
    give(&mut table, NODE, &signal(CLIENT, 0, -60));
    give(&mut table, NODE, &signal(CLIENT, 0, -50));
    give(&mut table, NodeId(6), &signal(CLIENT, 1, -70));
    let heard: Vec<_> = table.signals(CLIENT).map(|(node, signal)| (node, signal.dbm)).collect();
    assert_eq!(heard, [(NODE, -50), (NodeId(6), -70)]);
    table.handle_row(NODE, &Key::Signal(CLIENT, 0).encode(), None);
    assert_eq!(table.signals(CLIENT).count(), 1);
}

#[test]
fn what_one_node_writes_is_bounded() {
    let mut table = Table::default();
    for number in 0..20_000u32 {
        let [a, b, c, d] = number.to_be_bytes();
        give(&mut table, NODE, &signal(MacAddr([2, 1, a, b, c, d]), 0, -60));
    }
    assert_eq!(table.dropped(), 20_000 - 16_384);
    give(&mut table, NODE, &signal(MacAddr([2, 1, 0, 0, 0, 0]), 0, -40));
    assert_eq!(table.dropped(), 20_000 - 16_384, "what is there is renewed");
    give(&mut table, NodeId(6), &signal(CLIENT, 1, -70));
    assert_eq!(table.signals(CLIENT).count(), 1, "others are not affected");
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_none(key in proptest::collection::vec(any::<u8>(), 0..12), value in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut table = Table::default();
        table.handle_row(NODE, &key, Some(&value));
        table.handle_row(NODE, &key, None);
        if let Some(key) = Key::decode(&key) {
            prop_assert_eq!(Key::decode(&key.encode()), Some(key));
            let _ = Row::decode(NODE, key, &value);
        }
    }
}
