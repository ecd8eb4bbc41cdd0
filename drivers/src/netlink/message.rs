//! Netlink messages as bytes: requests are built, replies are walked. No socket here.

use stack::wire::Reader;

/// A netlink request: header, what its family wants (generic ones a command), attributes (native byte order, all padded to four bytes).
#[derive(Debug)]
pub(crate) struct Request(Vec<u8>);

/// Bytes of `nlmsghdr`, and of it with `genlmsghdr`.
const HEADER: usize = 16;
/// The bit that says that an attribute holds attributes.
const NESTED: u16 = 0x8000;

impl Request {
    /// A request to a family; `flags` beside `NLM_F_REQUEST`.
    pub(crate) fn new(family: u16, flags: u16, command: u8) -> Self {
        Self::of_kind(family, flags, &[command, 1, 0, 0])
    }

    /// A request of another than a generic family, which has a header of its own.
    pub(crate) fn of_kind(kind: u16, flags: u16, header: &[u8]) -> Self {
        let flags = flags | linux_raw_sys::netlink::NLM_F_REQUEST as u16;
        let mut bytes = Vec::with_capacity(64);
        bytes.extend([0; 4]);
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend_from_slice(header);
        Self(bytes)
    }

    /// Appends an attribute.
    pub(crate) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        append(&mut self.0, kind, value);
        self
    }

    /// Appends a 32-bit attribute.
    pub(crate) fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Appends a text with its closing zero.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// Appends an attribute that holds flags.
    pub(crate) fn flags(self, kind: u16, flags: &[u16]) -> Self {
        let mut inner = Vec::new();
        for flag in flags {
            append(&mut inner, *flag, &[]);
        }
        self.attribute(kind | NESTED, &inner)
    }

    /// The bytes to send.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.0.first_chunk_mut::<4>() {
            *place = length.to_ne_bytes();
        }
        if let Some(place) = self.0.get_mut(8..12) {
            place.copy_from_slice(&sequence.to_ne_bytes());
        }
        self.0
    }
}

fn append(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// What the kernel said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// A piece of the answer, or something that nobody asked for: its command and its attributes.
    Data(u8, Attributes<'a>),
    /// The answer is complete.
    Done,
    /// It refused: the error number and what the driver says about it.
    Refused { errno: i32, why: Option<String> },
}

/// The messages in one datagram, each with its sequence number. Ends where they no longer make sense.
#[derive(Debug)]
pub(crate) struct Messages<'a>(Reader<'a>);

impl<'a> Messages<'a> {
    /// Those in a datagram.
    pub(crate) const fn new(datagram: &'a [u8]) -> Self {
        Self(Reader::new(datagram))
    }

    /// The replies to request `sequence` among them.
    pub(crate) fn replies_to(self, sequence: u32) -> impl Iterator<Item = Reply<'a>> {
        self.filter_map(move |(of, reply)| (of == sequence).then_some(reply))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = (u32, Reply<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let length = u32::from_ne_bytes(*self.0.array().ok()?) as usize;
        let kind = u16::from_ne_bytes(*self.0.array().ok()?);
        let flags = u16::from_ne_bytes(*self.0.array().ok()?);
        let sequence = u32::from_ne_bytes(*self.0.array().ok()?);
        let _port = self.0.take(4).ok()?;
        let body = self.0.take(length.checked_sub(HEADER)?).ok()?;
        let padding = length.next_multiple_of(4) - length;
        let _ = self.0.take(padding.min(self.0.remaining()));
        Some((sequence, reply(kind, flags, body)?))
    }
}

fn reply(kind: u16, flags: u16, body: &[u8]) -> Option<Reply<'_>> {
    match u32::from(kind) {
        linux_raw_sys::netlink::NLMSG_DONE => Some(Reply::Done),
        linux_raw_sys::netlink::NLMSG_ERROR => refusal(flags, body),
        _ => {
            let (header, attributes) = body.split_first_chunk::<4>()?;
            let [command, ..] = *header;
            Some(Reply::Data(command, Attributes::new(attributes)))
        }
    }
}

