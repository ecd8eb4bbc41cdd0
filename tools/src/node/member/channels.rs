//! On which channels the radios of the nodes are, so that a client can be told to follow its virtual AP to another one.

use std::collections::BTreeMap;

use mesh::announce::{Item, NodeId};
use mesh::engine::Engine;
use mesh::handover::RadioIndex;
use mesh::table::{Key, Row};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use super::{Member, News};

impl<E: Engine> Member<E> {
    /// The channel to which the client of one of our virtual APs has to go with it to another node, or to this radio of it;
    /// `None` if that has a radio on its channel, or has told nothing.
    pub(super) fn channel_at(
        &self,
        bssid: MacAddr,
        (node, radio): (NodeId, Option<RadioIndex>),
    ) -> Option<Channel> {
        let own = self.own.get(&bssid)?;
        let here = *self.channels.get(own.radio)?;
        other_channel(here, &self.channels_of(node), radio.map(RadioIndex::index))
    }

    /// The channels of another node's radios, by their numbers, as far as it has told them.
    pub(super) fn channels_of(&self, node: NodeId) -> BTreeMap<u8, Channel> {
        if self.herald.is_some() {
            return self.signed_channels(node);
        }
        let mut theirs = BTreeMap::new();
        self.engine.each_row(&mut |of, key, row| {
            let key = Key::decode(key).filter(|_| of == node);
            if let Some(Row::Item(Item::Load(load))) = key.and_then(|key| Row::decode(of, key, &row.value)) {
                theirs.extend(Channel::from_frequency(load.frequency).map(|channel| (load.radio, channel)));
            }
        });
        theirs
    }

    /// What the radios of another node are called, by their numbers, as far as it has told that.
    pub(super) fn radios_of(&self, node: NodeId) -> BTreeMap<u8, String> {
        let mut theirs = BTreeMap::new();
        self.engine.each_row(&mut |of, key, row| {
            let key = Key::decode(key).filter(|_| of == node);
            if let Some(Row::Radio(radio, name)) = key.and_then(|key| Row::decode(of, key, &row.value)) {
                theirs.insert(radio, name);
            }
        });
        theirs
    }

    /// The number of the radio with this name at another node, which is called so.
    pub(super) fn radio_at(&self, (node, called): (NodeId, &str), name: &str) -> Result<RadioIndex, String> {
        let theirs = self.radios_of(node);
        if theirs.is_empty() {
            return Err(format!("node {called} has not told its radios yet; try again"));
        }
        let found =
            theirs.iter().find(|(_, known)| *known == name).and_then(|(radio, _)| RadioIndex::new(*radio));
        found.ok_or_else(|| {
            let names: Vec<_> = theirs.values().map(String::as_str).collect();
            format!("node {called} has no radio {name}; it has {}", names.join(", "))
        })
    }

    /// Tells all what this node's radios are called.
    pub(super) fn tell_radios(&mut self, names: Vec<String>) {
        for (radio, name) in (0..u8::MAX).zip(names) {
            let row = Row::Radio(radio, name);
            // Without room for it that radio cannot be asked for.
            let _ = self.engine.publish(&row.key().encode(), &row.encode());
        }
    }

    /// Which of our radios is to serve a client on this channel; `best` is the one that is asked for, or heard it last.
    pub(super) fn radio_for(&self, channel: Channel, best: Option<usize>) -> usize {
        radio_on(&self.channels, channel, best)
    }

    /// A client has not followed its virtual AP here: it goes back to the node that it came from.
    pub(super) fn give_back(&mut self, now: Instant, bssid: MacAddr) {
        let Some(node) = self.came.remove(&bssid) else { return };
        let name = self.name_of(node);
        let line = match self.cluster.handle_move(now, bssid, node, None) {
            Ok(()) => {
                format!("the client of virtual AP {bssid} has stayed behind: it goes back to node {name}")
            }
            Err(why) => format!("the client of virtual AP {bssid} has stayed behind at node {name}: {why}"),
        };
        self.news.push(News::Line(line));
    }
}

/// Where a client goes from a channel to radios on these, or to this one of them; `None` if it need not leave its own.
fn other_channel(here: Channel, theirs: &BTreeMap<u8, Channel>, radio: Option<u8>) -> Option<Channel> {
    let there = |channel: &Channel| channel.frequency() == here.frequency();
    match radio.and_then(|radio| theirs.get(&radio)) {
        Some(channel) => Some(*channel).filter(|channel| !there(channel)),
        None => theirs.values().next().filter(|_| !theirs.values().any(there)).copied(),
    }
}

/// The best radio, if it is on the channel, else one that is.
fn radio_on(channels: &[Channel], channel: Channel, best: Option<usize>) -> usize {
    let is_there =
        |radio: &usize| channels.get(*radio).is_some_and(|own| own.frequency() == channel.frequency());
    let any = || (0..channels.len()).find(is_there);
    best.filter(is_there).or_else(any).or(best).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(number: u8) -> Channel {
        Channel::from_number(number).unwrap()
    }

    #[test]
    fn a_client_changes_its_channel_only_if_it_must() {
        let other = |theirs: &[u8], radio| {
            let theirs = (0..).zip(theirs.iter().map(|number| channel(*number))).collect();
            other_channel(channel(6), &theirs, radio)
        };
        assert_eq!(other(&[11, 6], None), None);
        assert_eq!(other(&[11, 36], None), Some(channel(11)));
        assert_eq!(other(&[11, 6], Some(0)), Some(channel(11)), "that radio is asked for");
        assert_eq!(other(&[11, 6], Some(1)), None);
        assert_eq!(other(&[11, 36], Some(7)), Some(channel(11)), "there is no such radio");
        assert_eq!(other(&[], None), None, "nothing is known of that node");
    }

    #[test]
    fn a_client_is_served_by_a_radio_on_its_channel() {
        let ours = [channel(1), channel(6), channel(6)];
        assert_eq!(radio_on(&ours, channel(6), Some(2)), 2);
        assert_eq!(radio_on(&ours, channel(6), Some(0)), 1, "what was heard was heard before the switch");
        assert_eq!(radio_on(&ours, channel(6), None), 1);
        assert_eq!(radio_on(&ours, channel(11), Some(2)), 2);
        assert_eq!(radio_on(&ours, channel(11), None), 0);
    }
}
