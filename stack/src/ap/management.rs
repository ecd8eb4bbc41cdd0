//! Probes, authentication, leaving (802.11-2020 11.3).

use std::time::Duration;

use crate::ap::admission::Pair;
use crate::ap::block::Place;
use crate::ap::config::ApEvent;
use crate::ap::network::Request;
use crate::ap::outbox::Whose;
use crate::ap::radio::{ApRadio, Parting};
use crate::ap::transfer::ON_AIR;
use crate::mac::{DropReason, SequenceSpace};
use crate::time::Instant;
use crate::wire::element::{DsParameter, ElementsBuf};
use crate::wire::frame::ManagementFrame;
use crate::wire::management::{
    Action, ActionDetails, Algorithm, AssociationRequest, Authentication, Category, Leave,
    ReassociationRequest,
};
use crate::wire::{Elements, MacAddr, MacHeader, ManagementBody, ReasonCode, SequenceControl, StatusCode};

/// An authentication is good for this long.
pub(super) const AUTHENTICATED: Duration = Duration::from_secs(60);
/// Between two answers to frames of a station that is not associated (SEC-M10).
const TELL: Duration = Duration::from_secs(1);

/// What a BSSID is to a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A BSS that it may join or has joined.
    Open,
    /// A BSSID without a BSS, which it may take.
    Free,
    /// The parent of the network with this position: it has to be sent on.
    Parent(usize),
    /// The BSS of somebody else in the network with this position: it has to be sent on.
    Taken(usize),
    /// Another radio's business.
    Elsewhere,
}

impl ApRadio {
    pub(super) fn management(
        &mut self,
        now: Instant,
        place: Place,
        frame: &ManagementFrame<'_>,
    ) -> Result<(), DropReason> {
        let pair = (place, frame.addr2());
        let body = frame.parse_body().map_err(|_| DropReason::MalformedBody)?;
        if let ManagementBody::ProbeRequest(request) = &body {
            return self.probed(now, place, frame, &request.elements);
        }
        if frame.addr1().is_group() || frame.bssid() != frame.addr1() {
            return Err(DropReason::WrongBssid);
        }
        match &body {
            ManagementBody::Authentication(request) => self.authenticate(now, pair, request)?,
            ManagementBody::AssociationRequest(request) => {
                self.associate(now, pair, &Request::of(frame, request))?;
            }
            ManagementBody::ReassociationRequest(request) => {
                self.associate(now, pair, &Request::again(frame, request))?;
            }
            ManagementBody::Disassociation(leave) => self.leave(pair, leave.reason, Parting::Silent),
            ManagementBody::Deauthentication(leave) => {
                self.authenticated.forget(pair);
                self.leave(pair, leave.reason, Parting::Silent);
            }
            ManagementBody::Action(action) => self.action(now, pair, action)?,
            _ => return Err(DropReason::UnexpectedManagement),
        }
        Ok(())
    }

    /// Tells a station that it is not associated, once a second at most (SEC-M10).
    pub(super) fn not_associated(&mut self, now: Instant, pair: Pair) {
        // One that has just started does not know yet what others have of its addresses.
        let strange = self.config.block != self.config.own && now.since(self.start) < ON_AIR;
        if pair.1.is_group() || strange || !self.told.permits(pair, now, TELL) {
            self.drops.count(DropReason::RateLimited);
            return;
        }
        let reason = if self.authenticated.contains(pair, now, AUTHENTICATED) {
            ReasonCode::CLASS3_FRAME
        } else {
            ReasonCode::CLASS2_FRAME
        };
        self.answer(pair, &ManagementBody::Deauthentication(Leave::new(reason)));
    }

    pub(super) fn standing(&self, (place, station): Pair) -> Standing {
        match self.slot(place) {
            Some(slot) if slot.ap.client.is_none_or(|client| client == station) => Standing::Open,
            Some(slot) => Standing::Taken(slot.network),
            None => match self.own_index(place) {
                Some(index) if index < self.networks.len() => Standing::Parent(index),
                Some(_) if self.is_free(place) => Standing::Free,
                _ => Standing::Elsewhere,
            },
        }
    }

