//! The air of one scenario, recorded from hwsim's own tap into the folder shared with the host.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use drivers::packet::PacketSocket;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::wire::{Transmit, TxId, TxOptions};

use super::{Outcome, expect, said};

/// An ACK to an address that nobody has.
const MARK: [u8; 10] = [0xd4, 0, 0, 0, 0x02, 0xa1, 0xff, 0xff, 0xff, 0xff];

pub(super) struct Recording {
    tcpdump: Child,
    file: String,
}

impl Recording {
    /// Returns when tcpdump listens.
    pub(super) fn start(name: &str) -> Result<Self, String> {
        let file = format!("/host/{name}.pcap");
        let mut tcpdump = said(
            Command::new("tcpdump")
                .args(["-i", "hwsim0", "-Z", "root", "-B", "16384", "-U", "-w", &file])
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
        // Kept draining: tcpdump must be able to write its summary.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { tcpdump, file })
    }

    /// Stops tcpdump once it has written all that was on the air: a mark that is sent last is in the file.
    pub(super) fn end(mut self) -> Outcome {
        let marked = self.mark();
        let pid = said(i32::try_from(self.tcpdump.id()))?;
        said(kill(Pid::from_raw(pid), Signal::SIGINT))?;
        said(self.tcpdump.wait())?;
        marked
    }

    /// hwsim's tap sends nothing on the air, but shows what was sent on it to who listens.
    fn mark(&self) -> Outcome {
        let mut socket = said(PacketSocket::open("hwsim0", None))?;
        let transmit = Transmit { frame: MARK.to_vec(), options: TxOptions::default(), id: TxId(0) };
        said(socket.transmit(&transmit))?;
        said(socket.flush())?;
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if said(fs::read(&self.file))?.windows(MARK.len()).any(|bytes| bytes == MARK) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err("the recording never came to its end".to_owned())
    }
}
