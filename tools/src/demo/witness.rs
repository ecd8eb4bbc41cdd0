//! Sees every frame that goes on the air, and believes nothing else.

use std::time::Duration;

use drivers::air::OnAir;
use stack::ap::BssidBlock;
use stack::rsn::Pmk;
use stack::time::Instant;
use stack::wire::amsdu::Amsdu;
use stack::wire::frame::DataFrame;
use stack::wire::{EtherType, Frame, Llc, MacAddr};

use crate::node::contains;
use crate::report::Bins;

use super::capture::Tape;
use super::keys::{Keys, Opened};
use super::ladder::{self, Ladder};
use super::play::since_start;
use super::seams::Seams;
use super::{packet, scene};

/// Columns of the pictures.
pub(super) const COLUMNS: usize = 320;

/// Who stands behind a radio of the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A node, with this radio.
    Mast(usize),
    /// This client.
    Client(usize),
}

/// How a radio and its clients used the channel, in microseconds of airtime.
pub(super) struct AirUse {
    pub(super) sent: Bins,
    pub(super) heard: Bins,
    pub(super) retried: Bins,
}

/// What was seen of one client.
pub(super) struct Seen {
    /// Repeated transmissions from and to it.
    pub(super) retries: Bins,
    pub(super) ladder: Ladder,
    /// The node's word that its port is open, and since when.
    joined: Option<Instant>,
    /// It was made anew from a copy, whose keys are renewed.
    pub(super) taken_over: bool,
    /// When the last frame of that was seen.
    pub(super) renewed: Option<Instant>,
}

/// The witness and its books.
pub(super) struct Witness {
    /// By the number of the air's radio.
    speakers: Vec<Speaker>,
    /// By radio.
    pub(super) masts: Vec<AirUse>,
    pub(super) people: Vec<Seen>,
    pub(super) keys: Keys,
    /// Data for a client that came from another radio than before, in the same BSS and association.
    pub(super) seams: Seams,
    /// EAPOL frames to and from clients whose port was open already.
    pub(super) eapol_after_join: u64,
    /// Those of clients that were taken over from a crashed node.
    pub(super) eapol_after_takeover: u64,
    /// Radios without power.
    dead: Vec<usize>,
    /// Where the BSSIDs come from that each radio gives away.
    blocks: Vec<BssidBlock>,
    /// Encrypted frames that no key was known for.
    pub(super) undecrypted: u64,
    pub(super) frames: u64,
    pub(super) tape: Tape,
}

impl Witness {
    /// Knows the PMK of the network, and who stands behind which radio.
    pub(super) fn new(
        length: Duration,
        (speakers, blocks): (Vec<Speaker>, Vec<BssidBlock>),
        pmk: Pmk,
        tape: Tape,
    ) -> Self {
        let bins = || Bins::new(length, COLUMNS);
        let air = |_: &scene::Mast| AirUse { sent: bins(), heard: bins(), retried: bins() };
        let seen = |_: &scene::Person| Seen {
            retries: bins(),
            ladder: Ladder::default(),
            joined: None,
            taken_over: false,
            renewed: None,
        };
        Self {
            speakers,
            masts: scene::MASTS.iter().map(air).collect(),
            people: scene::PEOPLE.iter().map(seen).collect(),
            keys: Keys::new([pmk]),
            seams: Seams::default(),
            eapol_after_join: 0,
            eapol_after_takeover: 0,
            dead: Vec::new(),
            blocks,
            undecrypted: 0,
            frames: 0,
            tape,
        }
    }

    /// The node says that a client's port has opened, or that it is gone.
    pub(super) fn port(&mut self, client: usize, open: Option<Instant>) {
        if let Some(seen) = self.people.get_mut(client) {
            seen.joined = open;
        }
    }

    /// A frame goes on the air.
    pub(super) fn see(&mut self, on_air: &OnAir<'_>) {
        let Some(&speaker) = self.speakers.get(on_air.radio.index()) else { return };
        self.frames += 1;
        let mast = self.mast_of(speaker, on_air);
        self.account(on_air, speaker, mast);
        let mut comments = Vec::new();
        if on_air.attempt > 0 {
            comments.push(format!("attempt {}", on_air.attempt + 1));
        }
        if let Ok(frame) = Frame::parse(on_air.frame) {
            self.read(on_air, speaker, &frame, &mut comments);
        }
        self.tape.frame(on_air, (mast, matches!(speaker, Speaker::Mast(_))), comments);
    }

    /// Radios that are without power from now on.
    pub(super) fn radios_gone(&mut self, masts: impl Iterator<Item = usize>) {
        self.dead.extend(masts);
    }

