//! A capture onto the air.

use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use drivers::TransmitError;
use drivers::capture::{CapturedFrame, Fcs, Reader};
use drivers::packet::PacketSocket;
use serde::Serialize;
use stack::wire::{Rate, Transmit, TxId, TxOptions};

use super::super::{say, say_json};
use super::progress_bar;

/// How often a frame is offered to a full queue, a millisecond apart, before it is given up.
const OFFERS: u32 = 1000;

/// What became of the frames.
#[derive(Debug, Default, Serialize)]
struct Report {
    frames: u64,
    sent: u64,
    not_wireless_or_malformed: u64,
    bad_fcs: u64,
    too_long: u64,
    queue_full: u64,
}

/// Sends the frames of the capture `input` on the monitor interface `to`, at `speed` times the capture's pace.
pub(super) fn run(input: &Path, to: &str, speed: f64, json: bool) -> anyhow::Result<ExitCode> {
    check_interface(to)?;
    let name = || input.display().to_string();
    let mut reader = Reader::open(input).with_context(name)?;
    let mut radio = PacketSocket::open(to, None)?;
    let mut report = Report::default();
    let result = replay(&mut reader, &mut radio, speed, &mut report);
    if json {
        say_json(&report)?;
    } else {
        let Report { frames, sent, not_wireless_or_malformed, bad_fcs, too_long, queue_full } = &report;
        say(format!(
            "{frames} frames, {sent} sent; left out: {not_wireless_or_malformed} not 802.11 or malformed, \
             {bad_fcs} with a wrong FCS, {too_long} too long, {queue_full} while the queue was full\n"
        ))?;
    }
    result.with_context(name)?;
    Ok(ExitCode::SUCCESS)
}

/// On any other interface the frames would leave as nonsense.
fn check_interface(name: &str) -> anyhow::Result<()> {
    const MONITOR: &str = "803";
    let kind = std::fs::read_to_string(Path::new("/sys/class/net").join(name).join("type"));
    let kind = kind.with_context(|| format!("there is no interface {name}"))?;
    if kind.trim() != MONITOR {
        bail!("{name} is not a monitor interface; make one with: iw phy PHY interface add mon0 type monitor");
    }
    Ok(())
}

fn replay(
    reader: &mut Reader,
    radio: &mut PacketSocket,
    speed: f64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let bar = progress_bar(reader);
    let mut pace = Pace { start: None, speed };
    loop {
        let position = reader.progress().0;
        let Some(frame) = reader.next_frame() else { break };
        let frame = frame?;
        report.frames += 1;
        let due = pace.due(frame.time);
        if let Some(transmit) = transmit(&frame, report) {
            sleep(due.saturating_duration_since(Instant::now()));
            offer(radio, &transmit, report)?;
        }
        bar.set_position(position);
    }
    bar.finish_and_clear();
    Ok(())
}

/// When a frame is to leave.
struct Pace {
    /// The time of the first frame, in the capture and here.
    start: Option<(u64, Instant)>,
    speed: f64,
}

impl Pace {
    fn due(&mut self, time: u64) -> Instant {
        let (first, start) = *self.start.get_or_insert_with(|| (time, Instant::now()));
        let since = Duration::from_nanos(time.saturating_sub(first));
        let scaled = Duration::try_from_secs_f64(since.as_secs_f64() / self.speed).unwrap_or_default();
        start.checked_add(scaled).unwrap_or(start)
    }
}

fn transmit(frame: &CapturedFrame<'_>, report: &mut Report) -> Option<Transmit> {
    let Ok(content) = &frame.content else {
        report.not_wireless_or_malformed += 1;
        return None;
    };
    if content.fcs == Fcs::Bad {
        report.bad_fcs += 1;
        return None;
    }
    if content.mpdu.len() < 10 {
        report.not_wireless_or_malformed += 1;
        return None;
    }
    // other rates depend on what the adapter can do
    let rate = content.rx.rate.filter(|rate| matches!(rate, Rate::Legacy(_)));
    let options = TxOptions { rate, no_ack: true, retries: Some(0) };
    Some(Transmit { frame: content.mpdu.to_vec(), options, id: TxId(frame.number) })
}

/// Sends a frame; a full queue gets time to drain.
fn offer(radio: &mut PacketSocket, transmit: &Transmit, report: &mut Report) -> anyhow::Result<()> {
    for _ in 0..OFFERS {
        match radio.transmit(transmit) {
            Ok(()) => {
                radio.flush()?;
                report.sent += 1;
                // what comes back is not needed, but must not fill the ring
                while radio.receive().is_some() {}
                return Ok(());
            }
            Err(TransmitError::TooLong { .. }) => {
                report.too_long += 1;
                return Ok(());
            }
            Err(TransmitError::Full) => {
                radio.flush()?;
                sleep(Duration::from_millis(1));
            }
        }
    }
    report.queue_full += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_monitor_interfaces_are_taken() {
        let refused = check_interface("lo").unwrap_err().to_string();
        assert!(refused.contains("lo is not a monitor interface"), "{refused}");
        assert!(check_interface("no such thing").is_err());
    }

    #[test]
    fn the_pace_is_that_of_the_capture_times_the_speed() {
        let mut pace = Pace { start: None, speed: 4.0 };
        let first = pace.due(1_000_000_000);
        assert_eq!(pace.due(3_000_000_000).duration_since(first), Duration::from_millis(500));
        // clocks that step back do not stop the replay
        assert_eq!(pace.due(0), first);
    }
}