/// An error of 0 is the acknowledgement. The text of the refusal stands behind the header of the request (the option
/// `NETLINK_CAP_ACK` keeps the rest of the request out).
fn refusal(flags: u16, body: &[u8]) -> Option<Reply<'_>> {
    let mut reader = Reader::new(body);
    let errno = i32::from_ne_bytes(*reader.array().ok()?);
    if errno == 0 {
        return Some(Reply::Done);
    }
    let texts = u32::from(flags) & linux_raw_sys::netlink::NLM_F_ACK_TLVS != 0;
    let why = if texts && reader.take(HEADER).is_ok() {
        Attributes::new(reader.rest()).find(1).map(text_of)
    } else {
        None
    };
    Some(Reply::Refused { errno: -errno, why })
}

/// Attributes, one behind the other. Ends where they no longer make sense.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a>(Reader<'a>);

impl PartialEq for Attributes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.clone().eq(other.clone())
    }
}

impl Eq for Attributes<'_> {}

impl<'a> Attributes<'a> {
    /// Those in `bytes`.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }

    /// The value of the first attribute of a kind.
    pub(crate) fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.clone().find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// The same, as a 32-bit number.
    pub(crate) fn number(&self, kind: u16) -> Option<u32> {
        self.find(kind).and_then(number_of)
    }

    /// The same, as attributes.
    pub(crate) fn nested(&self, kind: u16) -> Self {
        Self::new(self.find(kind).unwrap_or_default())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16::from_ne_bytes(*self.0.array().ok()?));
        let kind = u16::from_ne_bytes(*self.0.array().ok()?) & !NESTED;
        let value = self.0.take(length.checked_sub(4)?).ok()?;
        let padding = length.next_multiple_of(4) - length;
        let _ = self.0.take(padding.min(self.0.remaining()));
        Some((kind, value))
    }
}

/// A 32-bit value.
pub(crate) fn number_of(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

/// A text up to its closing zero.
pub(crate) fn text_of(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_request_is_laid_out_as_netlink_wants_it() {
        // What `iw phy phy0 interface add mon0 type monitor flags active` asks for, family 0x1c, with the ACK flag.
        let bytes =
            Request::new(0x1c, 4, 7).number(1, 0).text(4, "mon0").number(5, 6).flags(23, &[6]).finish(9);
        let expected = [
            56, 0, 0, 0, 0x1c, 0, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0, // length, family, flags, sequence, port
            7, 1, 0, 0, // NL80211_CMD_NEW_INTERFACE
            8, 0, 1, 0, 0, 0, 0, 0, // wiphy 0
            9, 0, 4, 0, b'm', b'o', b'n', b'0', 0, 0, 0, 0, // name
            8, 0, 5, 0, 6, 0, 0, 0, // monitor
            8, 0, 23, 0x80, 4, 0, 6, 0, // flags: active
        ];
        assert_eq!(bytes, expected);
    }

    fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((16 + body.len() as u32).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_refusal_says_what_the_driver_said() {
        let mut body = (-16i32).to_ne_bytes().to_vec();
        body.extend([0; 16]);
        append(&mut body, 1, b"channel is busy\0");
        let datagram = message(2, 0x300, 5, &body);
        let why = Some("channel is busy".to_owned());
        assert_eq!(Messages::new(&datagram).replies_to(5).next(), Some(Reply::Refused { errno: 16, why }));
        assert_eq!(
            Messages::new(&datagram).replies_to(6).next(),
            None,
            "the reply to another request is passed over"
        );
    }

    #[test]
    fn an_acknowledgement_is_an_error_of_zero() {
        let datagram = message(2, 0x100, 5, &[0; 20]);
        assert_eq!(Messages::new(&datagram).replies_to(5).next(), Some(Reply::Done));
    }

    #[test]
    fn several_replies_in_a_datagram_come_in_order() {
        let mut body = vec![3, 1, 0, 0];
        append(&mut body, 4, b"mon0\0");
        let mut datagram = message(0x1c, 2, 5, &body);
        datagram.extend(message(3, 2, 5, &[0; 4]));
        let mut replies = Messages::new(&datagram).replies_to(5);
        let Some(Reply::Data(3, attributes)) = replies.next() else { panic!("no data") };
        assert_eq!(attributes.find(4).map(text_of).as_deref(), Some("mon0"));
        assert_eq!(replies.next(), Some(Reply::Done));
        assert_eq!(replies.next(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut work = 0;
            for (_, reply) in Messages::new(&bytes) {
                work += 1;
                if let Reply::Data(_, attributes) = reply {
                    work += attributes.count();
                }
            }
            prop_assert!(work <= bytes.len());
        }
    }
}
