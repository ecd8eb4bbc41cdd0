//! On which channels the radios of the nodes are, so that a client can be told to follow its virtual AP to another one.

use mesh::announce::{Item, NodeId};
use mesh::engine::Engine;
use mesh::table::{Key, Row};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use super::{Member, News};

impl<E: Engine> Member<E> {
    /// The channel to which the client of one of our virtual APs has to go with it to another node; `None` if that has a
    /// radio on its channel, or says nothing.
    pub(super) fn channel_at(&self, bssid: MacAddr, node: NodeId) -> Option<Channel> {
        let own = self.own.get(&bssid)?;
        let here = self.channels.get(own.radio)?.frequency();
        let mut theirs = Vec::new();
        self.engine.each_row(&mut |of, key, row| {
            let key = Key::decode(key).filter(|_| of == node);
            if let Some(Row::Item(Item::Load(load))) = key.and_then(|key| Row::decode(of, key, &row.value)) {
                theirs.push(load.frequency);
            }
        });
        let first = theirs.first().filter(|_| !theirs.contains(&here))?;
        Channel::from_frequency(*first)
    }

    /// Which of our radios is to serve a client on this channel: the one that heard it last, or another one there.
    pub(super) fn radio_for(&self, channel: Channel, heard: Option<usize>) -> usize {
        let is_there = |radio: &usize| {
            self.channels.get(*radio).is_some_and(|own| own.frequency() == channel.frequency())
        };
        let any = || (0..self.channels.len()).find(is_there);
        heard.filter(is_there).or_else(any).or(heard).unwrap_or(0)
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
