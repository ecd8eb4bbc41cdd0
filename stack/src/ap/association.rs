//! Association: who gets in, and what is agreed (802.11-2020 11.3.5).

use crate::ap::admission::Pair;
use crate::ap::announce::association_elements;
use crate::ap::config::ApEvent;
use crate::ap::management::{AUTHENTICATED, Standing};
use crate::ap::network::Request;
use crate::ap::outbox::Whose;
use crate::ap::radio::{ApRadio, Parting};
use crate::ap::transmit::beacon_rate;
use crate::ap::virtual_ap::{Rekey, Station};
use crate::mac::{DropReason, Peer, SaId, TakenRates};
use crate::time::Instant;
use crate::wire::element::ElementsBuf;
use crate::wire::management::AssociationResponse;
use crate::wire::{AssociationId, ManagementBody, ReasonCode, StatusCode};

/// Most stations whose handshake is under way. Messages to those who are not there are repeated for seconds, and must not
/// take the air from those who are (SEC-M9).
const HANDSHAKES: usize = 128;

impl ApRadio {
    pub(super) fn associate(
        &mut self,
        now: Instant,
        pair: Pair,
        request: &Request<'_>,
    ) -> Result<(), DropReason> {
        let station = self.slot(pair.0).and_then(|slot| slot.ap.stations.get(&pair.1));
        if station.is_some_and(|station| request.retry && station.request == request.sequence) {
            return Err(DropReason::Duplicate);
        }
        if station.is_none() && !self.authenticated.contains(pair, now, AUTHENTICATED) {
            self.not_associated(now, pair);
            return Ok(());
        }
        match self.admissible(now, pair, request) {
            Ok((position, aid)) => self.admit(now, pair, position, aid, request),
            Err((status, elements)) => {
                self.drops.count(DropReason::AssociationRefused);
                self.respond(pair, None, request, status, 0, &elements);
            }
        }
        Ok(())
    }

    /// The network that the request is for and an association ID there, or status and elements of the refusal.
    fn admissible(
        &mut self,
        now: Instant,
        pair: Pair,
        request: &Request<'_>,
    ) -> Result<(usize, u16), (StatusCode, ElementsBuf)> {
        let position = match self.standing(pair) {
            Standing::Open => self.slot(pair.0).map(|slot| slot.network),
            Standing::Free => self
                .networks
                .iter()
                .position(|network| network.parent.is_some() && network.is_named(&request.elements)),
            Standing::Parent(position) | Standing::Taken(position) => {
                return Err(self.suggest(now, position, pair.1));
            }
            Standing::Elsewhere => None,
        };
        let plain = |status| (status, ElementsBuf::new());
        let network = position.and_then(|position| Some((position, self.networks.get(position)?)));
        let (position, network) = network.ok_or_else(|| plain(StatusCode::UNSPECIFIED_FAILURE))?;
        network.judge(&self.config, request).map_err(plain)?;
        if self.directory.joining() >= HANDSHAKES && self.directory.of(position, pair.1).is_none() {
            return Err(plain(StatusCode::TOO_MANY_STATIONS));
        }
        let Some(slot) = self.slot(pair.0) else {
            // Its BSSID changes if it has one already: that is no other station.
            let others = network.members.len() - usize::from(self.directory.of(position, pair.1).is_some());
            let full = others >= network.most();
            return if full { Err(plain(StatusCode::TOO_MANY_STATIONS)) } else { Ok((position, 1)) };
        };
        let had = slot.ap.stations.get(&pair.1).map(|station| station.peer.config().association_id);
        let free = || slot.ap.free_aid().filter(|_| slot.ap.stations.len() < network.most());
        let aid = had.or_else(free).ok_or_else(|| plain(StatusCode::TOO_MANY_STATIONS))?;
        Ok((position, aid))
    }