    /// The radio that a frame is put down to: who sent it, or who serves the client that did.
    fn mast_of(&self, speaker: Speaker, on_air: &OnAir<'_>) -> usize {
        let client = match speaker {
            Speaker::Mast(mast) => return mast,
            Speaker::Client(client) => client,
        };
        let server = self.seams.server(client).or_else(|| {
            let receiver = on_air.frame.get(4..10).and_then(MacAddr::from_slice)?;
            self.blocks.iter().position(|block| contains(block, receiver))
        });
        let alive = |mast: &usize| !self.dead.contains(mast);
        server.filter(alive).or_else(|| (0..self.masts.len()).find(alive)).unwrap_or(0)
    }

    /// Time on the air, and repetitions.
    fn account(&mut self, on_air: &OnAir<'_>, speaker: Speaker, mast: usize) {
        let at = since_start(on_air.start);
        let micros = u64::try_from(on_air.end.since(on_air.start).as_micros()).unwrap_or(u64::MAX);
        if let Some(air) = self.masts.get_mut(mast) {
            let bins = match speaker {
                _ if on_air.attempt > 0 => &mut air.retried,
                Speaker::Mast(_) => &mut air.sent,
                Speaker::Client(_) => &mut air.heard,
            };
            bins.add(at, micros);
        }
        let client = match speaker {
            Speaker::Client(client) => Some(client),
            Speaker::Mast(_) => on_air.frame.get(4..10).and_then(MacAddr::from_slice).and_then(client_of),
        };
        if on_air.attempt > 0
            && let Some(seen) = client.and_then(|client| self.people.get_mut(client))
        {
            seen.retries.add(at, 1);
        }
    }

    fn read(&mut self, on_air: &OnAir<'_>, speaker: Speaker, frame: &Frame<'_>, comments: &mut Vec<String>) {
        let again = on_air.attempt > 0;
        match frame {
            Frame::Management(body) => {
                let client = client_of(body.addr2()).or_else(|| client_of(body.addr1()));
                if let (Some(client), Some(step)) = (client, ladder::of_management(frame)) {
                    if let Some(seen) = self.people.get_mut(client) {
                        seen.ladder.step(on_air.start, step, again);
                    }
                    if step.name == "associate" {
                        self.seams.forget(client);
                    }
                }
            }
            Frame::Data(data) => {
                let from_client = matches!(speaker, Speaker::Client(_));
                let client = client_of(if from_client { data.addr2() } else { data.addr1() });
                self.data(on_air, data, (client, speaker), comments);
            }
            Frame::Control(_) | Frame::Extension(_) => {}
        }
    }

    fn data(
        &mut self,
        on_air: &OnAir<'_>,
        data: &DataFrame<'_>,
        (client, speaker): (Option<usize>, Speaker),
        comments: &mut Vec<String>,
    ) {
        let from_client = matches!(speaker, Speaker::Client(_));
        if data.is_null() {
            if from_client && on_air.attempt == 0 {
                let dozes = data.frame_control().power_management();
                comments
                    .push(if dozes { "the client is about to doze" } else { "the client is awake" }.into());
            }
            return;
        }
        let opened = if data.frame_control().protected() {
            let opened = self.open(on_air, data, (client, from_client));
            if opened.is_none() {
                self.undecrypted += 1;
                comments.push("encrypted, and no key for it is known".into());
                return;
            }
            opened
        } else {
            None
        };
        if let (Speaker::Mast(mast), Some(client)) = (speaker, client) {
            self.seams.data(on_air.start, (mast, client), data, opened.as_ref().map(|opened| opened.sealed));
        }
        let plain = match &opened {
            Some(opened) => opened.mpdu.get(opened.payload.clone()).unwrap_or_default(),
            None => data.payload(),
        };
        self.content(on_air, data, client, plain, comments);
    }

    fn open(
        &mut self,
        on_air: &OnAir<'_>,
        data: &DataFrame<'_>,
        (client, from_client): (Option<usize>, bool),
    ) -> Option<Opened> {
        let person = client.and_then(|client| scene::PEOPLE.get(client));
        let bssid = data.bssid()?;
        let owner = || match (person, from_client) {
            (Some(person), true) => format!("{} to the nodes", person.name),
            (Some(person), false) => format!("the nodes to {}", person.name),
            (None, _) => format!("the nodes to all at {bssid}"),
        };
        let station = person.map(|person| person.address);
        self.keys.open((on_air.start, on_air.frame), data, station, &owner)
    }

    fn content(
        &mut self,
        on_air: &OnAir<'_>,
        data: &DataFrame<'_>,
        client: Option<usize>,
        plain: &[u8],
        comments: &mut Vec<String>,
    ) {
        if data.qos().is_some_and(|qos| qos.amsdu()) {
            let parts = Amsdu::new(plain).flatten().filter_map(|part| describe(&Llc::parse(part.msdu)));
            comments.extend(parts);
            return;
        }
        let msdu = Llc::parse(plain);
        match (&msdu, client) {
            (Llc::Typed(EtherType::EAPOL, pdu), Some(client)) => {
                self.eapol(on_air, data, client, pdu, comments);
            }
            _ if on_air.attempt == 0 => comments.extend(describe(&msdu)),
            _ => {}
        }
    }