    /// Queues a management frame to a station, as to a stranger unless it is associated there.
    pub(super) fn answer(&mut self, pair: Pair, body: &ManagementBody<'_>) {
        let station = self.slot(pair.0).and_then(|slot| slot.ap.stations.get(&pair.1));
        let whose =
            station.map_or(Whose::Stranger(pair.0), |station| Whose::Station(pair, station.association));
        let frame = self.management_frame(pair, body);
        self.send(whose, frame);
    }

    /// Ends an association: its queue is dropped before its key is deleted (SEC-H5).
    pub(super) fn leave(&mut self, pair: Pair, reason: ReasonCode, parting: Parting) {
        let (place, address) = pair;
        let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) else { return };
        let Some(mut station) = slot.ap.stations.remove(&address) else { return };
        let dozed = station.peer.power_save().is_dozing();
        station.peer.close(&mut self.pool, &mut self.drops);
        slot.ap.dozing -= usize::from(dozed);
        let (position, network, own) = (slot.network, slot.ap.config.id, slot.ap.client.is_some());
        self.scheduler.forget(pair);
        if let Some(at) = station.handshake_due {
            self.agenda.handshakes.remove(&(at, pair));
        }
        self.directory.remove(position, address, place);
        self.event(ApEvent::StationLeft {
            network,
            bssid: self.block().bssid(place),
            station: address,
            reason,
        });
        if parting == Parting::Disassociate {
            let frame = self.management_frame(pair, &ManagementBody::Disassociation(Leave::new(reason)));
            self.send(Whose::Station(pair, station.association), frame);
        }
        if parting != Parting::Silent {
            let frame = self.management_frame(pair, &ManagementBody::Deauthentication(Leave::new(reason)));
            self.send(Whose::Station(pair, station.association), frame);
        }
        if own {
            self.unmake(place);
        } else {
            self.wake_group(place, false);
        }
    }

    pub(super) fn management_frame(&mut self, (place, to): Pair, body: &ManagementBody<'_>) -> Vec<u8> {
        let bssid = self.block().bssid(place);
        let slot = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut);
        let sequence = slot.map_or(&mut self.sequence, |slot| &mut slot.ap.sequence);
        let number = sequence.next(SequenceSpace::Common);
        let mut frame = self.pool.take();
        MacHeader::management(body.kind(), to, bssid, bssid)
            .with_sequence(SequenceControl::new(number, 0))
            .emit(&mut frame);
        body.emit(&mut frame);
        frame
    }

    /// Who is asked answers, if the request was meant for it and for this channel (802.11-2020 11.1.4.3.4). In a
    /// per-client network that is the virtual AP that the client has, else one that it is offered; never the parent.
    fn probed(
        &mut self,
        now: Instant,
        place: Place,
        frame: &ManagementFrame<'_>,
        elements: &Elements<'_>,
    ) -> Result<(), DropReason> {
        let (to, client, bssid) = (frame.addr1(), frame.addr2(), frame.bssid());
        let channel = elements.get::<DsParameter>().ok().flatten();
        if channel.is_some_and(|channel| channel.0 != self.config.channel.number()) {
            return Err(DropReason::OtherChannel);
        }
        if !to.is_group() {
            return self.probed_alone(now, (place, client), elements);
        }
        match self.block().place(bssid) {
            _ if bssid == MacAddr::BROADCAST => {
                for position in 0..self.networks.len() {
                    self.probed_network(now, position, client, elements);
                }
                Ok(())
            }
            Some(place) => self.probed_alone(now, (place, client), elements),
            None => Err(DropReason::WrongBssid),
        }
    }

    /// A probe request for one BSSID.
    fn probed_alone(&mut self, now: Instant, pair: Pair, elements: &Elements<'_>) -> Result<(), DropReason> {
        let position = match (self.standing(pair), self.slot(pair.0)) {
            (Standing::Open, Some(slot)) => slot.network,
            (Standing::Parent(position), _) => {
                self.probed_network(now, position, pair.1, elements);
                return Ok(());
            }
            (Standing::Free, _) => {
                for position in 0..self.networks.len() {
                    if self.networks.get(position).is_some_and(|network| network.parent.is_some()) {
                        self.probed_network(now, position, pair.1, elements);
                    }
                }
                return Ok(());
            }
            _ => return Err(DropReason::NotForUs),
        };
        if self.networks.get(position).is_some_and(|network| network.is_asked_for(elements)) {
            self.answer_probe(now, pair, position, false);
        }
        Ok(())
    }

    fn probed_network(&mut self, now: Instant, position: usize, client: MacAddr, elements: &Elements<'_>) {
        let Some(network) = self.networks.get(position).filter(|network| network.is_asked_for(elements))
        else {
            return;
        };
        let per_client = network.parent.is_some();
        self.expect_company(now);
        if per_client {
            self.answer_from_offer(now, position, client, true);
        } else if let Some(place) = self.own_at(position) {
            self.answer_probe(now, (place, client), position, true);
        }
    }

    /// Open System. An existing association stays until a new one takes its place (SEC-M9). Only the first frame of a
    /// sequence is answered: two APs would otherwise answer each other's answers for ever (SEC-M10).
    fn authenticate(
        &mut self,
        now: Instant,
        pair: Pair,
        request: &Authentication<'_>,
    ) -> Result<(), DropReason> {
        let status = match (request.algorithm, request.transaction) {
            (Algorithm::OPEN, 1) => StatusCode::SUCCESS,
            (_, 1) => StatusCode::UNSUPPORTED_ALGORITHM,
            _ => return Err(DropReason::UnexpectedManagement),
        };
        let (status, elements) = match (status, self.standing(pair)) {
            (_, Standing::Elsewhere) => return Err(DropReason::NotForUs),
            (StatusCode::SUCCESS, Standing::Parent(position) | Standing::Taken(position)) => {
                self.suggest(now, position, pair.1)
            }
            (status, _) => (status, ElementsBuf::new()),
        };
        if status == StatusCode::SUCCESS {
            self.authenticated.insert(pair, now);
            self.expect_company(now);
            self.acknowledge_offer(now, pair.0, None);
        }
        let answer = Authentication {
            algorithm: request.algorithm,
            fields: elements.as_bytes(),
            ..Authentication::open(2, status)
        };
        self.answer(pair, &ManagementBody::Authentication(answer));
        Ok(())
    }

    /// Block acknowledgement is declined: plain injection has none. Public action frames are of class 1
    /// (802.11-2020 11.3.3), and nobody here has a use for them.
    fn action(&mut self, now: Instant, pair: Pair, action: &Action<'_>) -> Result<(), DropReason> {
        if Category(action.category) == Category::PUBLIC {
            return Err(DropReason::UnexpectedManagement);
        }
        if !self.slot(pair.0).is_some_and(|slot| slot.ap.stations.contains_key(&pair.1)) {
            self.not_associated(now, pair);
            return Ok(());
        }
        if let ActionDetails::AddBlockAckRequest { token, parameters, timeout, .. } = action.parse_details() {
            let answer = ActionDetails::AddBlockAckResponse {
                token,
                status: StatusCode::REQUEST_DECLINED,
                parameters,
                timeout,
                elements: Elements::default(),
            };
            let mut body = Vec::new();
            answer.emit(&mut body);
            if let Some((&category, details)) = body.split_first() {
                self.answer(pair, &ManagementBody::Action(Action { category, details }));
            }
        }
        Ok(())
    }
}

impl<'a> Request<'a> {
    fn of(frame: &ManagementFrame<'a>, request: &AssociationRequest<'a>) -> Self {
        Self {
            again: false,
            capabilities: request.capabilities,
            listen_interval: request.listen_interval,
            elements: request.elements,
            sequence: frame.sequence(),
            retry: frame.frame_control().retry(),
        }
    }

    fn again(frame: &ManagementFrame<'a>, request: &ReassociationRequest<'a>) -> Self {
        Self {
            again: true,
            capabilities: request.capabilities,
            listen_interval: request.listen_interval,
            elements: request.elements,
            sequence: frame.sequence(),
            retry: frame.frame_control().retry(),
        }
    }
}
