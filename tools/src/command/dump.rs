//! `airloom dump`: frames, decoded.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use drivers::capture::{CaptureError, CapturedFrame, Live, Reader};
use serde::Serialize;

use crate::dump::{describe, write_text};
use crate::escape::SafeJson;

/// Prints the frames of a capture file or of an interface, one line each.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom dump join.pcapng\n  airloom dump --json join.pcapng | jq .ssid\n  \
                        zcat big.pcap.gz | airloom dump - -f 'type mgt subtype beacon'\n  airloom dump mon0 -f 'wlan addr1 02:00:00:00:00:01'"
)]
pub struct Args {
    /// A capture file (pcap or pcapng, gzip or not, - for standard input), or an interface in monitor mode
    #[arg(value_name = "FILE or IFACE")]
    input: PathBuf,
    /// Show only what passes this filter, in the language of libpcap
    #[arg(short, long, value_name = "BPF")]
    filter: Option<String>,
    /// One JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let live = !self.input.exists() && is_interface(&self.input);
        if !live && !self.input.exists() && self.input != Path::new("-") {
            bail!("{}: there is neither a file nor an interface of this name", self.input.display());
        }
        let stdout = io::stdout();
        let at_once = live || stdout.is_terminal();
        let out = BufWriter::with_capacity(64 * 1024, stdout.lock());
        let mut printer = Printer { out, json: self.json, at_once, start: None };
        let result = if live { self.listen(&mut printer) } else { self.read(&mut printer) };
        let flushed = printer.out.flush();
        match result.and(flushed.map_err(CaptureError::from)) {
            Err(error) if error.is_broken_pipe() => Ok(ExitCode::SUCCESS),
            Err(error) if error.is_cut_short() => {
                eprintln!("airloom: {}: {error}; all whole frames have been shown", self.input.display());
                Ok(ExitCode::SUCCESS)
            }
            result => {
                result.with_context(|| self.input.display().to_string())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    fn read(&self, printer: &mut Printer<impl Write>) -> Result<(), CaptureError> {
        let mut reader = Reader::open(&self.input)?;
        if let Some(filter) = &self.filter {
            reader.set_filter(filter)?;
        }
        while let Some(frame) = reader.next_frame() {
            printer.print(&frame?)?;
        }
        Ok(())
    }

    fn listen(&self, printer: &mut Printer<impl Write>) -> Result<(), CaptureError> {
        let mut live = Live::open(&self.input.to_string_lossy(), self.filter.as_deref())?;
        while let Some(frame) = live.next_frame() {
            printer.print(&frame?)?;
        }
        Ok(())
    }
}

fn is_interface(path: &Path) -> bool {
    let plain = path.components().count() == 1;
    plain && Path::new("/sys/class/net").join(path).exists()
}

struct Printer<W> {
    out: W,
    json: bool,
    /// Somebody is watching: each line is shown when it is there.
    at_once: bool,
    start: Option<u64>,
}

impl<W: Write> Printer<W> {
    fn print(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        let line = describe(frame);
        if self.json {
            line.serialize(&mut serde_json::Serializer::with_formatter(&mut self.out, SafeJson))?;
            self.out.write_all(b"\n")?;
        } else {
            let start = *self.start.get_or_insert(frame.time);
            write_text(&line, start, &mut self.out)?;
        }
        if self.at_once { self.out.flush() } else { Ok(()) }
    }
}
