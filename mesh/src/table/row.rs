//! Rows as bytes.
//!
//! ```text
//! key    1 owned   BSSID [6]
//!        2 claim   VLAN u16 | station [6]
//!        3 load    radio u8
//!        4 signal  client [6] | radio u8
//!        5 addresses  VLAN u16 | station [6]
//!        6 radio   radio u8
//! value  version u8 = 1 | body
//!        1 owned   title: rank (sequence u64 | generation u16 | slot u16) | owner u64 | incarnation u64 | client [6]
//!        2 to 4    the item as in an announcement: kind u8 | length u8 | body
//!        5 addresses  count u8 | IPv4 [4] ... | count u8 | IPv6 [16] ...
//!        6 radio    its name at its node, 1 to 64 bytes of UTF-8 without control characters
//! ```
//! All numbers are little-endian. Rows of another version, or of a kind that is not known, are not for this node.

use stack::wire::{MacAddr, Reader, Truncated};

use crate::announce::{Item, Items, NodeId};
use crate::claim::{Addresses, Station};
use crate::handover::Title;

/// The version of the values.
const VERSION: u8 = 1;

const OWNED: u8 = 1;
const CLAIM: u8 = 2;
const LOAD: u8 = 3;
const SIGNAL: u8 = 4;
const ADDRESSES: u8 = 5;
const RADIO: u8 = 6;
/// The longest name of a radio.
const MAX_NAME: usize = 64;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Who owns a virtual AP.
    Owned(MacAddr),
    /// Behind which node a station is.
    Claim(Station),
    /// How busy a radio of the node is.
    Load(u8),
    /// How well a radio of the node hears a client.
    Signal(MacAddr, u8),
    /// Which IP addresses a client of the node uses.
    Addresses(Station),
    /// What a radio of the node is called.
    Radio(u8),
}

/// A row: what a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A virtual AP is its own.
    Owned(MacAddr, Title),
    /// A claim, a load or a signal.
    Item(Item),
    /// What a client of the node uses.
    Addresses(Station, Addresses),
    /// What a radio of the node is called, in 64 bytes at the most.
    Radio(u8, String),
}

impl Key {
    /// The key as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Owned(bssid) => {
                out.push(OWNED);
                out.extend(bssid.octets());
            }
            Self::Claim(station) => emit_station(CLAIM, *station, &mut out),
            Self::Addresses(station) => emit_station(ADDRESSES, *station, &mut out),
            Self::Load(radio) => out.extend([LOAD, *radio]),
            Self::Radio(radio) => out.extend([RADIO, *radio]),
            Self::Signal(client, radio) => {
                out.push(SIGNAL);
                out.extend(client.octets());
                out.push(*radio);
            }
        }
        out
    }

    /// The key that these bytes are, if any.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let key = Self::parse(&mut reader).ok()??;
        reader.is_empty().then_some(key)
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        Ok(match reader.u8()? {
            OWNED => Some(Self::Owned(MacAddr(*reader.array()?))).filter(|key| !key.is_group()),
            CLAIM => Some(Self::Claim(parse_station(reader)?)),
            ADDRESSES => Some(Self::Addresses(parse_station(reader)?)),
            RADIO => Some(Self::Radio(reader.u8()?)),
            LOAD => Some(Self::Load(reader.u8()?)),
            SIGNAL => Some(Self::Signal(MacAddr(*reader.array()?), reader.u8()?)),
            _ => None,
        })
    }

    const fn is_group(&self) -> bool {
        matches!(self, Self::Owned(bssid) if bssid.is_group())
    }
}

/// It may be shown to people.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn emit_station(kind: u8, station: Station, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(station.vlan.to_le_bytes());
    out.extend(station.address.octets());
}

fn parse_station(reader: &mut Reader<'_>) -> Result<Station, Truncated> {
    Ok(Station { vlan: reader.u16_le()?, address: MacAddr(*reader.array()?) })
}

impl Row {
    /// The key of the row.
    pub const fn key(&self) -> Key {
        match self {
            Self::Owned(bssid, _) => Key::Owned(*bssid),
            Self::Item(Item::Claim(claim)) => Key::Claim(Station { vlan: claim.vlan, address: claim.client }),
            Self::Item(Item::Load(load)) => Key::Load(load.radio),
            Self::Item(Item::Signal(signal)) => Key::Signal(signal.client, signal.radio),
            Self::Addresses(station, _) => Key::Addresses(*station),
            Self::Radio(radio, _) => Key::Radio(*radio),
        }
    }

    /// The value as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        match self {
            Self::Owned(_, title) => title.emit(&mut out),
            Self::Item(item) => item.emit(&mut out),
            Self::Addresses(_, addresses) => addresses.emit(&mut out),
            Self::Radio(_, name) => out.extend(name.as_bytes()),
        }
        out
    }

    /// The row that `node` has written, if it is one, fits its key and speaks of that node.
    pub fn decode(node: NodeId, key: Key, value: &[u8]) -> Option<Self> {
        let (version, body) = value.split_first()?;
        let row = match key {
            Key::Owned(bssid) => {
                let mut reader = Reader::new(body);
                let title = Title::parse(&mut reader).ok()?.filter(|title| title.owner == node)?;
                Self::Owned(bssid, title)
            }
            Key::Claim(_) | Key::Load(_) | Key::Signal(..) => Self::Item(Items::new(body).next()?),
            Key::Addresses(station) => {
                Self::Addresses(station, Addresses::parse(&mut Reader::new(body)).ok()?)
            }
            Key::Radio(radio) => {
                let name = std::str::from_utf8(body).ok()?;
                Self::Radio(radio, Some(name).filter(|name| is_name(name))?.to_owned())
            }
        };
        let foreign = matches!(row, Self::Item(Item::Claim(claim)) if claim.node != node);
        (*version == VERSION && row.key() == key && row.encode() == value && !foreign).then_some(row)
    }
}
