//! The Key Data field: elements and KDEs (802.11-2020 12.7.2, Table 12-9).

use crate::wire::MacAddr;

/// Element ID of vendor specific elements, in whose form KDEs come, and first byte of the padding.
const VENDOR: u8 = 0xdd;

/// Something in a Key Data field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDataItem<'a> {
    /// An element such as RSNE or RSNXE.
    Element {
        /// Element ID.
        id: u8,
        /// The whole element, with its ID and length.
        bytes: &'a [u8],
    },
    /// A key data encapsulation.
    Kde(Kde<'a>),
}

/// A key data encapsulation of the standard, or one that is kept as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kde<'a> {
    /// A group key, data type 1.
    Gtk {
        /// Key ID, 0 to 3.
        key_id: u8,
        /// The Tx bit: the receiver uses this key for transmission too.
        tx: bool,
        /// The key.
        key: &'a [u8],
    },
    /// A MAC address, data type 3.
    Mac(MacAddr),
    /// A PMKID, data type 4.
    Pmkid(&'a [u8; 16]),
    /// A key for group-addressed management frames, data type 9.
    Igtk {
        /// Key ID, 4 or 5.
        key_id: u16,
        /// Packet number of the key, 48 bit.
        ipn: u64,
        /// The key.
        key: &'a [u8],
    },
    /// The Key ID of the pairwise key, data type 10 (Extended Key ID).
    KeyId(u8),
    /// Operating channel information, data type 13.
    Oci(&'a [u8; 3]),
    /// A key for beacons, data type 14.
    Bigtk {
        /// Key ID, 6 or 7.
        key_id: u16,
        /// Packet number of the key, 48 bit.
        ipn: u64,
        /// The key.
        key: &'a [u8],
    },
    /// Another one, or one of the above in a form that it cannot have.
    Other {
        /// OUI.
        oui: [u8; 3],
        /// Data type.
        kind: u8,
        /// What follows the data type.
        data: &'a [u8],
    },
}

impl<'a> Kde<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let (&[a, b, c, kind], data) = body.split_first_chunk::<4>()?;
        let oui = [a, b, c];
        let known = if oui == [0x00, 0x0f, 0xac] { Self::parse_known(kind, data) } else { None };
        Some(known.unwrap_or(Self::Other { oui, kind, data }))
    }

    fn parse_known(kind: u8, data: &'a [u8]) -> Option<Self> {
        Some(match kind {
            1 => {
                let (&[flags, _], key) = data.split_first_chunk::<2>()?;
                Self::Gtk { key_id: flags & 0x03, tx: flags & 0x04 != 0, key }
            }
            3 => Self::Mac(MacAddr::from_slice(data)?),
            4 => Self::Pmkid(data.try_into().ok()?),
            9 => {
                let (key_id, ipn, key) = integrity_key(data)?;
                Self::Igtk { key_id, ipn, key }
            }
            10 => Self::KeyId(data.first_chunk::<2>()?.first()? & 0x03),
            13 => Self::Oci(data.try_into().ok()?),
            14 => {
                let (key_id, ipn, key) = integrity_key(data)?;
                Self::Bigtk { key_id, ipn, key }
            }
            _ => return None,
        })
    }
}

/// KDEs carry keys: only their names are printed.
impl std::fmt::Debug for Kde<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gtk { key_id, tx, .. } => write!(f, "Gtk {{ key_id: {key_id}, tx: {tx}, .. }}"),
            Self::Mac(addr) => write!(f, "Mac({addr})"),
            Self::Pmkid(_) => f.write_str("Pmkid(..)"),
            Self::Igtk { key_id, ipn, .. } => write!(f, "Igtk {{ key_id: {key_id}, ipn: {ipn}, .. }}"),
            Self::KeyId(id) => write!(f, "KeyId({id})"),
            Self::Oci(oci) => write!(f, "Oci({oci:02x?})"),
            Self::Bigtk { key_id, ipn, .. } => write!(f, "Bigtk {{ key_id: {key_id}, ipn: {ipn}, .. }}"),
            Self::Other { oui, kind, .. } => write!(f, "Other {{ oui: {oui:02x?}, kind: {kind}, .. }}"),
        }
    }
}

fn integrity_key(data: &[u8]) -> Option<(u16, u64, &[u8])> {
    let (&[k0, k1, a, b, c, d, e, g], key) = data.split_first_chunk::<8>()?;
    Some((u16::from_le_bytes([k0, k1]), u64::from_le_bytes([a, b, c, d, e, g, 0, 0]), key))
}

/// The items of a decrypted (or never encrypted) Key Data field, front to back. The padding that key wrap needs ends
/// it; an item that does not fit comes as `Err` with the bytes from there on, and ends it too.
#[derive(Clone, Debug)]
pub struct KeyData<'a> {
    rest: &'a [u8],
}

impl<'a> KeyData<'a> {
    /// The items in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for KeyData<'a> {
    type Item = Result<KeyDataItem<'a>, &'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        match bytes {
            [] | [VENDOR] | [VENDOR, 0, ..] => return None,
            _ => {}
        }
        let Some((item, rest)) = split_item(bytes) else { return Some(Err(bytes)) };
        self.rest = rest;
        Some(Ok(item))
    }
}

fn split_item(bytes: &[u8]) -> Option<(KeyDataItem<'_>, &[u8])> {
    let (&[id, len], body) = bytes.split_first_chunk::<2>()?;
    let (item, rest) = bytes.split_at_checked(2 + usize::from(len))?;
    let body = body.get(..usize::from(len))?;
    match Kde::parse(body) {
        Some(kde) if id == VENDOR => Some((KeyDataItem::Kde(kde), rest)),
        _ => Some((KeyDataItem::Element { id, bytes: item }, rest)),
    }
}

