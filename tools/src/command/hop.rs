//! `airloom hop`: a station on several networks, in one line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use stack::sta::LinkSecurity;
use stack::wire::{Channel, MacAddr};

use crate::config::{self, CONTROL, Config, LinkSettings, NodeSettings, RadioSettings, read_passphrase};
use crate::node::{self, Verbosity};

/// What a `--network` may say.
const KEYS: [&str; 6] = ["ssid", "passphrase-file", "open", "tap", "bssid", "channel"];

/// Makes one radio a station on several networks at once, until it is stopped (Ctrl-C, SIGTERM).
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom hop --phy phy0 --network 'ssid=cafe,passphrase-file=cafe.pass,tap=cafe0' --network 'ssid=library,open'\n  \
                        airloom hop --phy phy0 --cycle 60ms --network 'ssid=home,passphrase-file=home.pass,channel=6,channel=36'\n\n\
                        A network is keys and values with commas between:\n  \
                        ssid=NAME             the network's name, 1 to 32 bytes\n  \
                        passphrase-file=FILE  its first line, or a PSK as 64 hexadecimal digits\n  \
                        open                  there is no passphrase\n  \
                        tap=NAME              the TAP device, made if it is not there; hop0, hop1 and so on if left out\n  \
                        bssid=ADDRESS         only this BSS of the network\n  \
                        channel=N             it is looked for there; again for each further one; everywhere if left out\n\
                        A comma or a backslash in a value has a backslash before it: ssid=bed\\, breakfast\n\n\
                        Each TAP device is an interface as any other, up while its network is joined; get an address on it:\n  \
                        dhclient cafe0\n\n\
                        Without passphrase-file and open, AIRLOOM_PASSPHRASE is taken, or you are asked."
)]
pub struct Args {
    /// The radio, as `iw phy` names it
    #[arg(long, value_name = "PHY")]
    phy: String,
    /// A network to be a station of; again for each further one
    #[arg(long, value_name = "KEYS", required = true, value_parser = parse_network)]
    network: Vec<Network>,
    /// How long a round through all their channels takes, if nothing else bounds it: 20ms to 1s; 100 TU if left out
    #[arg(long, value_name = "TIME", value_parser = parse_cycle)]
    cycle: Option<Duration>,
    /// Set interfaces down that hold the radio, and put them back at the end
    #[arg(long)]
    take_phy: bool,
    /// The control socket, for `airloom status`
    #[arg(long, value_name = "PATH", default_value = CONTROL)]
    control: PathBuf,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// A network as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Network {
    ssid: String,
    passphrase_file: Option<PathBuf>,
    open: bool,
    tap: Option<String>,
    bssid: Option<MacAddr>,
    channels: Vec<Channel>,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if let Err(why) = self.check() {
            eprintln!("airloom: {why}\n\nFor more information, try 'airloom hop --help'.");
            return Ok(ExitCode::from(2));
        }
        let securities = self.network.iter().map(Network::security).collect::<anyhow::Result<Vec<_>>>()?;
        let config = self.config(securities).map_err(anyhow::Error::msg)?;
        node::run(&config, self.verbosity)
    }

    /// What only all options together tell.
    fn check(&self) -> Result<(), String> {
        for (at, network) in self.network.iter().enumerate() {
            let tap = self.tap(at);
            for (before, other) in self.network.iter().enumerate().take(at) {
                if (&network.ssid, network.bssid) == (&other.ssid, other.bssid) {
                    return Err(format!("the network `{}` is there twice", network.ssid));
                }
                if self.tap(before) == tap {
                    return Err(format!("`{}` and `{}` have the same tap, {tap}", other.ssid, network.ssid));
                }
            }
        }
        Ok(())
    }

    /// The TAP of the network at this place.
    fn tap(&self, at: usize) -> String {
        let named = self.network.get(at).and_then(|network| network.tap.clone());
        named.unwrap_or_else(|| format!("hop{at}"))
    }

    fn config(&self, securities: Vec<LinkSecurity>) -> Result<Config, String> {
        let links =
            self.network.iter().zip(securities).enumerate().map(|(at, (network, security))| LinkSettings {
                bssid: network.bssid,
                channels: network.channels.clone(),
                tap: Some(self.tap(at)),
                ..LinkSettings::new(network.ssid.clone().into_bytes(), security)
            });
        let radio = RadioSettings {
            take: self.take_phy,
            cycle: self.cycle,
            ..RadioSettings::of_links(self.phy.clone(), links.collect())?
        };
        Ok(Config {
            mesh: None,
            node: NodeSettings { control: self.control.clone(), ..NodeSettings::default() },
            radios: vec![radio],
            networks: Vec::new(),
        })
    }
}

