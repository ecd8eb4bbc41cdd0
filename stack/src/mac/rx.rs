//! The receive pipeline of both roles: an ordered list of named steps. A step lets the frame pass or drops it for a
//! reason; what passes all of them is handed to the [`Sink`]. Frames are decrypted in place, and nothing is allocated
//! up to the hand-off.
//!
//! Which frames change a station's power state (SEC-H7): individually addressed data that was decrypted, and Null
//! frames of an associated station. Null frames are never encrypted (802.11-2020 12.2.7 protects only frames that carry
//! data), and stations announce a doze with nothing else, so their bit has to count; but only once the port is open, so
//! that nobody is put to sleep before the handshake is over, and any protected frame with a cleared bit ends the doze.
//! Plaintext data in a protected association, frames that cannot be decrypted, fragments before the last, and
//! management frames, association requests among them, change nothing.

mod kept;
mod open;

pub use kept::Kept;

use std::ops::Range;

use crate::mac::amsdu::{self, SubframeRule};
use crate::mac::defragment::Fragment;
use crate::mac::peer::{Bss, Peer, Role};
use crate::mac::{AccessCategory, DropCounts, DropReason, GroupRx, Msdu, ReplaySpace, SaId, SequenceSpace};
use crate::time::Instant;
use crate::wire::frame::{ControlFrame, DataFrame, FrameError, ManagementFrame};
use crate::wire::{EtherType, Frame, FrameControl, Llc, MacAddr, QosControl, RxInfo, SequenceControl};

/// Where 802.1X sends what is meant for the other end of a link, whatever its address.
const PAE_GROUP: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0x00, 0x00, 0x03]);

/// What the pipeline works with besides the frame.
#[derive(Debug)]
pub struct Context<'a> {
    /// When the frame was heard.
    pub now: Instant,
    /// How it was heard.
    pub info: &'a RxInfo,
    /// The BSS it is looked at for.
    pub bss: Bss,
    /// The peer whose address is address 2, if it is associated.
    pub peer: Option<&'a mut Peer>,
    /// The group keys of a station.
    pub group: Option<&'a mut GroupRx>,
    /// It took a longer way, and frames that were sent after it may have been taken before.
    pub late: bool,
    /// Where a drop is counted.
    pub drops: &'a mut DropCounts,
}

/// What comes out of the pipeline.
#[derive(Clone, Copy, Debug)]
pub enum Delivery<'a> {
    /// A management frame to us or to all. Its body has not been looked at.
    Management(ManagementFrame<'a>),
    /// EAPOL to us, from the version byte on.
    Eapol {
        /// The PDU.
        pdu: &'a [u8],
        /// It came encrypted under the pairwise key.
        protected: bool,
    },
    /// An MSDU that passed the port.
    Msdu(Msdu<'a>),
    /// The station dozes from now on.
    Doze,
    /// The station is awake: all that was kept for it may be sent, once the frame's MSDU (delivered after this) is
    /// dealt with.
    Wake,
    /// The dozing station asks for one frame; the peer has noted it and is ready to transmit.
    PsPoll,
    /// The dozing station begins a service period; the peer has noted it and is ready to transmit.
    Trigger,
    /// Somebody who is not associated sent what only an associated station may: it may be told so, at a bounded rate
    /// (SEC-M10).
    NotAssociated {
        /// Who.
        transmitter: MacAddr,
    },
    /// What the AP's data or Null frame said about the frames it keeps (station role).
    Buffered {
        /// The More Data flag.
        more_data: bool,
        /// The end of the service period.
        end_of_service_period: bool,
        /// The frame was to a group.
        group: bool,
    },
}

/// Takes what comes out of the pipeline. Closures are sinks.
pub trait Sink {
    /// One delivery; a frame makes none, one or several.
    fn deliver(&mut self, delivery: Delivery<'_>);
}

impl<F: FnMut(Delivery<'_>)> Sink for F {
    fn deliver(&mut self, delivery: Delivery<'_>) {
        self(delivery);
    }
}

/// Takes a received MPDU through all steps. A drop is counted in the context and, where there is one, at the peer; it is
/// returned for logs.
pub fn receive(mut context: Context<'_>, mpdu: &mut [u8], sink: &mut impl Sink) -> Result<(), DropReason> {
    let result = pass(&mut context, mpdu, sink);
    if let Err(reason) = result {
        context.drops.count(reason);
        if let Some(peer) = context.peer {
            peer.stats.rx_dropped += 1;
        }
    }
    result
}

fn pass(context: &mut Context<'_>, mpdu: &mut [u8], sink: &mut impl Sink) -> Result<(), DropReason> {
    match sanity(context.info, mpdu)? {
        Frame::Management(frame) => management(context, &frame, sink),
        Frame::Control(frame) => control(context, &frame, sink),
        Frame::Data(frame) => data(context, &Header::of(&frame), mpdu, sink),
        Frame::Extension(_) => Err(DropReason::UnsupportedType),
    }
}

fn sanity<'a>(info: &RxInfo, mpdu: &'a [u8]) -> Result<Frame<'a>, DropReason> {
    if info.bad_fcs {
        return Err(DropReason::BadFcs);
    }
    Frame::parse(mpdu).map_err(|error| match error {
        FrameError::Truncated(_) => DropReason::Malformed,
        FrameError::Version(_) => DropReason::UnsupportedVersion,
    })
}

