//! `airloom decrypt`: a capture in the clear.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use drivers::capture::{CaptureError, CapturedFrame, Entry, InterfaceId, Reader, Writer};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use stack::rsn::NetworkSecret;
use zeroize::Zeroizing;

use super::{say, say_json};
use crate::decrypt::{Counts, Decryptor, Handshake, parse_secret};
use crate::escape::escape;

/// Frames that are decrypted together.
const BATCH: usize = 64;

/// Large enough to make system calls few, small enough to stay in the cache.
const OUTPUT_BUFFER: usize = 64 * 1024;

/// Finds and checks the handshakes of a capture, decrypts what their keys protect, and writes all as a new capture.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom decrypt join.pcap -o clear.pcapng --ssid office --passphrase-file office.pass\n  \
                        AIRLOOM_PASSPHRASE=... airloom decrypt join.pcap -o clear.pcapng --json\n\n\
                        The file holds a passphrase a line, or a key (PSK or PMK) as 64 hexadecimal digits; with a PMK\n\
                        networks with SAE, OWE or 802.1X can be decrypted too. WEP and TKIP are not supported."
)]
pub struct Args {
    /// The capture (pcap or pcapng, gzip or not, - for standard input)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The capture to be written, pcapng
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The name of the network; left out, the secrets are tried on every network whose name is in the capture
    #[arg(long)]
    ssid: Option<String>,
    /// A file with the passphrase or key, one a line; left out, AIRLOOM_PASSPHRASE is taken, or you are asked
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    counts: &'a Counts,
    handshakes: &'a [Handshake],
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let secrets = self.secrets()?;
        let name = || self.input.display().to_string();
        let mut reader = Reader::open(&self.input).with_context(name)?;
        if same_file(&self.input, &self.output) {
            bail!("{} would be overwritten while it is read; name another output", self.input.display());
        }
        let out = File::create(&self.output).with_context(|| self.output.display().to_string())?;
        let writer = Writer::new(BufWriter::with_capacity(OUTPUT_BUFFER, out))?;
        let ssid = self.ssid.as_ref().map(|ssid| ssid.clone().into_bytes());
        let mut job = Job { decryptor: Decryptor::new(secrets, ssid), writer, interfaces: Vec::new() };
        let result = job.run(&mut reader);
        job.writer.flush().with_context(|| self.output.display().to_string())?;
        let warning = match result {
            Err(error) if error.is_cut_short() => Some(format!("{error}; all whole frames have been read")),
            other => other.with_context(name).map(|()| None)?,
        };
        self.report(&job.decryptor, warning)?;
        Ok(ExitCode::SUCCESS)
    }

    fn secrets(&self) -> anyhow::Result<Vec<NetworkSecret>> {
        let text = match (&self.passphrase_file, std::env::var("AIRLOOM_PASSPHRASE")) {
            (Some(path), _) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the passphrase from {}", path.display()))?,
            (None, Ok(text)) => text,
            (None, Err(_)) => rpassword::prompt_password("Passphrase: ")
                .context("no passphrase: give --passphrase-file or set AIRLOOM_PASSPHRASE")?,
        };
        let text = Zeroizing::new(text);
        let lines = text.lines().filter(|line| !line.is_empty());
        let secrets = lines.map(parse_secret).collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() {
            bail!("the passphrase is empty");
        }
        Ok(secrets)
    }

    fn report(&self, decryptor: &Decryptor, warning: Option<String>) -> anyhow::Result<()> {
        let (counts, handshakes) = (decryptor.counts(), &decryptor.handshakes());
        if self.json {
            return say_json(&Report { counts, handshakes, warning });
        }
        let mut out = Vec::new();
        handshakes.iter().try_for_each(|handshake| print_handshake(handshake, &mut out))?;
        let Counts { frames, malformed, protected, decrypted, legacy } = counts;
        writeln!(
            out,
            "{frames} frames, {malformed} malformed, {protected} protected, {decrypted} decrypted"
        )?;
        if *legacy > 0 {
            writeln!(
                out,
                "{legacy} frames are protected by WEP or TKIP, which are broken and not supported"
            )?;
        }
        if *protected > 0 && *decrypted == 0 && self.ssid.is_none() {
            writeln!(
                out,
                "nothing was decrypted; if the name of the network is not in the capture, give --ssid"
            )?;
        }
        if let Some(warning) = warning {
            writeln!(out, "{}", escape(warning.as_bytes()))?;
        }
        say(out)
    }
}

fn print_handshake(handshake: &Handshake, out: &mut impl Write) -> std::io::Result<()> {
    let messages: Vec<_> = handshake.messages.iter().map(|n| format!("M{n}")).collect();
    let verdict = match (handshake.complete, handshake.verified) {
        (true, _) => "complete, the passphrase is right",
        (false, true) => "incomplete, the passphrase is right",
        (false, false) => "not verified: another passphrase, an unsupported suite, or a message is missing",
    };
    let Handshake { bssid, client, akm, cipher, .. } = handshake;
    writeln!(out, "{bssid} {client} {akm} {cipher} {}: {verdict}", messages.join(" "))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

struct Job {
    decryptor: Decryptor,
    writer: Writer<BufWriter<File>>,
    /// The output's interface for each of the input's.
    interfaces: Vec<Option<InterfaceId>>,
}

impl Job {
    fn run(&mut self, reader: &mut Reader) -> Result<(), CaptureError> {
        let bar = progress_bar(reader);
        let mut batches = 0_u64;
        loop {
            let frames = reader.next_frames(BATCH)?;
            if frames.is_empty() {
                break;
            }
            self.frames(&frames)?;
            batches += 1;
            if batches.is_multiple_of(64) {
                bar.set_position(reader.progress().0);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn frames(&mut self, frames: &[CapturedFrame<'_>]) -> Result<(), CaptureError> {
        self.decryptor.frames(frames.iter().map(|frame| Some(&*frame.content.as_ref().ok()?.mpdu)));
        for (number, frame) in frames.iter().enumerate() {
            let Ok(content) = &frame.content else { continue };
            let interface = self.interface(frame.interface)?;
            let mpdu = self.decryptor.plain(number).unwrap_or(content.mpdu);
            let (time, direction) = (frame.time, frame.direction);
            let entry = Entry { time, direction, rx: content.rx, tx: content.tx, mpdu, comments: &[] };
            match content.radiotap.filter(|_| !content.stripped) {
                Some(header) => self.writer.write_with_header(interface, header, &entry)?,
                None => self.writer.write(interface, &entry)?,
            }
        }
        Ok(())
    }

    fn interface(&mut self, number: usize) -> Result<InterfaceId, CaptureError> {
        if let Some(id) = self.interfaces.get(number).copied().flatten() {
            return Ok(id);
        }
        let id = self.writer.radio(&format!("radio{number}"), "decrypted by airloom")?;
        self.interfaces.resize(self.interfaces.len().max(number + 1), None);
        if let Some(slot) = self.interfaces.get_mut(number) {
            *slot = Some(id);
        }
        Ok(id)
    }
}

/// How far a capture has been read. Shown on a terminal only.
pub(super) fn progress_bar(reader: &Reader) -> ProgressBar {
    let (_, size) = reader.progress();
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta} left");
    match size {
        Some(size) => {
            ProgressBar::new(size).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }
        None => ProgressBar::new_spinner(),
    }
}
