//! What hwsim and its medium tell each other: the family `MAC80211_HWSIM`.

use stack::wire::{AckChange, Channel, MacAddr};

use super::series::{Series, shown};
use crate::netlink::{Attributes, Request};
use crate::propagation::mpdu;

/// The name of the family.
pub(super) const FAMILY: &str = "MAC80211_HWSIM";
/// The shortest frame that hwsim takes back.
pub(super) const SHORTEST: usize = 24;

/// `HWSIM_CMD_*`
pub(super) mod command {
    pub(in super::super) const REGISTER: u8 = 1;
    pub(super) const FRAME: u8 = 2;
    pub(super) const TX_INFO_FRAME: u8 = 3;
    pub(super) const ADD_MAC_ADDR: u8 = 7;
    pub(super) const DEL_MAC_ADDR: u8 = 8;
}

/// `HWSIM_ATTR_*`
mod attr {
    pub(super) const ADDR_RECEIVER: u16 = 1;
    pub(super) const ADDR_TRANSMITTER: u16 = 2;
    pub(super) const FRAME: u16 = 3;
    pub(super) const FLAGS: u16 = 4;
    pub(super) const RX_RATE: u16 = 5;
    pub(super) const SIGNAL: u16 = 6;
    pub(super) const TX_INFO: u16 = 7;
    pub(super) const COOKIE: u16 = 8;
    pub(super) const FREQ: u16 = 19;
    pub(super) const TX_INFO_FLAGS: u16 = 21;
}

/// `HWSIM_TX_CTL_NO_ACK`, and `HWSIM_TX_STAT_ACK`.
const NO_ACK: u32 = 1 << 1;
const ACKED: u32 = 1 << 2;

/// What the kernel tells its medium.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// A radio sends a frame.
    Frame(Sent<'a>),
    /// A radio acknowledges an address from now on, or no longer. Not told of monitors.
    Address { radio: MacAddr, change: AckChange },
    /// Nothing that concerns the medium.
    Other,
}

/// A frame that a radio sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent<'a> {
    pub(super) radio: MacAddr,
    pub(super) frame: &'a [u8],
    pub(super) channel: Channel,
    pub(super) series: Series,
    flags: u32,
    /// The kernel's name for it.
    cookie: [u8; 8],
}

/// A radio hears a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hearer {
    pub(super) radio: MacAddr,
    /// In dBm.
    pub(super) signal: i8,
    /// It is to acknowledge the frame.
    pub(super) addressed: bool,
}

/// One time that a frame is on the air, and who understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) retry: bool,
    pub(super) rate: stack::wire::Rate,
    pub(super) hearers: Vec<Hearer>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) attempts: u32,
    /// Signal of the ACK at the sender, in dBm; `None` if none came.
    pub(super) ack: Option<i8>,
}

/// What a message of the kernel says; `None` if it makes no sense.
pub(super) fn parse<'a>(of: u8, attributes: &Attributes<'a>) -> Option<Told<'a>> {
    let change = match of {
        command::FRAME => return Sent::parse(attributes).map(Told::Frame),
        command::ADD_MAC_ADDR => AckChange::Add,
        command::DEL_MAC_ADDR => AckChange::Remove,
        _ => return Some(Told::Other),
    };
    let address = |kind| attributes.find(kind).and_then(MacAddr::from_slice);
    Some(Told::Address {
        radio: address(attr::ADDR_TRANSMITTER)?,
        change: change(address(attr::ADDR_RECEIVER)?),
    })
}

impl<'a> Sent<'a> {
    fn parse(attributes: &Attributes<'a>) -> Option<Self> {
        let frequency = attributes.number(attr::FREQ)?;
        Some(Self {
            radio: MacAddr::from_slice(attributes.find(attr::ADDR_TRANSMITTER)?)?,
            frame: attributes.find(attr::FRAME)?,
            channel: Channel::from_frequency(u16::try_from(frequency).ok()?)?,
            series: Series::parse(
                attributes.find(attr::TX_INFO)?,
                attributes.find(attr::TX_INFO_FLAGS).unwrap_or_default(),
            ),
            flags: attributes.number(attr::FLAGS)?,
            cookie: attributes.find(attr::COOKIE)?.try_into().ok()?,
        })
    }

    /// Whom the ACK to it is for, if it waits for one.
    pub(super) fn wants_ack(&self) -> Option<MacAddr> {
        mpdu::wants_ack(self.frame).filter(|_| self.flags & NO_ACK == 0)
    }

    /// The frame as a radio hears it.
    pub(super) fn heard(&self, family: u16, flags: u16, attempt: &Attempt, hearer: Hearer) -> Request {
        let mut frame = self.frame.to_vec();
        if attempt.retry {
            mpdu::set_retry(&mut frame);
        }
        Request::new(family, flags, command::FRAME)
            .attribute(attr::ADDR_RECEIVER, &hearer.radio.octets())
            .attribute(attr::FRAME, &frame)
            .number(attr::RX_RATE, shown(attempt.rate, self.channel.band()))
            .number(attr::SIGNAL, i32::from(hearer.signal).cast_unsigned())
            .number(attr::FREQ, u32::from(self.channel.frequency()))
    }

