//! Single values and their rules, the same for files and options.

use drivers::interface;
use serde::Deserialize;
use stack::wire::Channel;

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

/// An SSID of 1 to 32 bytes.
pub fn ssid(text: &str) -> Result<Vec<u8>, String> {
    match text.len() {
        1..=32 => Ok(text.as_bytes().to_vec()),
        n => Err(format!("an SSID has 1 to 32 bytes, this one has {n}")),
    }
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

/// What the host is called.
pub fn name_of_host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "airloom".to_owned())
}