/// Whether a frame of `peer` is new, though some that it sent after it were taken.
pub(crate) fn was_passed_over(peer: &Peer, mpdu: &[u8]) -> bool {
    let Ok(Frame::Data(frame)) = Frame::parse(mpdu) else { return false };
    open::was_passed_over(peer, &Header::of(&frame), mpdu)
}

/// The steps of a data frame, in their order.
fn data(
    context: &mut Context<'_>,
    header: &Header,
    mpdu: &mut [u8],
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    let Context { now, info, bss, peer, group, late, drops } = context;
    let (now, bss, late) = (*now, *bss, *late);
    direction(bss, header)?;
    addresses(bss, header)?;
    let peer = associated(bss, peer.as_deref_mut(), header, sink)?;
    duplicate(peer, header)?;
    if header.is_null {
        return null(peer, now, info, bss, header, mpdu.len(), sink);
    }
    if late {
        return overtaken(peer, bss, header, mpdu, sink);
    }
    let opened = open::open(peer, group.as_deref_mut(), now, bss, header, mpdu)?;
    believed(peer, now, info, header, mpdu.len());
    if opened.is_authentic() || !peer.config.protected {
        power_save(peer, bss, header, sink);
    }
    buffered(bss, header, sink);
    let body = mpdu.get(opened.body.clone()).ok_or(DropReason::Malformed)?;
    if header.is_fragment() {
        let complete = defragment(peer, now, header, &opened, body, drops)?;
        let Some(body) = complete else { return Ok(()) };
        let result = deliver(peer, bss, header, opened.is_authentic(), &body, sink);
        peer.fragments.reclaim(body);
        return result;
    }
    deliver(peer, bss, header, opened.is_authentic(), body, sink)
}

/// A frame that took a longer way: only what it carries is new. Where its station is and whether it dozes, later ones have
/// told.
fn overtaken(
    peer: &mut Peer,
    bss: Bss,
    header: &Header,
    mpdu: &mut [u8],
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    let opened = open::open_late(peer, header, mpdu)?;
    peer.duplicates.record_late(header.space(), header.sequence);
    let body = mpdu.get(opened.body.clone()).ok_or(DropReason::Malformed)?;
    deliver(peer, bss, header, opened.is_authentic(), body, sink)
}

/// From a station to the AP, or from the AP; nothing else is for us (SEC-D13: a station ignores group frames with
/// to-DS). Four addresses were not agreed with anybody.
const fn direction(bss: Bss, header: &Header) -> Result<(), DropReason> {
    match (header.control.to_ds(), header.control.from_ds(), bss.role) {
        (true, false, Role::AccessPoint) | (false, true, Role::Station) => Ok(()),
        (true, true, _) => Err(DropReason::FourAddress),
        _ => Err(DropReason::WrongDirection),
    }
}

/// The receiver is us, or for a station also a group; the transmitter can be one; fragments and A-MSDUs are for one
/// receiver (SEC-D6); what a station sent to its group does not come back to it.
fn addresses(bss: Bss, header: &Header) -> Result<(), DropReason> {
    let group = header.addr1.is_group();
    if header.addr2.is_group() || header.addr2 == bss.own || header.addr2.is_zero() {
        return Err(DropReason::BadTransmitter);
    }
    if header.addr1 != bss.own && !(group && bss.role == Role::Station) {
        return Err(DropReason::NotForUs);
    }
    if bss.role == Role::Station && header.addr2 != bss.bssid {
        return Err(DropReason::WrongBssid);
    }
    if group && header.is_fragment() {
        return Err(DropReason::GroupFragment);
    }
    if group && header.is_amsdu() {
        return Err(DropReason::AmsduGroup);
    }
    if group && header.addr3 == bss.own {
        return Err(DropReason::OwnEcho);
    }
    Ok(())
}

