//! The owner's side of a move: asked, drained, given away, and what to do if the answer fails to come.

use stack::time::Instant;
use stack::wire::MacAddr;

use super::cluster::{Cluster, Doubt, MAX_DOUBTS, MoveError};
use super::discard::Discard;
use super::message::{Message, MoveId};
use super::peers::Reach;
use super::vap::{Activating, Origin, Parked, Role, Serving, Step, Stopping};
use super::{Action, Context, Event, RadioIndex, Rank, Title};
use crate::announce::{NodeId, SaBinding};
use crate::lease::Generation;
use crate::table::Key;

impl Cluster {
    pub(super) fn begin_move(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        (to, radio): (NodeId, Option<RadioIndex>),
    ) -> Result<(), MoveError> {
        let me = self.me.node;
        let vap = self.vaps.get_mut(&bssid).ok_or(MoveError::Unknown)?;
        let Title { owner, rank, .. } = vap.title.ok_or(MoveError::Unknown)?;
        if owner != me {
            let reach = self.peers.reach(owner).filter(|reach| *reach == Reach::Up);
            reach.ok_or(MoveError::NodeMissing(owner))?;
            self.send(owner, bssid, &Message::Move { rank, to, radio });
            return Ok(());
        }
        let Role::Serving(serving) = &mut vap.role else { return Err(MoveError::Busy) };
        if serving.step != Step::Settled {
            return Err(MoveError::Busy);
        }
        if to == me {
            return Ok(());
        }
        if !serving.context.can_travel() {
            return Err(MoveError::TooManyKeys);
        }
        self.peers.reach(to).filter(|reach| *reach == Reach::Up).ok_or(MoveError::NodeMissing(to))?;
        let (rank, keys) = (serving.rank, serving.context.keys.clone());
        let id = MoveId(self.next_number());
        if let Some(serving) = self.serving(bssid) {
            serving.step = Step::Preparing { to, id, radio, since: now };
        }
        self.send(to, bssid, &Message::Prepare { id, rank, radio, keys });
        self.touch(bssid);
        Ok(())
    }

    /// Another node, which holds that title for the highest, asks for a move. The answer is who has it afterwards.
    pub(super) fn asked_to_move(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        asked: Rank,
        to: (NodeId, Option<RadioIndex>),
    ) {
        let me = self.me.node;
        let title = self.vaps.get(&bssid).and_then(|vap| vap.title);
        // Passed on for a higher title only, so that two who take each other for the owner do not ask for ever.
        if title.is_some_and(|title| title.owner == me || title.rank > asked) {
            let _ = self.begin_move(now, bssid, to);
        } else {
            self.drops.count(Discard::Unexpected);
        }
    }

    /// The new owner is ready to take it under that generation: the radio may stop sending.
    pub(super) fn ready(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        whose: (NodeId, MoveId),
        granted: Generation,
    ) {
        let Some(serving) = self.serving(bssid) else { return };
        match serving.step {
            Step::Preparing { to, id, radio, .. } if (to, id) == whose => {
                serving.step = Step::Draining { to, id, granted, since: now };
                self.out.push_back(Action::Drain { bssid, to, radio });
            }
            _ => {}
        }
    }

    /// Nothing of the virtual AP is in flight any more: the answer to [`Action::Drain`].
    pub fn handle_drained(&mut self, now: Instant, bssid: MacAddr) {
        let linger = self.timing.linger;
        let Some(serving) = self.serving(bssid) else { return };
        if let Step::Draining { to, id, granted, .. } = serving.step {
            serving.step = Step::Taking { to: Some((to, id)), granted };
            self.out.push_back(Action::Take { bssid, linger });
            self.touch(bssid);
        }
        self.settle(now);
    }

