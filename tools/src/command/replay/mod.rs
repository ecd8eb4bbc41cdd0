//! `airloom replay`: a capture onto the air, or into the stack as if heard.

mod into_stack;
mod onto_air;

use std::path::PathBuf;
use std::process::ExitCode;

use super::decrypt::progress_bar;

/// Plays a capture: onto the air by a monitor interface, or into the stack as if it were heard.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom replay join.pcapng --to mon0 --speed 10\n  airloom replay join.pcapng --into north.toml --json\n\n\
                        Onto the air, frames go out as they are, each once and without asking for an acknowledgement; those\n\
                        whose check sequence was wrong are left out.\n\n\
                        Into the stack, the first radio of the file hears them, at the times of the capture; a silence of more\n\
                        than a minute is shortened to that. Nothing is sent, and what would be sent counts as acknowledged. What\n\
                        happened is told. To have the stack stand in for the AP of the capture, give the radio its BSSID:\n\
                        bssid = \"...\"."
)]
pub struct Args {
    /// The capture (pcap or pcapng, gzip or not, - for standard input)
    #[arg(value_name = "IN")]
    input: PathBuf,
    #[command(flatten)]
    target: Target,
    /// How many times faster than it was captured
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = parse_speed, conflicts_with = "into")]
    speed: f64,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

/// Where it goes.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A monitor interface
    #[arg(long, value_name = "IFACE")]
    to: Option<String>,
    /// A node's file, as for `airloom run`
    #[arg(long, value_name = "CONFIG")]
    into: Option<PathBuf>,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match (self.target.into, self.target.to) {
            (Some(config), _) => into_stack::run(&self.input, &config, self.json),
            (None, to) => onto_air::run(&self.input, &to.unwrap_or_default(), self.speed, self.json),
        }
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| *speed > 0.0 && speed.is_finite());
    speed.ok_or_else(|| "a pace is a number above 0, such as 1 or 10".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_paces_are_taken() {
        assert_eq!(parse_speed("0.5"), Ok(0.5));
        assert!(["0", "-1", "inf", "NaN", "fast"].iter().all(|text| parse_speed(text).is_err()));
    }
}
