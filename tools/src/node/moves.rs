//! Virtual APs that go from one radio of the node to another.
//!
//! Make before break: the radio to which one is to go first acknowledges its address; then the radio that has it stops
//! sending for it, and when it knows what became of every frame it sent, the value goes through the control channel.
//! The old radio goes on acknowledging the address for a while, and hands on what it hears: what was acknowledged is
//! delivered. Neither a key nor a frame exists twice at any time. A radio on another channel is no other case: the client is
//! told to go there before anything stops (`follow.rs`).

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use drivers::Radio;
use stack::ap::{VirtualAp, VirtualApKind};
use stack::mac::Peer;
use stack::time::{Instant, earliest};
use stack::wire::{Channel, MacAddr, RxInfo};

use super::follow::Awaited;
use super::orders::Told;
use super::switch::Control;
use super::worker::Worker;

/// How long a radio has to acknowledge an address, and how often it is asked whether it does.
const ACKNOWLEDGE: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(1);
/// How long the frames in flight have to be accounted for. One whose status got lost counts as lost after a second.
pub(super) const DRAIN: Duration = Duration::from_millis(1500);
/// How long a virtual AP that is on its way is waited for.
const ARRIVE: Duration = Duration::from_secs(3);
/// How long the radio that it left goes on acknowledging its address.
const LINGER: Duration = Duration::from_secs(1);

/// Why a client was not moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// No virtual AP of its own is here.
    #[error("no virtual AP of its own: it is not there, or its network is shared by all")]
    NotThere,
    /// It moves already, or is in the middle of a handshake.
    #[error("it is busy with a handshake or another move; try again")]
    Busy,
    /// The other radio did not come to acknowledge its address.
    #[error("the other radio does not acknowledge its BSSID")]
    NotAcknowledged,
    /// What became of the frames in flight did not come to light.
    #[error("the radio did not tell in time what became of the frames in flight")]
    NotDrained,
    /// The client was told to go to another channel, and was not heard there.
    #[error("it did not come to the channel of the other radio, and has been given back")]
    NotFollowed,
    /// The client left instead.
    #[error("it has left; clients of Linux do so when they are told to go to another band")]
    Left,
    /// The other radio would not have it.
    #[error("the other radio does not take it: {0}")]
    Refused(String),
    /// The other radio is gone.
    #[error("the other radio is gone")]
    RadioGone,
}

/// A move that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whose virtual AP.
    pub station: MacAddr,
    /// Its BSSID.
    pub bssid: MacAddr,
    /// The radio that it left, by its index.
    pub from: usize,
    /// The radio that it came to.
    pub to: usize,
    /// For how long nobody could send for it.
    pub gap: Duration,
    /// MSDUs for its client that came with it.
    pub queued: usize,
}

/// Who is told how a move ended, if anybody.
pub(super) type Answer = Option<SyncSender<Result<Moved, MoveError>>>;

/// A virtual AP between two radios.
#[derive(Debug)]
pub(super) struct Parcel {
    ap: Box<VirtualAp>,
    from: usize,
    station: MacAddr,
    since: Instant,
    answer: Answer,
    /// It was refused elsewhere, for this reason, and comes back.
    refused: Option<MoveError>,
}

/// What is under way on one radio.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) leaving: Vec<Leaving>,
    expected: Vec<Expected>,
    gone: Vec<Gone>,
    pub(super) awaited: Vec<Awaited>,
}

#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) bssid: MacAddr,
    pub(super) station: MacAddr,
    pub(super) to: usize,
    /// From when on nothing is sent for it; `None` while the other radio gets ready.
    pub(super) drains: Option<Instant>,
    pub(super) until: Instant,
    pub(super) answer: Answer,
    /// It goes back to where it came from, for this reason.
    pub(super) back: Option<MoveError>,
}

#[derive(Clone, Copy, Debug)]
struct Expected {
    bssid: MacAddr,
    from: usize,
    /// The other radio knows that it may come.
    told: bool,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Gone {
    bssid: MacAddr,
    to: Whither,
    until: Instant,
}

/// Where a virtual AP has gone.
#[derive(Clone, Copy, Debug)]
enum Whither {
    /// Another radio of the node.
    Radio(usize),
    /// Another node.
    Abroad,
}

impl Moves {
    /// When something of it is due.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<(Instant, &'static str)> {
        let leaving = self.leaving.iter().map(|leaving| (leaving.until, "a move hangs"));
        let gone = self.gone.iter().map(|gone| (gone.until, "a virtual AP has long gone"));
        let expected = self.expected.iter().map(|expected| {
            let look = if expected.told { expected.until } else { expected.until.min(now + LOOK) };
            (look, "a virtual AP is expected")
        });
        let awaited = self.awaited.iter().map(|awaited| (awaited.until, "a client is waited for"));
        leaving
            .chain(gone)
            .chain(awaited)
            .chain(expected)
            .fold(None, |first, next| earliest(first, Some(next)))
    }