/// Builds a Key Data field. Wiped when dropped, for it carries keys.
#[derive(Clone, Default)]
pub struct KeyDataWriter {
    bytes: zeroize::Zeroizing<Vec<u8>>,
}

impl KeyDataWriter {
    /// An empty one.
    pub fn new() -> Self {
        // Room enough that growing does not leave copies of keys behind.
        Self { bytes: zeroize::Zeroizing::new(Vec::with_capacity(512)) }
    }

    /// Appends whole elements, with their IDs and lengths.
    pub fn elements(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends a KDE. One that is too long for its length byte is left out.
    pub fn kde(&mut self, kde: &Kde<'_>) -> &mut Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[VENDOR, 0, 0x00, 0x0f, 0xac]);
        match *kde {
            Kde::Gtk { key_id, tx, key } => {
                self.bytes.extend_from_slice(&[1, key_id & 0x03 | u8::from(tx) << 2, 0]);
                self.bytes.extend_from_slice(key);
            }
            Kde::Mac(addr) => self.typed(3, &addr.octets()),
            Kde::Pmkid(pmkid) => self.typed(4, pmkid),
            Kde::Igtk { key_id, ipn, key } => self.integrity_key(9, key_id, ipn, key),
            Kde::KeyId(id) => self.typed(10, &[id & 0x03, 0]),
            Kde::Oci(oci) => self.typed(13, oci),
            Kde::Bigtk { key_id, ipn, key } => self.integrity_key(14, key_id, ipn, key),
            Kde::Other { oui, kind, data } => {
                self.bytes.truncate(start + 2);
                self.bytes.extend_from_slice(&oui);
                self.typed(kind, data);
            }
        }
        match u8::try_from(self.bytes.len() - start - 2) {
            Ok(len) => {
                if let Some(slot) = self.bytes.get_mut(start + 1) {
                    *slot = len;
                }
            }
            Err(_) => self.bytes.truncate(start),
        }
        self
    }

    /// Pads to what AES key wrap takes: 0xdd, then zeroes, to a multiple of 8 and at least 16 bytes
    /// (802.11-2020 12.7.2).
    pub fn pad(&mut self) -> &mut Self {
        let len = self.bytes.len();
        let padded = len.next_multiple_of(8).max(16);
        if padded > len {
            self.bytes.push(VENDOR);
            self.bytes.resize(padded, 0);
        }
        self
    }

    /// The field so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn typed(&mut self, kind: u8, data: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(data);
    }

    fn integrity_key(&mut self, kind: u8, key_id: u16, ipn: u64, key: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&key_id.to_le_bytes());
        let ipn = ipn.to_le_bytes();
        self.bytes.extend_from_slice(ipn.first_chunk::<6>().unwrap_or(&[0; 6]));
        self.bytes.extend_from_slice(key);
    }
}

impl std::fmt::Debug for KeyDataWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyDataWriter({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_what_is_read_up_to_the_padding() {
        let rsne = [48, 4, 1, 0, 9, 9];
        let kdes = [
            Kde::Gtk { key_id: 2, tx: true, key: &[7; 16] },
            Kde::Mac(MacAddr([1, 2, 3, 4, 5, 6])),
            Kde::Pmkid(&[8; 16]),
            Kde::Igtk { key_id: 4, ipn: 0x0102_0304_0506, key: &[9; 16] },
            Kde::KeyId(1),
            Kde::Oci(&[1, 2, 3]),
            Kde::Bigtk { key_id: 6, ipn: 1, key: &[3; 16] },
            Kde::Other { oui: [0x50, 0x6f, 0x9a], kind: 0x20, data: &[1] },
        ];
        let mut writer = KeyDataWriter::new();
        writer.elements(&rsne);
        for kde in &kdes {
            writer.kde(kde);
        }
        writer.pad();
        assert_eq!(writer.bytes().len() % 8, 0);
        let items: Vec<_> = KeyData::new(writer.bytes()).map(Result::unwrap).collect();
        assert_eq!(items[0], KeyDataItem::Element { id: 48, bytes: &rsne });
        let read = items[1..].iter().map(|item| match item {
            KeyDataItem::Kde(kde) => *kde,
            KeyDataItem::Element { .. } => panic!("{item:?}"),
        });
        assert_eq!(read.collect::<Vec<_>>(), kdes);
    }

    #[test]
    fn an_item_that_does_not_fit_is_an_error_and_the_last() {
        let mut items = KeyData::new(&[48, 2, 1, 0, 0xdd, 22, 0, 0x0f]);
        assert!(items.next().unwrap().is_ok());
        assert_eq!(items.next(), Some(Err(&[0xdd, 22, 0, 0x0f][..])));
        assert_eq!(items.next(), None);
    }

    #[test]
    fn a_known_kde_of_a_wrong_length_is_kept_as_it_is() {
        let kde = KeyData::new(&[0xdd, 6, 0, 0x0f, 0xac, 4, 1, 2]).next().unwrap().unwrap();
        let expected = Kde::Other { oui: [0, 0x0f, 0xac], kind: 4, data: &[1, 2] };
        assert_eq!(kde, KeyDataItem::Kde(expected));
    }

    #[test]
    fn keys_are_not_printed() {
        let text = format!("{:?}", Kde::Gtk { key_id: 1, tx: false, key: &[0xab; 16] });
        assert!(!text.contains("171") && !text.contains("ab,"), "{text}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_linger(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(KeyData::new(&bytes).count() <= bytes.len() / 2 + 1);
        }
    }
}
