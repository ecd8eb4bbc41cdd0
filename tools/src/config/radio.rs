//! Radios: what they are told, and which of them does what.

use std::collections::BTreeMap;
use std::time::Duration;

use stack::ap::{BssidBlock, RadioConfig};
use stack::slot::SlotConfig;
use stack::wire::{Channel, MacAddr};
use toml::Spanned;

use super::error::ConfigError;
use super::file::Checker;
use super::tables::{LinkTable, RadioTable};
use super::{LinkSettings, link, value};

/// The channel of a radio that serves networks, where none is named.
const CHANNEL: i64 = 6;
/// Each link has an address of its own out of its radio's block, of which a cluster leaves so many.
const MOST_LINKS: usize = 64;

/// A radio.
#[derive(Clone, Debug)]
pub struct RadioSettings {
    /// The phy's name.
    pub phy: String,
    /// Where it is, or begins to look if it serves no networks.
    pub channel: Channel,
    /// Interfaces of others that hold the phy are set down, and put back at the end.
    pub take: bool,
    /// Country code that it announces.
    pub country: Option<[u8; 2]>,
    /// Transmit power, in hundredths of a dBm; as it is when `None`.
    pub power: Option<u32>,
    /// The first of its addresses; taken from the phy's address when `None`.
    pub bssid: Option<MacAddr>,
    /// It carries the node's networks.
    pub serves: bool,
    /// The foreign networks that it is a station of.
    pub links: Vec<LinkSettings>,
    /// How long a round through the channels of its links takes if nothing else bounds it; the usual time when `None`.
    pub cycle: Option<Duration>,
}

impl RadioSettings {
    /// A radio with the usual settings, which serves the networks.
    pub const fn new(phy: String, channel: Channel) -> Self {
        Self {
            phy,
            channel,
            take: false,
            country: None,
            power: None,
            bssid: None,
            serves: true,
            links: Vec::new(),
            cycle: None,
        }
    }

    /// A radio with the usual settings that is a station of foreign networks and serves none. It begins where the first
    /// of them is looked for first.
    pub fn of_links(phy: String, links: Vec<LinkSettings>) -> Result<Self, String> {
        let first = links.first().and_then(|link| link.channels.first()).copied();
        let channel = first.map_or_else(|| value::channel(1), Ok)?;
        Ok(Self { serves: false, links, ..Self::new(phy, channel) })
    }

    /// As the stack wants it, with BSSIDs out of `block`.
    pub const fn to_stack(&self, block: BssidBlock) -> RadioConfig {
        let mut config = RadioConfig::new(self.channel, block);
        config.country = self.country;
        config.hops = !self.links.is_empty();
        config
    }

    /// What of its block the networks have, and what the links: a half each where there are both.
    pub fn parts(&self, own: BssidBlock) -> (BssidBlock, BssidBlock) {
        let both = self.serves && !self.links.is_empty();
        match own.halves().filter(|_| both) {
            Some([lower, upper]) => (lower, upper),
            None => (own, own),
        }
    }

    /// The bounds of its schedule. A cycle that dead air eats may become twice as long, as with the usual ones.
    pub fn slots(&self) -> SlotConfig {
        let usual = SlotConfig::default();
        self.cycle.map_or(usual, |cycle| SlotConfig { cycle, longest_cycle: cycle * 2, ..usual })
    }
}

/// Checks which radio does what, and yields those that serve the networks, then those that only have links.
pub(super) fn check(
    checker: &Checker<'_>,
    tables: &[Spanned<RadioTable>],
    links: &[Spanned<LinkTable>],
    networks: bool,
) -> Result<Vec<RadioSettings>, ConfigError> {
    let mut by_phy: BTreeMap<&str, Vec<&Spanned<LinkTable>>> = BTreeMap::new();
    for link in links {
        by_phy.entry(link.get_ref().phy.get_ref()).or_default().push(link);
    }
    let (mut serving, mut others) = (Vec::new(), Vec::new());
    for table in tables {
        let links = by_phy.remove(table.get_ref().phy.get_ref().as_str()).unwrap_or_default();
        let radio = one(checker, table, &links, networks)?;
        if radio.serves { &mut serving } else { &mut others }.push(radio);
    }
    for link in links {
        let phy = link.get_ref().phy.get_ref();
        if let Some(links) = by_phy.remove(phy.as_str()) {
            let links = of_phy(checker, phy, &links)?;
            others.push(RadioSettings::of_links(phy.to_owned(), links).map_err(|why| checker.whole(why))?);
        }
    }
    serving.append(&mut others);
    Ok(serving)
}

fn one(
    checker: &Checker<'_>,
    table: &Spanned<RadioTable>,
    links: &[&Spanned<LinkTable>],
    networks: bool,
) -> Result<RadioSettings, ConfigError> {
    let (span, table) = (table.span(), table.get_ref());
    let serves = networks && table.networks;
    let phy = table.phy.get_ref();
    if links.is_empty() && !serves {
        let why = if networks { "it says `networks = false`" } else { "there is no [[network]]" };
        return Err(checker.wrong(span, format!("{phy} has nothing to do: no [[link]] names it, and {why}")));
    }
    if let Some(cycle) = table.cycle.as_ref().filter(|_| links.is_empty()) {
        return Err(checker.wrong(
            cycle.span(),
            format!("{phy} stays on its channel: a cycle is for radios that a [[link]] names"),
        ));
    }
    let channel = checker.option(table.channel.as_ref(), |number| value::channel(*number))?;
    let links = of_phy(checker, phy, links)?;
    let radio = if serves {
        let usual = || value::channel(CHANNEL).map_err(|why| checker.whole(why));
        RadioSettings { links, ..RadioSettings::new(phy.clone(), channel.map_or_else(usual, Ok)?) }
    } else {
        let radio = RadioSettings::of_links(phy.clone(), links).map_err(|why| checker.whole(why))?;
        RadioSettings { channel: channel.unwrap_or(radio.channel), ..radio }
    };
    Ok(RadioSettings {
        take: table.take,
        country: checker.option(table.country.as_ref(), |text| value::country(text))?,
        power: checker.option(table.power.as_ref(), |dbm| value::power(*dbm))?,
        bssid: checker.option(table.bssid.as_ref(), |text| value::mac(text))?,
        cycle: checker.option(table.cycle.as_ref(), |time| value::cycle(time.0))?,
        ..radio
    })
}

/// The links of a phy.
fn of_phy(
    checker: &Checker<'_>,
    phy: &str,
    links: &[&Spanned<LinkTable>],
) -> Result<Vec<LinkSettings>, ConfigError> {
    if let Some(link) = links.get(MOST_LINKS) {
        return Err(checker.wrong(link.span(), format!("{phy} has {MOST_LINKS} links already, and no more")));
    }
    links.iter().map(|link| link::check(checker, link)).collect()
}
