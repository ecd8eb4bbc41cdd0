//! A node that is alone.

use super::{Counts, Engine, Event, MAX_NOTICE, Member, Refused, Row, check_len, check_row};
use crate::announce::NodeId;
use crate::lease::NodeSlot;

/// The engine of a node without a cluster: nothing is opened, nothing is sent, nothing happens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Single;

impl Engine for Single {
    fn node(&self) -> NodeId {
        NodeId(u64::from(NodeSlot::SINGLE.number()))
    }

    fn slot(&self) -> NodeSlot {
        NodeSlot::SINGLE
    }

    fn members(&self) -> Vec<Member> {
        Vec::new()
    }

    fn publish(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        check_row(key, value, 0)
    }

    fn remove(&mut self, _key: &[u8]) {}

    fn row(&self, _node: NodeId, _key: &[u8]) -> Option<Row> {
        None
    }

    fn each_row(&self, _visit: &mut dyn FnMut(NodeId, &[u8], &Row)) {}

    fn send(&mut self, to: NodeId, _message: &[u8]) -> Result<(), Refused> {
        Err(Refused::NoSession(to))
    }

    fn send_frame(&mut self, to: NodeId, _frame: &[u8]) -> Result<(), Refused> {
        Err(Refused::NoSession(to))
    }

    fn notify(&mut self, notice: &[u8]) -> Result<(), Refused> {
        check_len(notice, MAX_NOTICE)
    }

    fn poll_event(&mut self) -> Option<Event> {
        None
    }

    fn counts(&self) -> Counts {
        Counts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::MAX_KEY;

    #[test]
    fn a_single_node_has_nobody_to_talk_to() {
        let mut engine: Box<dyn Engine> = Box::new(Single);
        assert_eq!(engine.publish(b"key", b"value"), Ok(()));
        let long = [0; MAX_KEY + 1];
        let refused = Refused::TooLong { len: MAX_KEY + 1, max: MAX_KEY };
        assert_eq!(engine.publish(&long, b"value"), Err(refused), "the same limits as in a cluster");
        assert_eq!(engine.send(NodeId(1), b"hello"), Err(Refused::NoSession(NodeId(1))));
        assert_eq!((engine.notify(b"hello"), engine.poll_event(), engine.members()), (Ok(()), None, vec![]));
    }
}