/// Data is class 3: only from an associated station (802.11-2020 11.3.3).
fn associated<'p>(
    bss: Bss,
    peer: Option<&'p mut Peer>,
    header: &Header,
    sink: &mut impl Sink,
) -> Result<&'p mut Peer, DropReason> {
    match peer {
        Some(peer) if peer.address() == header.addr2 => Ok(peer),
        _ => {
            if bss.role == Role::AccessPoint {
                sink.deliver(Delivery::NotAssociated { transmitter: header.addr2 });
            }
            Err(DropReason::UnknownStation)
        }
    }
}

/// SEC-D14. The numbers of Null frames mean nothing (802.11-2020 10.3.2.14.2), those of group frames are not retried.
fn duplicate(peer: &Peer, header: &Header) -> Result<(), DropReason> {
    let counts = !header.is_null && !header.addr1.is_group();
    if counts && peer.duplicates.is_duplicate(header.space(), header.sequence, header.control.retry()) {
        return Err(DropReason::Duplicate);
    }
    Ok(())
}

/// A Null or QoS Null frame: its header is all there is.
fn null(
    peer: &mut Peer,
    now: Instant,
    info: &RxInfo,
    bss: Bss,
    header: &Header,
    len: usize,
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    if header.control.protected() {
        return Err(DropReason::ProtectedUnexpectedly);
    }
    peer.stats.received(now, info, len);
    if peer.is_port_open() {
        power_save(peer, bss, header, sink);
    }
    buffered(bss, header, sink);
    Ok(())
}

/// The frame is new and real: only now it is remembered.
fn believed(peer: &mut Peer, now: Instant, info: &RxInfo, header: &Header, len: usize) {
    if !header.addr1.is_group() {
        peer.duplicates.record(header.space(), header.sequence);
    }
    peer.stats.received(now, info, len);
}

/// The PM bit, and what triggers a service period (802.11-2020 11.2.3.6).
fn power_save(peer: &mut Peer, bss: Bss, header: &Header, sink: &mut impl Sink) {
    if bss.role != Role::AccessPoint || header.control.more_fragments() {
        return;
    }
    let dozes = header.control.power_management();
    if peer.power.set_dozing(dozes) {
        sink.deliver(if dozes { Delivery::Doze } else { Delivery::Wake });
        return;
    }
    let Some(qos) = header.qos else { return };
    let uapsd = peer.config.uapsd;
    if dozes && uapsd.enabled(AccessCategory::of_tid(qos.tid())) {
        peer.power.triggered(uapsd);
        sink.deliver(Delivery::Trigger);
    }
}

fn buffered(bss: Bss, header: &Header, sink: &mut impl Sink) {
    if bss.role == Role::Station {
        sink.deliver(Delivery::Buffered {
            more_data: header.control.more_data(),
            end_of_service_period: header.qos.is_some_and(QosControl::eosp),
            group: header.addr1.is_group(),
        });
    }
}

fn defragment(
    peer: &mut Peer,
    now: Instant,
    header: &Header,
    opened: &Opened,
    body: &[u8],
    drops: &mut DropCounts,
) -> Result<Option<Vec<u8>>, DropReason> {
    if header.is_amsdu() {
        return Err(DropReason::AmsduFragment);
    }
    let fragment = Fragment {
        space: header.space(),
        sequence: header.sequence,
        more: header.control.more_fragments(),
        opened: opened.under,
    };
    peer.fragments.take(now, &fragment, body, |reason| drops.count(reason))
}

/// One MSDU or several, each through the port.
fn deliver(
    peer: &Peer,
    bss: Bss,
    header: &Header,
    protected: bool,
    body: &[u8],
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    if header.is_amsdu() {
        let rule = match bss.role {
            Role::AccessPoint => SubframeRule::SourceIs(header.addr2),
            Role::Station => SubframeRule::DestinationIs(bss.own),
        };
        return amsdu::split(body, rule, |msdu| port(peer, bss, protected, msdu, sink));
    }
    let (destination, source) = header.ends();
    let msdu = Msdu::from_body(destination, source, body)?;
    if header.addr1.is_group() {
        vouched_for(peer, &msdu)?;
    }
    port(peer, bss, protected, msdu, sink)
}

/// A key that every station has vouches neither for EAPOL nor for a packet to one host (SEC-D13).
fn vouched_for(peer: &Peer, msdu: &Msdu<'_>) -> Result<(), DropReason> {
    if msdu.is_eapol() {
        return Err(DropReason::EapolNotForUs);
    }
    if peer.config.protected && msdu.is_unicast_ip() {
        return Err(DropReason::UnicastInGroup);
    }
    Ok(())
}

