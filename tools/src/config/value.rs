//! Single values and their rules, the same for files and options.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use drivers::interface;
use mesh::placement::{Pinned, Policy, Signal, SignalAndLoad};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use stack::ap::VirtualApKind;
use stack::wire::{Channel, MacAddr};

const DAY: Duration = Duration::from_secs(86_400);

/// How clients get their AP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum VirtualAp {
    /// A virtual AP for each client, with a BSSID of its own
    #[default]
    PerClient,
    /// One virtual AP for all clients of a radio
    Shared,
}

impl From<VirtualAp> for VirtualApKind {
    fn from(virtual_ap: VirtualAp) -> Self {
        match virtual_ap {
            VirtualAp::PerClient => Self::PerClient,
            VirtualAp::Shared => Self::Shared,
        }
    }
}

/// Who decides which radio serves a client, where several are on its channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementPolicy {
    /// The radio that hears it clearly better
    #[default]
    Signal,
    /// The same, and how many clients the radios have
    Load,
    /// `airloom move` alone
    ByHand,
}

impl PlacementPolicy {
    /// As the placement wants it. A radio does not hear how a client on another channel would be served, so clients stay on
    /// theirs.
    pub fn to_mesh(self) -> Box<dyn Policy + Send> {
        let signal = Signal { channel_change: f32::INFINITY, ..Signal::default() };
        match self {
            Self::Signal => Box::new(signal),
            Self::Load => Box::new(SignalAndLoad { signal }),
            Self::ByHand => Box::new(Pinned::default()),
        }
    }
}

/// An SSID of 1 to 32 bytes.
pub fn ssid(text: &str) -> Result<Vec<u8>, String> {
    match text.len() {
        1..=32 => Ok(text.as_bytes().to_vec()),
        n => Err(format!("an SSID has 1 to 32 bytes, this one has {n}")),
    }
}

/// The address of a BSS or a station.
pub fn mac(text: &str) -> Result<MacAddr, String> {
    let address: MacAddr = text.parse().map_err(|error| format!("`{text}` is not an address: {error}"))?;
    if address.is_group() || address == MacAddr::ZERO {
        return Err(format!(
            "{address} is not a station's address: the lowest bit of its first byte is not 0"
        ));
    }
    Ok(address)
}

/// A channel by its number.
pub fn channel(number: i64) -> Result<Channel, String> {
    let channel = u8::try_from(number).ok().and_then(Channel::from_number);
    channel.ok_or_else(|| {
        format!("there is no channel {number}; there are 1 to 14 in 2.4 GHz, and 36, 40, 44 ... 177 in 5 GHz")
    })
}

/// A country code: two letters, such as DE.
pub fn country(text: &str) -> Result<[u8; 2], String> {
    match text.as_bytes() {
        &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok([a, b]),
        _ => Err(format!("`{text}` is not a country code: two capital letters, such as DE")),
    }
}

/// A length of time as people write it: `3s`, `100ms`, `5m`, `1h`, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
    let millis = match unit.trim_start() {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let product =
        number.parse().ok().zip(millis).and_then(|(number, millis): (u64, u64)| number.checked_mul(millis));
    product.map(Duration::from_millis).ok_or_else(|| {
        format!("`{text}` is not a length of time: a number of seconds, or such as 100ms, 3s, 5m, 1h")
    })
}

/// How long a silent client is left alone.
pub fn inactivity(time: Duration) -> Result<Duration, String> {
    if (Duration::from_secs(1)..=DAY).contains(&time) {
        Ok(time)
    } else {
        Err(format!("{time:?} is not possible: 1 second to a day"))
    }
}

/// How long a round through the channels of a hopping radio takes.
pub fn cycle(time: Duration) -> Result<Duration, String> {
    if (Duration::from_millis(20)..=Duration::from_secs(1)).contains(&time) {
        Ok(time)
    } else {
        Err(format!("{time:?} is not possible: 20 milliseconds to a second"))
    }
}

/// After how long without a word a node is taken to be lost.
pub(super) fn silence(time: Duration) -> Result<Duration, String> {
    if (Duration::from_millis(100)..=Duration::from_secs(60)).contains(&time) {
        Ok(time)
    } else {
        Err(format!("{time:?} is not possible: 100 milliseconds to a minute"))
    }
}

/// How often a key changes; 0 is never.
pub fn rekey(time: Duration) -> Result<Option<Duration>, String> {
    match time {
        Duration::ZERO => Ok(None),
        time if (Duration::from_secs(1)..=DAY * 365).contains(&time) => Ok(Some(time)),
        time => Err(format!("{time:?} is not possible: 1 second to a year, or 0 for never")),
    }
}

/// A transmit power, from dBm to hundredths of it.
pub fn power(dbm: f64) -> Result<u32, String> {
    if (0.0..=40.0).contains(&dbm) {
        Ok((dbm * 100.0).round() as u32)
    } else {
        Err(format!("{dbm} dBm is not possible: 0 to 40"))
    }
}

/// The name of a TAP device.
pub fn tap(text: &str) -> Result<String, String> {
    interface::check_name(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// An IP address and a port.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    address.ok_or_else(|| {
        format!("`{text}` is not an address with a port, such as 10.9.0.1:7450 or [fd00::1]:7450")
    })
}

/// An address that nobody but this host reaches.
pub(super) fn local(text: &str) -> Result<SocketAddr, String> {
    let address = address(text)?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("others would reach {}: name a local address, such as 127.0.0.1:9450", address.ip()))
    }
}

/// What the host is called.
pub fn name_of_host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "airloom".to_owned())
}

/// A [`duration`] in a file: text, or a number of seconds.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time: a number of seconds, or such as \"3s\"")
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Time, E> {
                let seconds = u64::try_from(seconds);
                seconds
                    .map(|seconds| Time(Duration::from_secs(seconds)))
                    .map_err(|_| E::invalid_value(de::Unexpected::Other("a time before now"), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                duration(text).map(Time).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_as_people_write_them() {
        for (text, millis) in
            [("3s", 3000), ("100ms", 100), ("5m", 300_000), ("1h", 3_600_000), ("7", 7000), ("2 s", 2000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-3s", "3 days", "3.5s", "99999999999999999999s", "18446744073709551615h", "é"]
        {
            assert!(duration(text).unwrap_err().contains("not a length of time"), "{text}");
        }
        assert_eq!((rekey(Duration::ZERO), rekey(DAY)), (Ok(None), Ok(Some(DAY))));
        assert!(rekey(Duration::from_millis(1)).is_err() && rekey(DAY * 366).is_err());
        assert!(
            inactivity(Duration::ZERO).is_err() && inactivity(DAY * 2).is_err() && inactivity(DAY).is_ok()
        );
    }
}