    /// The virtual AP is out of its radio: the answer to [`Action::Take`] and [`Action::Stop`].
    pub fn handle_taken(&mut self, now: Instant, bssid: MacAddr, mut context: Context) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let role = std::mem::take(&mut vap.role);
        self.touch(bssid);
        match role {
            Role::Serving(Serving {
                mut rank, context: before, step: Step::Taking { to, granted }, ..
            }) => {
                context.remember(&before);
                if context.sa != before.sa {
                    rank = rank.renewed(context.generation());
                }
                self.park(now, bssid, Parked { rank, context, to, granted, since: now });
            }
            Role::Stopping(Stopping { rank, sa, .. }) => self.stopped(now, bssid, rank, sa, context),
            other => {
                if let Some(vap) = self.vaps.get_mut(&bssid) {
                    vap.role = other;
                }
            }
        }
        self.settle(now);
    }

    /// It is stopped, and goes to whom it belongs. But the client may have agreed on a new key with this node before it
    /// could stop: then it listens to nobody else.
    fn stopped(&mut self, now: Instant, bssid: MacAddr, rank: Rank, sa: SaBinding, context: Context) {
        let title = self.vaps.get(&bssid).and_then(|vap| vap.title);
        let below = rank.renewed(context.generation());
        let rival = title.filter(|title| title.rank.sequence < below.sequence && context.sa != sa);
        if let Some(rival) = rival {
            let origin = Origin::Reclaim { to: Some(rival.owner), refused: true };
            let above = below.generation;
            return self.activate(now, bssid, Activating::new(context, below, above, origin));
        }
        self.out.push_back(Action::RemoveRow { key: Key::Owned(bssid).encode() });
        self.leave(now, bssid, context);
    }

    /// Out of the radio, and so not transmitting: only now does the context leave.
    fn park(&mut self, now: Instant, bssid: MacAddr, parked: Parked) {
        let there = parked.to.filter(|_| parked.context.can_travel());
        let there = there.filter(|(to, _)| self.peers.reach(*to) != Some(Reach::Down));
        if let Some((to, id)) = there {
            let (rank, context) = (parked.rank, parked.context.clone());
            self.send(to, bssid, &Message::Commit { id, rank, context });
        }
        let gone = parked.to.is_some() && there.is_none();
        if let Some(vap) = self.vaps.get_mut(&bssid) {
            vap.role = Role::Parked(parked);
        }
        if gone {
            self.take_back(now, bssid, true);
        } else {
            self.unfence(now, bssid);
        }
    }

    /// Takes up again what this node gave away or fenced off. `refused` tells that the other never had it.
    pub(super) fn take_back(&mut self, now: Instant, bssid: MacAddr, refused: bool) {
        let me = self.me.node;
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let theirs = vap.title.is_some_and(|title| title.owner != me);
        let Role::Parked(parked) = std::mem::take(&mut vap.role) else { return };
        let Parked { rank, context, to, granted, .. } = parked;
        self.touch(bssid);
        if let (Some((to, id)), false) = (to, refused) {
            self.doubt(Doubt { bssid, to, id, context: context.clone() });
        }
        if let Some((to, _)) = to {
            self.tell(Event::MoveFailed { bssid, to });
        }
        if theirs {
            self.out.push_back(Action::RemoveRow { key: Key::Owned(bssid).encode() });
            if refused {
                self.leave(now, bssid, context);
            }
            return;
        }
        let origin = Origin::Reclaim { to: to.map(|(to, _)| to), refused };
        self.activate(now, bssid, Activating::new(context, rank, granted, origin));
    }

    /// One that fenced itself off takes up again once it is not alone any more.
    pub(super) fn unfence(&mut self, now: Instant, bssid: MacAddr) {
        let fenced =
            self.vaps.get(&bssid).is_some_and(|vap| matches!(&vap.role, Role::Parked(p) if p.to.is_none()));
        if fenced && (self.wired || self.peers.up_now().next().is_some()) {
            self.take_back(now, bssid, true);
        }
    }

    fn doubt(&mut self, doubt: Doubt) {
        if self.doubts.len() >= MAX_DOUBTS {
            self.doubts.pop_front();
        }
        self.doubts.push_back(doubt);
    }

    /// The context that this attempt left in doubt.
    fn resolve(&mut self, bssid: MacAddr, (from, id): (NodeId, MoveId)) -> Option<Context> {
        let matches = |doubt: &Doubt| (doubt.bssid, doubt.to, doubt.id) == (bssid, from, id);
        let at = self.doubts.iter().position(matches)?;
        self.doubts.remove(at).map(|doubt| doubt.context)
    }

    /// The new owner has it.
    pub(super) fn took(&mut self, now: Instant, bssid: MacAddr, whose: (NodeId, MoveId), title: Title) {
        self.resolve(bssid, whose);
        self.learn(now, bssid, title);
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        if matches!(&vap.role, Role::Parked(parked) if parked.to == Some(whose)) {
            vap.role = Role::Elsewhere;
            self.out.push_back(Action::RemoveRow { key: Key::Owned(bssid).encode() });
            self.tell(Event::Moved { bssid, to: whose.0 });
        }
    }

    /// The other has not begun with it, and will not.
    pub(super) fn refused(&mut self, now: Instant, bssid: MacAddr, whose: (NodeId, MoveId)) {
        if let Some(context) = self.resolve(bssid, whose) {
            return self.leave(now, bssid, context);
        }
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        match &vap.role {
            Role::Parked(parked) if parked.to == Some(whose) => self.take_back(now, bssid, true),
            Role::Serving(serving) if serving.leaving() == Some(whose) => self.call_off(bssid),
            _ => {}
        }
    }

    /// The move does not happen; as long as it is in the radio nothing has been lost.
    pub(super) fn call_off(&mut self, bssid: MacAddr) {
        let Some(serving) = self.serving(bssid) else { return };
        let step = std::mem::replace(&mut serving.step, Step::Settled);
        match step {
            Step::Preparing { to, .. } => self.tell(Event::MoveFailed { bssid, to }),
            Step::Draining { to, .. } => {
                self.out.push_back(Action::Resume { bssid });
                self.tell(Event::MoveFailed { bssid, to });
            }
            Step::Settled | Step::Taking { .. } => serving.step = step,
        }
        self.touch(bssid);
    }

    /// What took too long.
    pub(super) fn expire_owner(&mut self, now: Instant, bssid: MacAddr) {
        let timing = self.timing;
        let Some(vap) = self.vaps.get(&bssid) else { return };
        match &vap.role {
            Role::Serving(serving) => {
                let late = match serving.step {
                    Step::Preparing { since, .. } => since + timing.prepare <= now,
                    Step::Draining { since, .. } => since + timing.drain <= now,
                    Step::Settled | Step::Taking { .. } => false,
                };
                let alone = serving.alone.is_some_and(|since| since + timing.fence <= now);
                if late {
                    self.call_off(bssid);
                }
                if alone {
                    self.fence_off(bssid);
                }
            }
            Role::Parked(Parked { to: Some(_), since, .. }) if *since + timing.commit <= now => {
                self.take_back(now, bssid, false);
            }
            _ => {}
        }
    }

    /// Nobody is in sight, on no wire: whoever takes over must not have to share the air with this node (rule U6).
    fn fence_off(&mut self, bssid: MacAddr) {
        let linger = self.timing.linger;
        let Some(serving) = self.serving(bssid) else { return };
        serving.alone = None;
        if !matches!(serving.step, Step::Taking { .. }) {
            serving.step = Step::Taking { to: None, granted: serving.rank.generation };
            self.out.push_back(Action::Stop { bssid, linger });
        }
    }
}