    /// A new association is a new peer: nothing of an earlier one is left (SEC-H3, SEC-H4).
    fn admit(&mut self, now: Instant, pair: Pair, position: usize, aid: u16, request: &Request<'_>) {
        let (place, address) = pair;
        self.leave(pair, ReasonCode::INVALID_AUTHENTICATION, Parting::Silent);
        if let Some(before) = self.directory.join(position, address, place) {
            self.leave((before, address), ReasonCode::INVALID_AUTHENTICATION, Parting::Silent);
        }
        if self.slot(place).is_none() {
            self.make(now, place, position, Some(address));
        }
        let association = self.sa_ids.next();
        self.respond(pair, Some(association), request, StatusCode::SUCCESS, aid, &ElementsBuf::new());
        if self.insert(now, pair, position, association, aid, request) {
            self.opened(pair);
        }
        self.settle(now, pair);
    }

    /// Puts the station into its BSS. Says whether its port is open at once.
    fn insert(
        &mut self,
        now: Instant,
        (place, address): Pair,
        position: usize,
        association: SaId,
        aid: u16,
        request: &Request<'_>,
    ) -> bool {
        let bssid = self.block().bssid(place);
        let Some(network) = self.networks.get(position) else { return false };
        let slot = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut);
        let Some(ap) = slot.map(|slot| &mut slot.ap) else { return false };
        let key = ap.group.as_ref().map(|group| (group.current.data(), group.current.generation));
        let (data, generation) = key.unzip();
        let mut authenticator = network.authenticator((bssid, address), data.as_ref(), &request.elements);
        if let Some(authenticator) = &mut authenticator {
            authenticator.start(now, &mut *self.random);
        }
        let peer = Peer::new(now, network.agreed(&self.config, address, aid, request), association);
        let open = peer.is_port_open();
        let station = Station {
            peer,
            association,
            authenticator,
            handshake_due: None,
            request: request.sequence,
            since: now,
            proven: false,
            asked: None,
            rekey: Rekey::None,
            key_since: now,
            group_handed: generation.unwrap_or(0),
            group_has: 0,
            takes: TakenRates::of(&request.elements),
            reported: None,
            beacon_rate: beacon_rate(request.elements.rates().map(|entry| entry.0)),
        };
        ap.stations.insert(address, Box::new(station));
        open
    }

    /// The port of a station is open: what it had elsewhere in the network ends, without a word and before anything goes
    /// to it here (SEC-H4).
    pub(super) fn opened(&mut self, pair: Pair) {
        let (place, station) = pair;
        let Some(slot) = self.slot(place) else { return };
        let (position, network) = (slot.network, slot.ap.config.id);
        if let Some(before) = self.directory.settle(position, station, place) {
            self.leave((before, station), ReasonCode::INVALID_AUTHENTICATION, Parting::Silent);
        }
        self.event(ApEvent::StationJoined { network, bssid: self.block().bssid(place), station });
    }

    fn respond(
        &mut self,
        pair: Pair,
        association: Option<SaId>,
        request: &Request<'_>,
        status: StatusCode,
        aid: u16,
        refusal: &ElementsBuf,
    ) {
        let position = self.slot(pair.0).map(|slot| slot.network);
        let network = position
            .and_then(|position| self.networks.get(position))
            .or_else(|| self.networks.iter().find(|network| network.parent.is_some()));
        let Some(network) = network else { return };
        let elements = association_elements(&self.config, &network.config);
        let response = AssociationResponse {
            capabilities: network.capabilities(),
            status,
            // Reserved in a refusal (802.11-2020 9.4.1.8).
            aid: if association.is_some() { AssociationId::new(aid) } else { AssociationId(0) },
            elements: if association.is_some() { elements.elements() } else { refusal.elements() },
        };
        let body = if request.again {
            ManagementBody::ReassociationResponse(response)
        } else {
            ManagementBody::AssociationResponse(response)
        };
        let frame = self.management_frame(pair, &body);
        let whose =
            association.map_or(Whose::Stranger(pair.0), |association| Whose::Station(pair, association));
        self.send(whose, frame);
    }
}