impl Network {
    fn security(&self) -> anyhow::Result<LinkSecurity> {
        if self.open {
            return Ok(LinkSecurity::Open);
        }
        let (file, ssid) = (self.passphrase_file.as_deref(), self.ssid.as_bytes());
        let passphrase = read_passphrase(file, ssid, ("passphrase-file=", "open"))?;
        let pmk = passphrase
            .pmk(ssid)
            .map_err(|why| anyhow::anyhow!("the passphrase of `{}`: {why}", self.ssid))?;
        Ok(LinkSecurity::Wpa2(pmk))
    }

    /// Takes in a part between commas.
    fn take(&mut self, part: &str) -> Result<(), String> {
        let (key, value) = part.split_once('=').map_or((part, None), |(key, value)| (key, Some(value)));
        let given = || {
            value.filter(|value| !value.is_empty()).ok_or_else(|| format!("`{key}` needs a value: {key}=..."))
        };
        match key {
            "ssid" => {
                let ssid = value.unwrap_or_default();
                config::ssid(ssid)?;
                once(&mut self.ssid, key, ssid.to_owned())
            }
            "passphrase-file" => once(&mut self.passphrase_file, key, Some(PathBuf::from(given()?))),
            "open" if value.is_some() => Err("`open` has no value".to_owned()),
            "open" => once(&mut self.open, key, true),
            "tap" => once(&mut self.tap, key, Some(config::tap(given()?)?)),
            "bssid" => once(&mut self.bssid, key, Some(config::mac(given()?)?)),
            "channel" => {
                let number = given()?.parse().map_err(|_| "a channel is a number, such as 6 or 36")?;
                let channel = config::channel(number)?;
                if self.channels.contains(&channel) {
                    return Err(format!("{channel} is there twice"));
                }
                self.channels.push(channel);
                Ok(())
            }
            "" => Err("there is nothing between two commas".to_owned()),
            other => Err(config::unknown("key", other, &KEYS)),
        }
    }
}

/// Sets what was not set before.
fn once<T: Default + PartialEq>(place: &mut T, key: &str, value: T) -> Result<(), String> {
    if *place != T::default() {
        return Err(format!("`{key}` is there twice"));
    }
    *place = value;
    Ok(())
}

fn parse_network(text: &str) -> Result<Network, String> {
    let mut network = Network::default();
    for part in parts(text)? {
        network.take(&part)?;
    }
    if network.ssid.is_empty() {
        return Err("there is no ssid: ssid=NAME".to_owned());
    }
    if network.open && network.passphrase_file.is_some() {
        return Err("an open network has no passphrase-file: say one of the two".to_owned());
    }
    Ok(network)
}

/// What is between commas that have no backslash before them; a backslash stands for what comes after it.
fn parts(text: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut chars) = (Vec::new(), String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            ',' => parts.push(std::mem::take(&mut part)),
            '\\' => part.push(chars.next().ok_or("a backslash at the end stands for nothing")?),
            c => part.push(c),
        }
    }
    parts.push(part);
    Ok(parts)
}