    /// A virtual AP has gone to another node: what still comes for it follows.
    pub(super) fn gone_abroad(&mut self, now: Instant, bssid: MacAddr, linger: Duration) {
        self.gone.push(Gone { bssid, to: Whither::Abroad, until: now + 2 * linger });
    }

    /// It is where it belongs, and what was acknowledged last comes soon.
    pub(super) fn arrived_abroad(&mut self, now: Instant, bssid: MacAddr, linger: Duration) {
        for gone in self.gone.iter_mut().filter(|gone| gone.bssid == bssid) {
            gone.until = gone.until.min(now + 2 * linger);
        }
    }

    /// A virtual AP is here.
    pub(super) fn come_home(&mut self, bssid: MacAddr) {
        self.gone.retain(|gone| gone.bssid != bssid);
    }

    /// It goes, or has just come and waits for its client.
    fn is_moving(&self, bssid: MacAddr) -> bool {
        self.leaving.iter().any(|leaving| leaving.bssid == bssid)
            || self.awaited.iter().any(|awaited| awaited.moved.bssid == bssid)
    }

    pub(super) fn take_leaving(&mut self, bssid: MacAddr) -> Option<Leaving> {
        let place = self.leaving.iter().position(|leaving| leaving.bssid == bssid)?;
        Some(self.leaving.swap_remove(place))
    }
}

impl<R: Radio> Worker<R> {
    /// The virtual AP of a station is to go to another radio.
    pub(super) fn move_away(&mut self, now: Instant, station: MacAddr, to: usize, answer: Answer) {
        if let Err(error) = self.begin_move(now, station, to, answer.clone()) {
            tell(answer, Err(error));
        }
    }

    fn begin_move(
        &mut self,
        now: Instant,
        station: MacAddr,
        to: usize,
        answer: Answer,
    ) -> Result<(), MoveError> {
        let of_station = |ap: &&VirtualAp| {
            ap.config().kind == VirtualApKind::PerClient && ap.peers().any(|peer| peer.address() == station)
        };
        let bssid =
            self.ap.virtual_aps().find(of_station).map(VirtualAp::bssid).ok_or(MoveError::NotThere)?;
        if to == self.port.radio() || self.moves.is_moving(bssid) {
            return Err(MoveError::Busy);
        }
        let from = self.port.radio();
        self.port.tell(to, Control::Expect { bssid, station, from }).map_err(|_| MoveError::RadioGone)?;
        let until = now + 2 * ACKNOWLEDGE;
        let leaving = Leaving { bssid, station, to, drains: None, until, answer, back: None };
        self.moves.leaving.push(leaving);
        Ok(())
    }

    /// A virtual AP may come from another radio: its address is acknowledged from now on.
    pub(super) fn expect(&mut self, now: Instant, (bssid, station): (MacAddr, MacAddr), from: usize) {
        if !self.ap.expect(now, bssid, station, ACKNOWLEDGE + ARRIVE) {
            // A radio that is gone need not know.
            let _ = self.port.tell(from, Control::Expected { bssid, ready: None });
            return;
        }
        self.settle(now);
        self.moves.gone.retain(|gone| gone.bssid != bssid);
        self.moves.expected.retain(|expected| expected.bssid != bssid);
        self.moves.expected.push(Expected { bssid, from, told: false, until: now + ACKNOWLEDGE });
        self.look_at_expected(now);
    }

    /// The other radio is ready for one of ours, on this channel, or is not.
    pub(super) fn expected(&mut self, now: Instant, bssid: MacAddr, ready: Option<Channel>) {
        let Some(leaving) = self.moves.leaving.iter_mut().find(|leaving| leaving.bssid == bssid) else {
            return;
        };
        let error = match ready.map(|channel| self.ap.drain_to(now, bssid, channel, false)) {
            None => MoveError::NotAcknowledged,
            Some(None) => MoveError::Busy,
            Some(Some(from)) => {
                (leaving.drains, leaving.until) = (Some(from), from + DRAIN);
                return;
            }
        };
        if let Some(leaving) = self.moves.take_leaving(bssid) {
            tell(leaving.answer, Err(error));
        }
    }