    /// What became of it.
    pub(super) fn report(&self, family: u16, fate: Fate) -> Request {
        let flags = self.flags | if fate.ack.is_some() { ACKED } else { 0 };
        Request::new(family, 0, command::TX_INFO_FRAME)
            .attribute(attr::ADDR_TRANSMITTER, &self.radio.octets())
            .number(attr::FLAGS, flags)
            .number(attr::SIGNAL, i32::from(fate.ack.unwrap_or(0)).cast_unsigned())
            .attribute(attr::TX_INFO, &self.series.report(fate.attempts))
            .attribute(attr::COOKIE, &self.cookie)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::netlink::{Messages, Reply};

    const FAMILY: u16 = 0x1d;
    pub(in super::super) const A: MacAddr = MacAddr([0x42, 0, 0, 0, 0, 0]);

    /// What the kernel tells of a frame that a radio sends on channel 6, twice at 54 Mb/s at the most.
    pub(in super::super) fn kernel_sends(radio: MacAddr, frame: &[u8], flags: u32) -> Vec<u8> {
        Request::new(FAMILY, 0, command::FRAME)
            .attribute(attr::ADDR_TRANSMITTER, &radio.octets())
            .attribute(attr::FRAME, frame)
            .number(attr::FLAGS, flags)
            .number(attr::FREQ, 2437)
            .attribute(attr::TX_INFO, &[11, 2, 0xff, 0, 0xff, 0, 0xff, 0])
            .attribute(attr::TX_INFO_FLAGS, &[0; 12])
            .attribute(attr::COOKIE, &7u64.to_ne_bytes())
            .finish(0)
    }

    pub(in super::super) fn told(datagram: &[u8]) -> Option<Told<'_>> {
        match Messages::new(datagram).next() {
            Some((_, Reply::Data(command, attributes))) => parse(command, &attributes),
            _ => None,
        }
    }

    /// The frame in such a message.
    pub(in super::super) fn sent(datagram: &[u8]) -> Sent<'_> {
        match told(datagram) {
            Some(Told::Frame(sent)) => sent,
            other => panic!("{other:?}"),
        }
    }

    fn attributes(datagram: &[u8]) -> Attributes<'_> {
        match Messages::new(datagram).next() {
            Some((_, Reply::Data(_, attributes))) => attributes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_frame_comes_back_as_it_was_with_who_hears_it_and_how() {
        let frame: Vec<u8> = (8..60).collect();
        let datagram = kernel_sends(A, &frame, 1);
        let sent = sent(&datagram);
        let hearer = Hearer { radio: MacAddr([0x42, 0, 0, 0, 1, 0]), signal: -71, addressed: true };
        let mut attempt =
            Attempt { retry: false, rate: stack::wire::Rate::Legacy(108), hearers: vec![hearer] };
        let heard = sent.heard(FAMILY, 4, &attempt, hearer).finish(9);
        let heard = attributes(&heard);
        assert_eq!(heard.find(attr::FRAME), Some(&frame[..]));
        assert_eq!(heard.find(attr::ADDR_RECEIVER), Some(&hearer.radio.octets()[..]));
        assert_eq!(heard.number(attr::SIGNAL), Some((-71i32).cast_unsigned()));
        assert_eq!((heard.number(attr::RX_RATE), heard.number(attr::FREQ)), (Some(11), Some(2437)));
        attempt.retry = true;
        let again = sent.heard(FAMILY, 4, &attempt, hearer).finish(10);
        assert_eq!(attributes(&again).find(attr::FRAME).map(|frame| frame[1]), Some(frame[1] | 0x08));
    }

    #[test]
    fn a_report_names_the_frame_its_attempts_and_its_ack() {
        let datagram = kernel_sends(A, &[0; 30], 1);
        let sent = sent(&datagram);
        for (ack, flags) in [(Some(-60), 1 | ACKED), (None, 1)] {
            let report = sent.report(FAMILY, Fate { attempts: 2, ack }).finish(9);
            let report = attributes(&report);
            assert_eq!(report.find(attr::COOKIE), Some(&7u64.to_ne_bytes()[..]));
            assert_eq!(report.find(attr::ADDR_TRANSMITTER), Some(&A.octets()[..]));
            assert_eq!(report.number(attr::FLAGS), Some(flags));
            assert_eq!(report.find(attr::TX_INFO), Some(&[11, 2, 0xff, 0, 0xff, 0, 0xff, 0][..]));
        }
    }

    #[test]
    fn addresses_come_and_go_by_their_own_messages() {
        let address = MacAddr([2, 0xa1, 0, 0, 0, 1]);
        for (command, change) in [(7, AckChange::Add(address)), (8, AckChange::Remove(address))] {
            let datagram = Request::new(FAMILY, 0, command)
                .attribute(attr::ADDR_TRANSMITTER, &A.octets())
                .attribute(attr::ADDR_RECEIVER, &address.octets())
                .finish(0);
            assert_eq!(told(&datagram), Some(Told::Address { radio: A, change }));
        }
        assert_eq!(told(&Request::new(FAMILY, 0, 7).finish(0)), None);
        assert_eq!(told(&Request::new(FAMILY, 0, 200).finish(0)), Some(Told::Other));
    }

    proptest! {
        /// A message that was cut anywhere, or with any byte changed, is read or refused.
        #[test]
        fn a_damaged_message_does_no_harm(cut in 0usize..200, at in 16usize..160, byte: u8) {
            let mut datagram = kernel_sends(A, &[8; 64], 1);
            if let Some(place) = datagram.get_mut(at) {
                *place = byte;
            }
            datagram.truncate(datagram.len().saturating_sub(cut));
            let _ = told(&datagram);
        }
    }
}
