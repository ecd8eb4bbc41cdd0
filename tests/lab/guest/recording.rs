//! The air of one scenario, recorded from hwsim's own tap.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use drivers::packet::PacketSocket;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;
use stack::wire::{Transmit, TxId, TxOptions};

use super::program::until;
use super::{HOST, Outcome, expect, said};

/// An ACK to an address that nobody has.
const MARK: [u8; 10] = [0xd4, 0, 0, 0, 0x02, 0xa1, 0xff, 0xff, 0xff, 0xff];
/// In the guest's memory: the shared folder is too slow for a busy air.
const FILE: &str = "/tmp/air.pcap";

pub(crate) struct Recording {
    tcpdump: Child,
    /// Yields what tcpdump has said when it has ended.
    words: JoinHandle<Vec<String>>,
    dropped_before: u64,
    _stamps: UdpSocket,
    name: String,
}

impl Recording {
    /// Returns when tcpdump listens.
    pub(crate) fn start(name: &str) -> Result<Self, String> {
        let stamps = stamp_at_once()?;
        let mut tcpdump = said(
            Command::new("tcpdump")
                .args(["-i", "hwsim0", "-Z", "root", "-B", "32768", "-U", "--nano", "-w", FILE])
                .stderr(Stdio::piped())
                .spawn(),
        )?;
        let said_first = tcpdump.stderr.take().map(BufReader::new);
        let mut lines = said_first.into_iter().flat_map(|reader| reader.lines().map_while(Result::ok));
        let mut before = Vec::new();
        let listens = lines.any(|line| {
            before.push(line);
            before.last().is_some_and(|line| line.contains("listening on"))
        });
        expect(listens, || format!("tcpdump does not listen on hwsim0: {before:?}"))?;
        let words = thread::spawn(move || lines.collect());
        Ok(Self { tcpdump, words, dropped_before: dropped_before()?, _stamps: stamps, name: name.to_owned() })
    }

    /// Stops tcpdump once it has written all that was on the air, a mark that is sent last included, and hands the
    /// file to the host. Fails if frames are missing in it: no witness could tell what they were.
    pub(crate) fn end(mut self) -> Outcome {
        let marked = mark();
        let dropped_before = dropped_before()? - self.dropped_before;
        let pid = said(i32::try_from(self.tcpdump.id()))?;
        said(kill(Pid::from_raw(pid), Signal::SIGINT))?;
        said(self.tcpdump.wait())?;
        said(fs::copy(FILE, format!("{HOST}/{}.pcap", self.name)))?;
        said(fs::remove_file(FILE))?;
        marked?;
        let words = self.words.join().map_err(|_| "tcpdump was not listened to".to_owned())?;
        let lost = lost(&words).ok_or_else(|| format!("tcpdump does not say what it lost: {words:?}"))?;
        expect(lost + dropped_before == 0, || {
            format!(
                "the recording is not whole: {lost} frames had no room in its queue, {dropped_before} not even before"
            )
        })
    }
}

/// What the summary of tcpdump says of frames that its own queue had no room for.
fn lost(words: &[String]) -> Option<u64> {
    let line = words.iter().find(|line| line.ends_with("dropped by kernel"))?;
    line.split(' ').next()?.parse().ok()
}

/// How many frames did not get as far as that: each processor has a queue to all who listen.
fn dropped_before() -> Result<u64, String> {
    let count = said(fs::read_to_string("/sys/class/net/hwsim0/statistics/rx_dropped"))?;
    said(count.trim().parse())
}

/// Has the kernel note the time of each frame where it is sent, for as long as the socket lives. Without it tcpdump notes
/// when it got the frame, and each processor has a queue of its own to tcpdump: the order would be lost.
fn stamp_at_once() -> Result<UdpSocket, String> {
    let socket = said(UdpSocket::bind("127.0.0.1:0"))?;
    said(setsockopt(&socket, sockopt::ReceiveTimestamp, &true))?;
    Ok(socket)
}

/// hwsim's tap sends nothing on the air, but shows what was sent on it to who listens.
fn mark() -> Outcome {
    let mut socket = said(PacketSocket::open("hwsim0", None))?;
    let transmit = Transmit { frame: MARK.to_vec(), options: TxOptions::default(), id: TxId(0) };
    said(socket.transmit(&transmit))?;
    said(socket.flush())?;
    until("the recording does not come to its end", || {
        let end = last_of_the_file()?;
        expect(end.windows(MARK.len()).any(|bytes| bytes == MARK), || {
            format!("{} bytes at the end", end.len())
        })
    })
}

/// As much as a few frames after the mark may take.
fn last_of_the_file() -> Result<Vec<u8>, String> {
    let mut file = said(File::open(FILE))?;
    let len = said(file.metadata())?.len();
    said(file.seek(SeekFrom::Start(len.saturating_sub(1 << 16))))?;
    let mut bytes = Vec::new();
    said(file.read_to_end(&mut bytes))?;
    Ok(bytes)
}