    /// All that was sent for a virtual AP is accounted for: it goes.
    pub(super) fn drained(&mut self, now: Instant, bssid: MacAddr) {
        let Some(leaving) = self.moves.take_leaving(bssid) else {
            return self.tell_home(Told::Drained(bssid));
        };
        let linger = self.linger(bssid, LINGER);
        let Some(ap) = self.ap.take(now, bssid, linger) else {
            return tell(leaving.answer, Err(MoveError::NotThere));
        };
        let Leaving { station, to, drains, answer, back, .. } = leaving;
        let since = drains.unwrap_or(now);
        let network = ap.config().id;
        let from = self.port.radio();
        let parcel = Parcel { ap: Box::new(ap), from, station, since, answer, refused: back };
        match self.port.tell(to, Control::Adopt(parcel)) {
            Ok(()) => {
                // Only now: whoever reads the table finds the virtual AP there, or before it on its way.
                self.port.moved(network, station, to);
                // What is acknowledged last may come a little later than that.
                self.moves.gone.push(Gone { bssid, to: Whither::Radio(to), until: now + 2 * linger });
            }
            Err(Control::Adopt(parcel)) => {
                self.adopt(now, Parcel { refused: Some(MoveError::RadioGone), ..parcel });
            }
            Err(_) => {}
        }
    }

    /// A virtual AP has come, or has come back.
    pub(super) fn adopt(&mut self, now: Instant, parcel: Parcel) {
        let Parcel { ap, from, station, since, answer, refused } = parcel;
        let (bssid, network, to) = (ap.bssid(), ap.config().id, self.port.radio());
        self.moves.expected.retain(|expected| expected.bssid != bssid);
        let queued = ap.peers().map(Peer::queued).sum();
        match self.ap.adopt(now, *ap) {
            Ok(()) => {
                self.port.moved(network, station, to);
                match refused {
                    Some(error) => tell(answer, Err(error)),
                    None => {
                        self.port.announce(network, station);
                        let moved = Moved { station, bssid, from, to, gap: now.since(since), queued };
                        self.arrived(now, Awaited { moved, since, until: now + ARRIVE, answer });
                    }
                }
            }
            Err(back) => {
                let error = MoveError::Refused(back.why.to_string());
                if refused.is_none() {
                    let parcel =
                        Parcel { ap: back.ap, from: to, station, since, answer, refused: Some(error) };
                    // Where nobody takes it, it ends, and its client has to come again.
                    let _ = self.port.tell(from, Control::Adopt(parcel));
                }
            }
        }
    }

    /// A frame for a virtual AP that went elsewhere, or has not come yet, was heard, and acknowledged, here.
    pub(super) fn hand_on(&mut self, bssid: MacAddr, info: RxInfo, frame: Vec<u8>) {
        let gone = self.moves.gone.iter().rev().find(|gone| gone.bssid == bssid).map(|gone| gone.to);
        let expected = || self.moves.expected.iter().find(|expected| expected.bssid == bssid);
        match gone.or_else(|| expected().map(|expected| Whither::Radio(expected.from))) {
            Some(Whither::Radio(to)) => {
                // A radio that is gone has taken the virtual AP with it.
                let _ = self.port.tell(to, Control::Stray { info, frame });
            }
            Some(Whither::Abroad) => self.send_abroad(Told::Frame { bssid, info, mpdu: frame }),
            None => {}
        }
    }

    /// Does what is due for the moves under way.
    pub(super) fn tend_moves(&mut self, now: Instant) {
        self.look_at_expected(now);
        self.moves.gone.retain(|gone| gone.until > now);
        while let Some(place) = self.moves.leaving.iter().position(|leaving| leaving.until <= now) {
            let leaving = self.moves.leaving.swap_remove(place);
            let error = match leaving.drains {
                Some(_) => {
                    self.ap.resume(now, leaving.bssid);
                    leaving.back.unwrap_or(MoveError::NotDrained)
                }
                None => MoveError::NotAcknowledged,
            };
            tell(leaving.answer, Err(error));
        }
        self.moves.forget_awaited(now);
    }

    fn look_at_expected(&mut self, now: Instant) {
        let channel = self.config.channel;
        for expected in &mut self.moves.expected {
            let Expected { bssid, from, .. } = *expected;
            if !expected.told && self.radio.acknowledges(bssid) {
                (expected.told, expected.until) = (true, now + ARRIVE);
                // A radio that is gone sends nothing; the wait ends by itself.
                let _ = self.port.tell(from, Control::Expected { bssid, ready: Some(channel) });
            } else if !expected.told && expected.until <= now {
                let _ = self.port.tell(from, Control::Expected { bssid, ready: None });
            }
        }
        self.moves.expected.retain(|expected| expected.until > now);
    }
}

pub(super) fn tell(answer: Answer, outcome: Result<Moved, MoveError>) {
    if let Some(answer) = answer {
        // Who asked may have given up.
        let _ = answer.try_send(outcome);
    }
}
