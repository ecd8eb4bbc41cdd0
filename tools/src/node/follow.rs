//! Clients that go to another channel with their virtual AP, and those that do not come.
//!
//! A client that was told, and is not heard on the new channel, may have stayed where it was: its virtual AP goes back there,
//! where its address is still acknowledged, before it has missed so many beacons that it leaves. Nothing was sent for it
//! meanwhile, so nothing is lost. If it is nowhere, it is asked and given up like any other that falls silent.

use std::time::Duration;

use drivers::Radio;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::moves::{Answer, DRAIN, Leaving, MoveError, Moved, Moves, tell};
use super::orders::Told;
use super::worker::{Worker, WorkerEvent};

/// Until a client that changes its channel has come to the other one, or is known to have stayed, its address is acknowledged
/// on this one.
pub(super) const LINGER_APART: Duration = Duration::from_secs(2);

/// A virtual AP that has come, while its client has not been heard here yet.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) moved: Moved,
    /// From when on nothing was sent for it.
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) answer: Answer,
}

impl Moves {
    /// The client of a virtual AP that moves has left it.
    pub(super) fn client_left(&mut self, bssid: MacAddr) {
        let leaving = self.take_leaving(bssid).map(|leaving| leaving.answer);
        for answer in leaving.into_iter().chain(self.take_awaited(bssid).map(|awaited| awaited.answer)) {
            tell(answer, Err(MoveError::Left));
        }
    }

    /// Virtual APs that went elsewhere before their client was heard are waited for no longer.
    pub(super) fn forget_awaited(&mut self, now: Instant) {
        while let Some(place) = self.awaited.iter().position(|awaited| awaited.until <= now) {
            tell(self.awaited.swap_remove(place).answer, Err(MoveError::NotFollowed));
        }
    }

    fn take_awaited(&mut self, bssid: MacAddr) -> Option<Awaited> {
        let place = self.awaited.iter().position(|awaited| awaited.moved.bssid == bssid)?;
        Some(self.awaited.swap_remove(place))
    }
}

impl<R: Radio> Worker<R> {
    /// How long the address of a virtual AP that leaves is acknowledged; `usual` if its client stays on this channel.
    pub(super) fn linger(&self, bssid: MacAddr, usual: Duration) -> Duration {
        let apart = self.ap.virtual_aps().any(|ap| ap.bssid() == bssid && ap.changes_channel());
        if apart { usual.max(LINGER_APART) } else { usual }
    }

    /// A virtual AP has come, and its client with it if that is on this channel already.
    pub(super) fn arrived(&mut self, now: Instant, awaited: Awaited) {
        let bssid = awaited.moved.bssid;
        let waits = self.ap.virtual_aps().any(|ap| ap.bssid() == bssid && ap.awaits_client());
        self.moves.awaited.push(awaited);
        if !waits {
            self.followed(now, bssid);
        }
    }

    /// The client of a virtual AP is here.
    pub(super) fn followed(&mut self, now: Instant, bssid: MacAddr) {
        let Some(Awaited { moved, since, answer, .. }) = self.moves.take_awaited(bssid) else { return };
        let moved = Moved { gap: now.since(since), ..moved };
        self.tell(WorkerEvent::Moved(moved));
        tell(answer, Ok(moved));
    }

    /// It is not: the virtual AP goes back to the radio, or the node, that it came from.
    pub(super) fn not_followed(&mut self, now: Instant, bssid: MacAddr) {
        let Some(Awaited { moved, answer, .. }) = self.moves.take_awaited(bssid) else {
            return self.tell_home(Told::NotFollowed(bssid));
        };
        if !self.ap.drain(bssid) {
            return tell(answer, Err(MoveError::NotFollowed));
        }
        self.moves.leaving.push(Leaving {
            bssid,
            station: moved.station,
            to: moved.from,
            drains: Some(now),
            until: now + DRAIN,
            answer,
            back: Some(MoveError::NotFollowed),
        });
    }
}
