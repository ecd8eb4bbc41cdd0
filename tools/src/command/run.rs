//! `airloom run`: a node as its file says.

use std::path::PathBuf;
use std::process::ExitCode;

use super::say;
use crate::config;
use crate::node::{self, Verbosity};

/// Runs a node as a file says, until it is stopped (Ctrl-C, SIGTERM).
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  airloom run north.toml\n\nThe file:\n  [[radio]]\n  phy = \"phy0\"\n  channel = 6\n  \
                        take = true                      # as --take-phy of `airloom ap`\n\n  [[network]]\n  ssid = \"office\"\n  \
                        passphrase_file = \"office.pass\"  # beside the file\n  tap = \"air0\"\n\n  \
                        [[link]]                         # a foreign network, on a radio that serves none\n  \
                        phy = \"phy1\"\n  ssid = \"cafe\"\n  passphrase_file = \"cafe.pass\"\n  tap = \"cafe0\"\n\n\
                        Keys of [node]: name, state, control, placement (signal, load, by-hand), metrics (a local address such as\n\
                        127.0.0.1:9450, for Prometheus). Of [mesh]: listen, peers, identity, authority, silence.\n\
                        Of [[radio]]: phy, channel, take, country, power, bssid; and for a radio of links, which need none:\n\
                        networks (false where the others serve them), cycle (such as 100ms).\n\
                        Of [[network]]: ssid, security (open, wpa2), passphrase_file, virtual_ap (per-client, shared), tap,\n\
                        hidden, isolate, max_stations, inactivity, beacon_interval, dtim_period, group_rekey,\n\
                        pairwise_rekey, fragmentation. All networks are on all radios.\n\
                        Of [[link]]: phy, ssid, security (open, wpa2), passphrase_file, tap, bssid, channels (such as [1, 36]; all\n\
                        usual ones if left out). A radio is a station of all the networks whose links name it, in time slots."
)]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Another control socket than the file says
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Only say whether the file is right
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut config = config::read(&self.file)?;
        if self.check {
            let (radios, networks, links) =
                (config.radios.len(), config.networks.len(), config.links().count());
            let file = self.file.display();
            say(format!(
                "{file}: nothing is wrong; radios: {radios}, networks: {networks}, links: {links}\n"
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(control) = self.control {
            config.node.control = control;
        }
        node::run(&config, self.verbosity)
    }
}
