//! `airloom ap`: an AP in one line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use stack::ap::Security;
use stack::wire::Channel;

use crate::config::{
    self, CONTROL, Config, NetworkSettings, NodeSettings, PlacementPolicy, RadioSettings, VirtualAp,
    read_passphrase,
};
use crate::node::{self, Verbosity};

/// Where channels are left to us.
const CHANNEL: i64 = 6;

/// Runs an AP on one radio or several until it is stopped (Ctrl-C, SIGTERM).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  airloom ap --phy phy0 --ssid office --passphrase-file office.pass\n  \
                        airloom ap --phy phy0 --phy phy1 --channel 1 --channel 36 --ssid guests --open --isolate\n\n\
                        The TAP device carries plain Ethernet of the clients; give it an address or put it into a bridge:\n  \
                        ip address add 10.0.0.1/24 dev air0\n\n\
                        The file holds the passphrase in its first line, or a PSK as 64 hexadecimal digits. Without one,\n\
                        AIRLOOM_PASSPHRASE is taken, or you are asked.")]
pub struct Args {
    /// The radio, as `iw phy` names it; again for each further one
    #[arg(long, value_name = "PHY", required = true)]
    phy: Vec<String>,
    /// The network's name, 1 to 32 bytes
    #[arg(long, value_parser = parse_ssid)]
    ssid: String,
    /// A file with the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "open")]
    passphrase_file: Option<PathBuf>,
    /// No passphrase and no encryption
    #[arg(long)]
    open: bool,
    /// The channel: once for all radios, or once for each; 6 if left out
    #[arg(long, value_name = "N", value_parser = parse_channel)]
    channel: Vec<Channel>,
    /// The TAP device; it is made if it is not there
    #[arg(long, value_name = "TAP", default_value = "air0", value_parser = config::tap)]
    tap: String,
    /// Who shares a virtual AP
    #[arg(long, value_enum, default_value_t)]
    virtual_ap: VirtualAp,
    /// What decides which radio serves a client, where they are on one channel
    #[arg(long, value_enum, default_value_t)]
    placement: PlacementPolicy,
    /// Set interfaces down that hold the radio, and put them back at the end
    #[arg(long)]
    take_phy: bool,
    /// Beacons do not tell the SSID
    #[arg(long)]
    hidden: bool,
    /// Clients do not reach each other
    #[arg(long)]
    isolate: bool,
    /// Country code to announce, such as DE
    #[arg(long, value_name = "CC", value_parser = config::country)]
    country: Option<[u8; 2]>,
    /// Transmit power in dBm
    #[arg(long, value_name = "DBM", value_parser = parse_power)]
    power: Option<u32>,
    /// Most clients on a radio
    #[arg(long, value_name = "N", default_value_t = 2007, value_parser = clap::value_parser!(u16).range(1..=2007))]
    max_stations: u16,
    /// Time after which a silent client is asked whether it is there
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = parse_inactivity)]
    inactivity: Duration,
    /// Time after which the group key changes; 0 for never
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_rekey)]
    group_rekey: Rekey,
    /// Time after which the key of a client changes; 0 for never
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = parse_rekey)]
    pairwise_rekey: Rekey,
    /// Time units of 1024 µs between beacons
    #[arg(long, value_name = "TU", default_value_t = 100, value_parser = clap::value_parser!(u16).range(15..))]
    beacon_interval: u16,
    /// Every how many beacons there is a DTIM
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    dtim_period: u8,
    /// Frames longer than this many bytes are sent in fragments
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(256..=2346))]
    fragmentation: Option<u16>,
    /// The control socket, for `airloom status`
    #[arg(long, value_name = "PATH", default_value = CONTROL)]
    control: PathBuf,
    #[command(flatten)]
    verbosity: Verbosity,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if let Err(why) = self.check() {
            eprintln!("airloom: {why}\n\nFor more information, try 'airloom ap --help'.");
            return Ok(ExitCode::from(2));
        }
        let security = if self.open {
            Security::Open
        } else {
            let (file, ssid) = (self.passphrase_file.as_deref(), self.ssid.as_bytes());
            let passphrase = read_passphrase(file, ssid, ("--passphrase-file", "--open"))?;
            Security::Wpa2(passphrase.pmk(ssid).map_err(anyhow::Error::msg)?)
        };
        node::run(&self.config(security), self.verbosity)
    }

    /// What only all options together tell.
    fn check(&self) -> Result<(), String> {
        if let Some((_, twice)) =
            self.phy.iter().enumerate().find(|(at, phy)| self.phy.iter().take(*at).any(|p| p == *phy))
        {
            return Err(format!("--phy {twice} is there twice"));
        }
        let (phys, channels) = (self.phy.len(), self.channel.len());
        if channels > 1 && channels != phys {
            return Err(format!(
                "{channels} channels for {phys} radios: say --channel once for all, or once for each"
            ));
        }
        Ok(())
    }

    fn config(&self, security: Security) -> Config {
        let channels = self.channel.iter().copied().chain(config::channel(CHANNEL));
        let channel = |at: usize| if self.channel.len() > 1 { at } else { 0 };
        let channels: Vec<Channel> = channels.collect();
        let radios = self.phy.iter().enumerate().filter_map(|(at, phy)| {
            let channel = *channels.get(channel(at))?;
            Some(RadioSettings {
                take: self.take_phy,
                country: self.country,
                power: self.power,
                ..RadioSettings::new(phy.clone(), channel)
            })
        });
        let network = NetworkSettings {
            virtual_ap: self.virtual_ap,
            tap: Some(self.tap.clone()),
            hidden: self.hidden,
            isolate: self.isolate,
            max_stations: self.max_stations,
            inactivity: self.inactivity,
            beacon_interval: self.beacon_interval,
            dtim_period: self.dtim_period,
            group_rekey: self.group_rekey.0,
            pairwise_rekey: self.pairwise_rekey.0,
            fragmentation: self.fragmentation.map(usize::from),
            ..NetworkSettings::new(self.ssid.clone().into_bytes(), security)
        };
        Config {
            mesh: None,
            node: NodeSettings {
                control: self.control.clone(),
                placement: self.placement,
                ..NodeSettings::default()
            },
            radios: radios.collect(),
            networks: vec![network],
        }
    }
}

