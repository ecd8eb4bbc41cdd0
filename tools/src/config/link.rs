//! Foreign networks that a radio is a station of.

use stack::sta::{LinkConfig, LinkSecurity};
use stack::wire::{Channel, MacAddr};
use toml::Spanned;

use super::error::ConfigError;
use super::file::Checker;
use super::tables::LinkTable;
use super::value;

/// A link to a foreign network.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// The network's name, 1 to 32 bytes.
    pub ssid: Vec<u8>,
    /// How it is protected.
    pub security: LinkSecurity,
    /// Only this BSS of it.
    pub bssid: Option<MacAddr>,
    /// The channels on which it is looked for; all that are usual when empty.
    pub channels: Vec<Channel>,
    /// The TAP device that carries its Ethernet; none, and it is joined and nothing else.
    pub tap: Option<String>,
}

impl LinkSettings {
    /// A link that is looked for everywhere.
    pub const fn new(ssid: Vec<u8>, security: LinkSecurity) -> Self {
        Self { ssid, security, bssid: None, channels: Vec::new(), tap: None }
    }

    /// As the stack wants it, with the station's own address.
    pub fn to_stack(&self, address: MacAddr) -> LinkConfig {
        let usual = LinkConfig::new(address, &self.ssid);
        let channels = if self.channels.is_empty() { usual.channels } else { self.channels.clone() };
        LinkConfig { security: self.security.clone(), bssid: self.bssid, channels, ..usual }
    }
}

/// Checks a table and yields what it says.
pub(super) fn check(checker: &Checker<'_>, table: &Spanned<LinkTable>) -> Result<LinkSettings, ConfigError> {
    let (span, table) = (table.span(), table.get_ref());
    let ssid = checker.value(&table.ssid, |text| value::ssid(text))?;
    let pmk = checker.key(span, table.security.as_ref(), table.passphrase_file.as_ref(), &ssid)?;
    let security = pmk.map_or(LinkSecurity::Open, LinkSecurity::Wpa2);
    Ok(LinkSettings {
        bssid: checker.option(table.bssid.as_ref(), |text| value::mac(text))?,
        channels: channels(checker, table)?,
        tap: checker.option(table.tap.as_ref(), |name| value::tap(name))?,
        ..LinkSettings::new(ssid, security)
    })
}

fn channels(checker: &Checker<'_>, table: &LinkTable) -> Result<Vec<Channel>, ConfigError> {
    let Some(given) = &table.channels else { return Ok(Vec::new()) };
    if given.get_ref().is_empty() {
        return Err(
            checker.wrong(given.span(), "it is looked for nowhere: leave `channels` out for all usual ones")
        );
    }
    let mut channels = Vec::new();
    for number in given.get_ref() {
        let channel = checker.value(number, |number| value::channel(*number))?;
        if channels.contains(&channel) {
            return Err(checker.wrong(number.span(), format!("{channel} is there already")));
        }
        channels.push(channel);
    }
    Ok(channels)
}