    fn eapol(
        &mut self,
        on_air: &OnAir<'_>,
        data: &DataFrame<'_>,
        client: usize,
        pdu: &[u8],
        comments: &mut Vec<String>,
    ) {
        let again = on_air.attempt > 0;
        if !again {
            self.keys.learn(data.addr2(), data.addr1(), pdu);
        }
        let Some(seen) = self.people.get_mut(client) else { return };
        if let Some(step) = ladder::of_eapol(pdu) {
            seen.ladder.step(on_air.start, step, again);
            comments.push(format!("handshake, {}: {}", step.name, step.text));
        }
        let late = seen.joined.is_some_and(|joined| joined < on_air.start) && !again;
        let count = if seen.taken_over { &mut self.eapol_after_takeover } else { &mut self.eapol_after_join };
        *count += u64::from(late);
        if seen.taken_over {
            seen.renewed = Some(on_air.start);
        }
    }
}

/// What a numbered MSDU is, in words.
fn describe(msdu: &Llc<'_>) -> Option<String> {
    let Llc::Typed(EtherType::IPV4, packet) = msdu else { return None };
    let (stream, number) = packet::label(packet)?;
    let known = scene::STREAMS.get(stream)?;
    Some(format!("MSDU {number} from {} to {}", end_name(known.from), end_name(known.to)))
}

/// What an end of a stream is called.
pub(super) fn end_name(end: scene::End) -> &'static str {
    match end {
        scene::End::Host => "the wired host",
        scene::End::Client(client) => scene::PEOPLE.get(client).map_or("nobody", |person| person.name),
    }
}

/// The client with this address.
pub(super) fn client_of(address: MacAddr) -> Option<usize> {
    scene::PEOPLE.iter().position(|person| person.address == address)
}

#[cfg(test)]
mod tests {
    use std::io;

    use drivers::air::{Air, RadioId};
    use drivers::propagation::{Model, Position};
    use stack::wire::{Channel, MacHeader, Rate};

    use super::*;

    const BSSID: MacAddr = MacAddr([2, 0xa1, 0, 0, 0x10, 7]);

    /// A witness, and the air's names of two radios of the node and a client.
    fn witness() -> (Witness, Vec<RadioId>) {
        let mut air = Air::new(1, Model::default());
        let channel = Channel::from_number(6).unwrap();
        let ids = (0..3).map(|_| air.add_radio(Position::default(), channel)).collect();
        let speakers = vec![Speaker::Mast(0), Speaker::Mast(1), Speaker::Client(0)];
        let pmk = Pmk::from_passphrase(scene::PASSPHRASE, b"airloom home").unwrap();
        let tape = Tape::new(Box::new(io::sink()), scene::radios()).unwrap();
        (Witness::new(Duration::from_secs(1), (speakers, Vec::new()), pmk, tape), ids)
    }

    /// Data from the node to the first client.
    fn data(bssid: MacAddr, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        MacHeader::from_ds(scene::PEOPLE[0].address, bssid, bssid).emit(&mut frame);
        frame.extend_from_slice(payload);
        frame
    }

    fn see(witness: &mut Witness, radio: RadioId, at: u64, attempt: u8, frame: &[u8]) {
        let (start, end) = (Instant::from_micros(at), Instant::from_micros(at + 100));
        let (channel, rate) = (Channel::from_number(6).unwrap(), Rate::Legacy(12));
        witness.see(&OnAir { start, end, radio, channel, rate, attempt, frame });
    }

    #[test]
    fn key_frames_count_after_the_port_is_open_and_repetitions_do_not() {
        let (mut witness, ids) = witness();
        let eapol = data(BSSID, &[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 3, 0, 0]);
        see(&mut witness, ids[0], 1000, 0, &eapol);
        witness.port(0, Some(Instant::from_micros(2000)));
        see(&mut witness, ids[0], 3000, 0, &eapol);
        see(&mut witness, ids[0], 4000, 1, &eapol);
        assert_eq!(witness.eapol_after_join, 1);
        assert_eq!((witness.people[0].retries.total(), witness.masts[0].retried.total()), (1, 100));
    }

    #[test]
    fn what_no_key_opens_is_counted() {
        let (mut witness, ids) = witness();
        let mut frame = data(BSSID, &[1, 0, 0, 0x20, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        frame[1] |= 0x40;
        see(&mut witness, ids[0], 0, 0, &frame);
        assert_eq!((witness.undecrypted, witness.keys.nonces.uses().len()), (1, 0));
    }
}
