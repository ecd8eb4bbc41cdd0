//! On which channels the radios of the nodes are, so that a client can be told to follow its virtual AP to another one.

use mesh::announce::{Item, NodeId};
use mesh::engine::Engine;
use mesh::table::{Key, Row};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use super::{Member, News};

impl<E: Engine> Member<E> {
    /// The channel to which the client of one of our virtual APs has to go with it to another node; `None` if that has a
    /// radio on its channel, or has told nothing.
    pub(super) fn channel_at(&self, bssid: MacAddr, node: NodeId) -> Option<Channel> {
        let own = self.own.get(&bssid)?;
        let here = *self.channels.get(own.radio)?;
        other_channel(here, &self.channels_of(node))
    }

    /// The channels of another node's radios, as far as it has told them.
    pub(super) fn channels_of(&self, node: NodeId) -> Vec<Channel> {
        let mut theirs = Vec::new();
        self.engine.each_row(&mut |of, key, row| {
            let key = Key::decode(key).filter(|_| of == node);
            if let Some(Row::Item(Item::Load(load))) = key.and_then(|key| Row::decode(of, key, &row.value)) {
                theirs.extend(Channel::from_frequency(load.frequency));
            }
        });
        theirs
    }

    /// Which of our radios is to serve a client on this channel; `heard` is the one that heard it last.
    pub(super) fn radio_for(&self, channel: Channel, heard: Option<usize>) -> usize {
        radio_on(&self.channels, channel, heard)
    }

    /// A client has not followed its virtual AP here: it goes back to the node that it came from.
    pub(super) fn give_back(&mut self, now: Instant, bssid: MacAddr) {
        let Some(node) = self.came.remove(&bssid) else { return };
        let name = self.name_of(node);
        let line = match self.cluster.handle_move(now, bssid, node) {
            Ok(()) => {
                format!("the client of virtual AP {bssid} has stayed behind: it goes back to node {name}")
            }
            Err(why) => format!("the client of virtual AP {bssid} has stayed behind at node {name}: {why}"),
        };
        self.news.push(News::Line(line));
    }
}

/// Where a client goes from a channel to radios on these; `None` if it need not leave its own.
fn other_channel(here: Channel, theirs: &[Channel]) -> Option<Channel> {
    let there = |channel: &Channel| channel.frequency() == here.frequency();
    theirs.first().filter(|_| !theirs.iter().any(there)).copied()
}

/// The radio that heard the client, if it is on the channel, else one that is.
fn radio_on(channels: &[Channel], channel: Channel, heard: Option<usize>) -> usize {
    let is_there =
        |radio: &usize| channels.get(*radio).is_some_and(|own| own.frequency() == channel.frequency());
    let any = || (0..channels.len()).find(is_there);
    heard.filter(is_there).or_else(any).or(heard).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(number: u8) -> Channel {
        Channel::from_number(number).unwrap()
    }

    #[test]
    fn a_client_changes_its_channel_only_if_it_must() {
        assert_eq!(other_channel(channel(6), &[channel(11), channel(6)]), None);
        assert_eq!(other_channel(channel(6), &[channel(11), channel(36)]), Some(channel(11)));
        assert_eq!(other_channel(channel(6), &[]), None, "nothing is known of that node");
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
