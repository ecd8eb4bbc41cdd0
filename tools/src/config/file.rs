//! From the text of a file to a checked configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use stack::ap::{BssidBlock, Security};
use stack::rsn::Pmk;
use toml::Spanned;

use super::error::{ConfigError, explain};
use super::tables::{File, LinkTable, NetworkTable, NodeTable, Protection, RadioTable};
use super::value::Time;
use crate::node::{block_at, contains};

use super::{Config, NetworkSettings, NodeSettings, Passphrase, mesh, radio, value};

/// Reads a file. What it names by relative paths is looked for beside it.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::whole(path, format!("cannot be read: {error}")))?;
    parse(path, &text)
}

/// Reads the text of the file `path`.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => ConfigError::at(path, text, span, explain(error.message())),
        None => ConfigError::whole(path, explain(error.message())),
    })?;
    Checker { path, text }.check(file)
}

pub(super) struct Checker<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Checker<'_> {
    fn check(&self, file: File) -> Result<Config, ConfigError> {
        self.has_something_to_do(&file)?;
        let phys = file.radio.iter().map(|radio| &radio.get_ref().phy);
        self.distinct("the phy", phys)?;
        self.distinct("the network", file.network.iter().map(|network| &network.get_ref().ssid))?;
        let taps = file.network.iter().filter_map(|network| network.get_ref().tap.as_ref());
        let of_links = file.link.iter().filter_map(|link| link.get_ref().tap.as_ref());
        self.distinct("the TAP", taps.chain(of_links))?;
        self.links_distinct(&file.link)?;
        self.blocks_apart(&file.radio)?;
        if file.mesh.is_some() {
            self.vlans_apart(&file.network)?;
        }
        Ok(Config {
            node: self.node(file.node)?,
            mesh: file.mesh.map(|table| mesh::check(self, table.get_ref())).transpose()?,
            radios: radio::check(self, &file.radio, &file.link, !file.network.is_empty())?,
            networks: file.network.iter().map(|network| self.network(network)).collect::<Result<_, _>>()?,
        })
    }

    fn has_something_to_do(&self, file: &File) -> Result<(), ConfigError> {
        if file.network.is_empty() && file.link.is_empty() {
            return Err(self.whole("there is no [[network]] and no [[link]]: at least one is needed"));
        }
        if let Some(mesh) = file.mesh.as_ref().filter(|_| file.network.is_empty()) {
            return Err(self.wrong(mesh.span(), "a cluster shares networks, and there is no [[network]]"));
        }
        if !file.network.is_empty() && !file.radio.iter().any(|radio| radio.get_ref().networks) {
            return Err(self.whole("there is no [[radio]] that serves the networks: at least one is needed"));
        }
        Ok(())
    }

    fn node(&self, table: NodeTable) -> Result<NodeSettings, ConfigError> {
        let usual = NodeSettings::default();
        let name = match table.name {
            Some(name) if name.get_ref().trim().is_empty() => {
                return Err(self.wrong(name.span(), "a node's name is not empty"));
            }
            name => name.map_or(usual.name, Spanned::into_inner),
        };
        let state = table.state.map_or(usual.state, |path| self.beside(&path));
        Ok(NodeSettings {
            name,
            state,
            control: table.control.map_or(usual.control, |path| self.beside(&path)),
            placement: table.placement,
            metrics: self.option(table.metrics.as_ref(), |text| value::local(text))?,
        })
    }

    fn network(&self, table: &Spanned<NetworkTable>) -> Result<NetworkSettings, ConfigError> {
        let (span, table) = (table.span(), table.get_ref());
        let ssid = self.value(&table.ssid, |text| value::ssid(text))?;
        let pmk = self.key(span, table.security.as_ref(), table.passphrase_file.as_ref(), &ssid)?;
        let usual = NetworkSettings::new(ssid, pmk.map_or(Security::Open, Security::Wpa2));
        let rekey = |given: &Option<Spanned<Time>>, usual| {
            let given = self.option(given.as_ref(), |time| value::rekey(time.0))?;
            Ok(given.unwrap_or(usual))
        };
        let stations = self.number(table.max_stations.as_ref(), 1..=2007, "clients")?;
        let inactivity = self.option(table.inactivity.as_ref(), |time| value::inactivity(time.0))?;
        let beacon = self.number(table.beacon_interval.as_ref(), 15..=65_535, "time units")?;
        let dtim = self.number(table.dtim_period.as_ref(), 1..=255, "beacons")?;
        Ok(NetworkSettings {
            virtual_ap: table.virtual_ap,
            tap: self.option(table.tap.as_ref(), |name| value::tap(name))?,
            vlan: self.number(table.vlan.as_ref(), 0..=4094, "for a VLAN")?.unwrap_or(usual.vlan),
            hidden: table.hidden,
            isolate: table.isolate,
            max_stations: stations.unwrap_or(usual.max_stations),
            inactivity: inactivity.unwrap_or(usual.inactivity),
            beacon_interval: beacon.unwrap_or(usual.beacon_interval),
            dtim_period: dtim.unwrap_or(usual.dtim_period),
            group_rekey: rekey(&table.group_rekey, usual.group_rekey)?,
            pairwise_rekey: rekey(&table.pairwise_rekey, usual.pairwise_rekey)?,
            fragmentation: self.number(table.fragmentation.as_ref(), 256..=2346, "bytes")?,
            ..usual
        })
    }

    /// The key of a network that is protected, `None` for one that is open.
    pub(super) fn key(
        &self,
        network: Range<usize>,
        said: Option<&Spanned<Protection>>,
        file: Option<&Spanned<PathBuf>>,
        ssid: &[u8],
    ) -> Result<Option<Pmk>, ConfigError> {
        let span = said.map_or(network, Spanned::span);
        match (said.map(|said| *said.get_ref()), file) {
            (Some(Protection::Wpa3 | Protection::Both), _) => {
                Err(self.wrong(span, "WPA3 is not in this version: say security = \"wpa2\""))
            }
            (Some(Protection::Open), Some(file)) => Err(self.wrong(
                file.span(),
                "an open network has no passphrase: take passphrase_file out, or say security = \"wpa2\"",
            )),
            (Some(Protection::Open), None) => Ok(None),
            (Some(Protection::Wpa2), None) => Err(self
                .wrong(span, "wpa2 needs a passphrase_file: a file with the passphrase in its first line")),
            (None, None) => Err(self.wrong(
                span,
                "this network has no passphrase_file; say security = \"open\" if everybody may use it",
            )),
            (_, Some(file)) => {
                let passphrase = Passphrase::from_file(&self.beside(file.get_ref()))
                    .map_err(|error| self.wrong(file.span(), format!("{error:#}")))?;
                passphrase.pmk(ssid).map(Some).map_err(|why| self.wrong(file.span(), why))
            }
        }
    }

    fn distinct<'a>(
        &self,
        what: &str,
        names: impl Iterator<Item = &'a Spanned<String>>,
    ) -> Result<(), ConfigError> {
        let mut seen = BTreeMap::new();
        for name in names {
            if let Some(first) = seen.insert(name.get_ref(), name.span()) {
                let line = ConfigError::at(self.path, self.text, first, "").line().unwrap_or(0);
                let why = format!("{what} `{}` is there already, in line {line}", name.get_ref());
                return Err(self.wrong(name.span(), why));
            }
        }
        Ok(())
    }

    /// A radio joins the same BSS once.
    fn links_distinct(&self, links: &[Spanned<LinkTable>]) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for link in links {
            let LinkTable { phy, ssid, bssid, .. } = link.get_ref();
            if !seen.insert((phy.get_ref(), ssid.get_ref(), bssid.as_ref().map(Spanned::get_ref))) {
                let why = format!("{} has a link to `{}` already", phy.get_ref(), ssid.get_ref());
                return Err(self.wrong(ssid.span(), why));
            }
        }
        Ok(())
    }

    /// Two radios must not answer to the same addresses.
    fn blocks_apart(&self, radios: &[Spanned<RadioTable>]) -> Result<(), ConfigError> {
        let mut seen: Vec<BssidBlock> = Vec::new();
        for given in radios.iter().filter_map(|radio| radio.get_ref().bssid.as_ref()) {
            let block = block_at(self.value(given, |text| value::mac(text))?);
            if let Some(other) = seen.iter().find(|other| contains(other, block.base)) {
                let why =
                    format!("another radio has the block of 256 addresses around {} already", other.base);
                return Err(self.wrong(given.span(), why));
            }
            seen.push(block);
        }
        Ok(())
    }

    /// In a cluster an address counts within one Ethernet, of which each network has its own.
    fn vlans_apart(&self, networks: &[Spanned<NetworkTable>]) -> Result<(), ConfigError> {
        let mut seen = BTreeMap::new();
        for network in networks {
            let (span, network) = (network.span(), network.get_ref());
            let vlan = network.vlan.as_ref().map_or(0, |vlan| *vlan.get_ref());
            if let Some(first) = seen.insert(vlan, network.ssid.get_ref()) {
                let why = format!(
                    "the network `{first}` is VLAN {vlan} already: give one of the two another `vlan`, the same on all nodes"
                );
                return Err(self.wrong(network.vlan.as_ref().map_or(span, Spanned::span), why));
            }
        }
        Ok(())
    }

    fn number<T: TryFrom<i64>>(
        &self,
        given: Option<&Spanned<i64>>,
        range: RangeInclusive<i64>,
        unit: &str,
    ) -> Result<Option<T>, ConfigError> {
        self.option(given, |&number| {
            let inside = Some(number).filter(|number| range.contains(number));
            inside.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
                format!("{number} is not possible: {} to {} {unit}", range.start(), range.end())
            })
        })
    }

    pub(super) fn option<T, U>(
        &self,
        given: Option<&Spanned<T>>,
        check: impl FnOnce(&T) -> Result<U, String>,
    ) -> Result<Option<U>, ConfigError> {
        given.map(|given| self.value(given, check)).transpose()
    }

    pub(super) fn value<T, U>(
        &self,
        given: &Spanned<T>,
        check: impl FnOnce(&T) -> Result<U, String>,
    ) -> Result<U, ConfigError> {
        check(given.get_ref()).map_err(|why| self.wrong(given.span(), why))
    }

    pub(super) fn whole(&self, what: impl Into<String>) -> ConfigError {
        ConfigError::whole(self.path, what)
    }

    pub(super) fn wrong(&self, span: Range<usize>, what: impl Into<String>) -> ConfigError {
        ConfigError::at(self.path, self.text, span, what)
    }

    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}