/// How often a key changes, never if at all. An option of its own kind: clap would take `Option` for one left out.
#[derive(Clone, Copy, Debug)]
struct Rekey(Option<Duration>);

fn parse_inactivity(text: &str) -> Result<Duration, String> {
    config::inactivity(config::duration(text)?)
}

fn parse_rekey(text: &str) -> Result<Rekey, String> {
    config::rekey(config::duration(text)?).map(Rekey)
}

fn parse_ssid(text: &str) -> Result<String, String> {
    config::ssid(text).map(|_| text.to_owned())
}

fn parse_channel(text: &str) -> Result<Channel, String> {
    config::channel(text.parse().map_err(|_| "a channel is a number, such as 6 or 36")?)
}

fn parse_power(text: &str) -> Result<u32, String> {
    config::power(text.parse().map_err(|_| "a power is a number of dBm, such as 20")?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: Args,
    }

    fn args(words: &str) -> Result<Args, clap::Error> {
        Only::try_parse_from(std::iter::once("ap").chain(words.split(' '))).map(|only| only.args)
    }

    #[test]
    fn options_become_the_same_configuration_as_a_file() {
        let words = "--phy phy0 --phy phy1 --channel 1 --channel 36 --ssid x --open --take-phy --isolate --hidden \
                     --country DE --power 17.5 --group-rekey 0 --pairwise-rekey 1m --tap t --virtual-ap shared";
        let args = args(words).unwrap();
        assert_eq!(args.check(), Ok(()));
        let config = args.config(Security::Open);
        let channels: Vec<_> = config.radios.iter().map(|radio| radio.channel.number()).collect();
        assert_eq!(channels, [1, 36]);
        assert!(config.radios.iter().all(|radio| radio.take && radio.power == Some(1750)));
        let network = &config.networks[0];
        assert_eq!((network.group_rekey, network.pairwise_rekey), (None, Some(Duration::from_secs(60))));
        assert!(network.hidden && network.isolate && network.virtual_ap == VirtualAp::Shared);
        assert_eq!(network.tap.as_deref(), Some("t"));
    }

    #[test]
    fn one_channel_or_none_is_for_all_radios() {
        let channels = |words: &str| -> Vec<u8> {
            let config = args(words).unwrap().config(Security::Open);
            config.radios.iter().map(|radio| radio.channel.number()).collect()
        };
        assert_eq!(channels("--phy a --phy b --ssid x --open"), [6, 6]);
        assert_eq!(channels("--phy a --phy b --ssid x --open --channel 11"), [11, 11]);
    }

    #[test]
    fn wrong_use_is_told() {
        for words in [
            "--ssid x --open",
            "--phy a --open",
            "--phy a --ssid x --open --passphrase-file f",
            "--phy a --ssid x --open --channel 15",
            "--phy a --ssid x --open --channel six",
            "--phy a --ssid x --open --country germany",
            "--phy a --ssid x --open --power 99",
            "--phy a --ssid x --open --group-rekey soon",
            "--phy a --ssid x --open --inactivity 0",
            "--phy a --ssid 123456789012345678901234567890123 --open",
            "--phy a --ssid x --open --tap a/b",
        ] {
            assert!(args(words).is_err(), "{words}");
        }
        let unequal = args("--phy a --phy b --phy c --channel 1 --channel 6 --ssid x --open").unwrap();
        assert!(unequal.check().unwrap_err().contains("2 channels for 3 radios"));
        assert!(args("--phy a --phy a --ssid x --open").unwrap().check().unwrap_err().contains("twice"));
    }
}