/// The controlled port: EAPOL to us always passes and is never forwarded, everything else passes when the port is open
/// (SEC-D1, SEC-D10).
fn port(
    peer: &Peer,
    bss: Bss,
    protected: bool,
    msdu: Msdu<'_>,
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    if let Llc::Typed(EtherType::EAPOL, pdu) = msdu.payload() {
        if msdu.destination != bss.own && msdu.destination != PAE_GROUP {
            return Err(DropReason::EapolNotForUs);
        }
        sink.deliver(Delivery::Eapol { pdu, protected });
        return Ok(());
    }
    if !peer.is_port_open() {
        return Err(DropReason::PortClosed);
    }
    sink.deliver(Delivery::Msdu(msdu));
    Ok(())
}

fn management(
    context: &mut Context<'_>,
    frame: &ManagementFrame<'_>,
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    let bss = context.bss;
    let (to, from) = (frame.addr1(), frame.addr2());
    if to != bss.own && !to.is_group() {
        return Err(DropReason::NotForUs);
    }
    if from.is_group() || from == bss.own || from.is_zero() {
        return Err(DropReason::BadTransmitter);
    }
    if frame.frame_control().protected() {
        return Err(DropReason::ProtectedUnexpectedly);
    }
    if let Some(peer) = context.peer.as_deref_mut()
        && !to.is_group()
    {
        let retry = frame.frame_control().retry();
        if peer.duplicates.is_duplicate(SequenceSpace::Common, frame.sequence(), retry) {
            return Err(DropReason::Duplicate);
        }
        peer.duplicates.record(SequenceSpace::Common, frame.sequence());
        peer.stats.received(context.now, context.info, frame.header_len() + frame.body().len());
    }
    sink.deliver(Delivery::Management(*frame));
    Ok(())
}

/// Only PS-Polls to us are of interest. The rest is between radios, and letting it pass loses nothing.
fn control(
    context: &mut Context<'_>,
    frame: &ControlFrame<'_>,
    sink: &mut impl Sink,
) -> Result<(), DropReason> {
    let Some(poll) = frame.ps_poll() else { return Ok(()) };
    if context.bss.role != Role::AccessPoint || poll.bssid != context.bss.own {
        return Err(DropReason::NotForUs);
    }
    let Some(peer) = context.peer.as_deref_mut().filter(|peer| peer.address() == poll.station) else {
        sink.deliver(Delivery::NotAssociated { transmitter: poll.station });
        return Err(DropReason::UnknownStation);
    };
    if poll.aid != peer.config.association_id {
        return Err(DropReason::BadAssociationId);
    }
    if !peer.power.is_dozing() {
        return Err(DropReason::PollWhileAwake);
    }
    peer.power.polled();
    sink.deliver(Delivery::PsPoll);
    Ok(())
}

/// What the steps need of a data frame's header, without a borrow of the frame.
#[derive(Clone, Copy, Debug)]
struct Header {
    control: FrameControl,
    addr1: MacAddr,
    addr2: MacAddr,
    addr3: MacAddr,
    sequence: SequenceControl,
    qos: Option<QosControl>,
    len: usize,
    is_null: bool,
}

impl Header {
    const fn of(frame: &DataFrame<'_>) -> Self {
        Self {
            control: frame.frame_control(),
            addr1: frame.addr1(),
            addr2: frame.addr2(),
            addr3: frame.addr3(),
            sequence: frame.sequence(),
            qos: frame.qos(),
            len: frame.header_len(),
            is_null: frame.is_null(),
        }
    }

    const fn is_fragment(&self) -> bool {
        self.control.more_fragments() || self.sequence.fragment() > 0
    }

    fn is_amsdu(&self) -> bool {
        self.qos.is_some_and(QosControl::amsdu)
    }

    /// Destination and source of the MSDU; three addresses.
    const fn ends(&self) -> (MacAddr, MacAddr) {
        if self.control.to_ds() { (self.addr3, self.addr2) } else { (self.addr1, self.addr3) }
    }

    fn space(&self) -> SequenceSpace {
        self.qos.map_or(SequenceSpace::Common, |qos| SequenceSpace::Tid(qos.tid()))
    }

    fn replay_space(&self) -> ReplaySpace {
        ReplaySpace::Tid(self.qos.map_or(0, QosControl::tid))
    }
}

/// A frame body as it was sent.
#[derive(Clone, Debug)]
struct Opened {
    /// Where in the MPDU it is.
    body: Range<usize>,
    /// The pairwise key and the packet number, if it was encrypted to us alone.
    under: Option<(SaId, u64)>,
}

impl Opened {
    /// It came encrypted under the pairwise key.
    const fn is_authentic(&self) -> bool {
        self.under.is_some()
    }
}

#[cfg(test)]
mod tests;
