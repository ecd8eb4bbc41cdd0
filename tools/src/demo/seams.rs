//! Where one radio stopped to send to a client and another went on, as seen from the air: what the numbers in the frames
//! say of what moved.

use std::collections::BTreeMap;

use stack::time::Instant;
use stack::wire::MacAddr;
use stack::wire::frame::DataFrame;

/// A number before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair<T> {
    /// `None` if there was none yet.
    pub(super) before: Option<T>,
    pub(super) after: T,
}

/// How a frame was encrypted: its packet number, and a digest of the key.
pub(super) type Sealed = (u64, [u8; 32]);

/// A client's virtual AP went on from another radio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seam {
    /// When the new radio first sent data.
    pub(super) at: Instant,
    pub(super) client: usize,
    /// The radio that sent them.
    pub(super) to: usize,
    /// Traffic identifier of that frame; 16 for one without QoS.
    pub(super) tid: u8,
    /// Sequence numbers of that traffic (802.11-2020 10.3.2.14).
    pub(super) sequence: Pair<u16>,
    /// Packet numbers, if it was encrypted.
    pub(super) packet: Option<Pair<u64>>,
    /// It was encrypted under the same key; `None` if there was no encrypted one before.
    pub(super) same_key: Option<bool>,
}

/// Who sends to a client, and which numbers were last.
#[derive(Clone, Debug)]
struct Server {
    mast: usize,
    bssid: MacAddr,
    sequence: BTreeMap<u8, u16>,
    sealed: Option<Sealed>,
}

/// All clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Seams {
    servers: BTreeMap<usize, Server>,
    seams: Vec<Seam>,
}

impl Seams {
    /// A client associates: what comes after this goes on from nothing.
    pub(super) fn forget(&mut self, client: usize) {
        self.servers.remove(&client);
    }

    /// Which radio last sent data to a client.
    pub(super) fn server(&self, client: usize) -> Option<usize> {
        self.servers.get(&client).map(|server| server.mast)
    }

    /// The seams so far, in the order of time.
    pub(super) fn all(&self) -> &[Seam] {
        &self.seams
    }

    /// A radio sends data to a client.
    pub(super) fn data(
        &mut self,
        at: Instant,
        (mast, client): (usize, usize),
        frame: &DataFrame<'_>,
        sealed: Option<Sealed>,
    ) {
        let tid = frame.qos().map_or(16, |qos| qos.tid());
        let (bssid, sequence) = (frame.addr2(), frame.sequence().number());
        let fresh = || Server { mast, bssid, sequence: BTreeMap::new(), sealed: None };
        let server = self.servers.entry(client).or_insert_with(fresh);
        if server.bssid != bssid {
            *server = fresh();
        }
        if server.mast != mast {
            server.mast = mast;
            let packet = sealed.map(|(after, _)| Pair { before: server.sealed.map(|(pn, _)| pn), after });
            let sequence = Pair { before: server.sequence.get(&tid).copied(), after: sequence };
            let same_key = sealed.zip(server.sealed).map(|((_, one), (_, other))| one == other);
            self.seams.push(Seam { at, client, to: mast, tid, sequence, packet, same_key });
        }
        server.sequence.insert(tid, sequence);
        server.sealed = sealed.or(server.sealed);
    }
}

#[cfg(test)]
mod tests {
    use stack::wire::{Frame, MacHeader};

    use super::*;

    fn send(seams: &mut Seams, mast: usize, bssid: u8, sequence: u16, pn: u64) {
        let to = MacAddr([2, 0, 0, 0, 0, 9]);
        let bssid = MacAddr([2, 0, 0, 0, 1, bssid]);
        let mut frame = Vec::new();
        MacHeader::from_ds(to, bssid, bssid).emit(&mut frame);
        frame[22..24].copy_from_slice(&(sequence << 4).to_le_bytes());
        frame.extend_from_slice(b"whatever it is");
        let Ok(Frame::Data(data)) = Frame::parse(&frame) else { panic!("no data") };
        seams.data(Instant::ZERO, (mast, 0), &data, Some((pn, [7; 32])));
    }

    #[test]
    fn a_virtual_ap_that_goes_on_from_another_radio_is_a_seam_and_another_bss_is_none() {
        let mut seams = Seams::default();
        send(&mut seams, 0, 1, 100, 5);
        send(&mut seams, 0, 1, 101, 6);
        send(&mut seams, 1, 1, 102, 1 << 34);
        send(&mut seams, 0, 2, 0, 1);
        seams.forget(0);
        send(&mut seams, 1, 2, 0, 1);
        let [seam] = seams.all() else { panic!("{:?}", seams.all()) };
        assert_eq!((seam.to, seam.sequence), (1, Pair { before: Some(101), after: 102 }));
        assert_eq!(seam.packet, Some(Pair { before: Some(6), after: 1 << 34 }));
        assert_eq!(seam.same_key, Some(true));
        assert_eq!(seams.server(0), Some(1));
    }
}