fn parse_cycle(text: &str) -> Result<Duration, String> {
    config::cycle(config::duration(text)?)
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

    fn args(words: &[&str]) -> Result<Args, clap::Error> {
        Only::try_parse_from([&["hop", "--phy", "phy0"], words].concat()).map(|only| only.args)
    }

    #[test]
    fn options_become_the_same_configuration_as_a_file() {
        let args = args(&[
            "--network",
            "ssid=bed\\, break=fast \\\\,passphrase-file=a b,tap=t,bssid=02:00:00:00:00:01,channel=36,channel=6",
            "--network",
            "open,ssid=café",
            "--cycle",
            "60ms",
            "--take-phy",
        ])
        .unwrap();
        assert_eq!(args.check(), Ok(()));
        assert_eq!(args.network[0].passphrase_file, Some("a b".into()));
        assert!(args.network[1].open);
        let config = args.config(vec![LinkSecurity::Open, LinkSecurity::Open]).unwrap();
        let [radio] = &config.radios[..] else { panic!("one radio") };
        assert!(radio.take && !radio.serves && config.networks.is_empty());
        assert_eq!((radio.channel.number(), radio.cycle), (36, Some(Duration::from_millis(60))));
        let [first, second] = &radio.links[..] else { panic!("two links") };
        assert_eq!((&*first.ssid, &*second.ssid), (&b"bed, break=fast \\"[..], "café".as_bytes()));
        assert_eq!((first.tap.as_deref(), second.tap.as_deref()), (Some("t"), Some("hop1")));
        assert_eq!(first.bssid, Some(MacAddr([2, 0, 0, 0, 0, 1])));
        let numbers: Vec<_> = first.channels.iter().map(|channel| channel.number()).collect();
        assert_eq!((numbers, second.channels.len()), (vec![36, 6], 0));
    }

    #[test]
    fn wrong_use_is_told() {
        for (network, words) in [
            ("", "nothing between two commas"),
            ("open", "there is no ssid"),
            ("ssid", "1 to 32 bytes"),
            ("ssid=", "1 to 32 bytes"),
            ("ssid=123456789012345678901234567890123", "this one has 33"),
            ("ssid=x,,open", "nothing between two commas"),
            ("ssid=x,ssid=y", "`ssid` is there twice"),
            ("ssid=x,open,open", "`open` is there twice"),
            ("ssid=x,open=yes", "`open` has no value"),
            ("ssid=x,open,passphrase-file=f", "an open network has no passphrase-file"),
            ("ssid=x,passphrase-file", "`passphrase-file` needs a value"),
            (
                "ssid=x,passphrase=secret",
                "a secret does not stand here; put it into a file and name that by `passphrase-file`",
            ),
            ("ssid=x,chanel=6", "did you mean `channel`?"),
            ("ssid=x,colour=6", "there is ssid, passphrase-file, open, tap, bssid, channel"),
            ("ssid=x,channel=six", "a channel is a number"),
            ("ssid=x,channel=15", "there is no channel 15"),
            ("ssid=x,channel=1,channel=1", "channel 1 (2412 MHz) is there twice"),
            ("ssid=x,tap=a/b", "not an interface name"),
            ("ssid=x,bssid=02:00", "is not an address"),
            ("ssid=x,open\\", "a backslash at the end"),
        ] {
            let error = args(&["--network", network]).expect_err(network);
            let text = error.to_string();
            assert!(error.exit_code() == 2 && text.contains(words), "{network}: {text}");
        }
        assert!(args(&[]).is_err());
        for cycle in ["soon", "19ms", "2s"] {
            assert!(args(&["--network", "ssid=x,open", "--cycle", cycle]).is_err(), "{cycle}");
        }
        for (second, words) in [
            ("ssid=x,open", "the network `x` is there twice"),
            ("ssid=y,open,tap=hop0", "`x` and `y` have the same tap, hop0"),
        ] {
            let both = args(&["--network", "ssid=x,open", "--network", second]).unwrap();
            assert_eq!(both.check(), Err(words.to_owned()));
        }
        let another = args(&["--network", "ssid=x,open", "--network", "ssid=x,open,bssid=02:00:00:00:00:01"]);
        assert_eq!(another.unwrap().check(), Ok(()));
    }
}
