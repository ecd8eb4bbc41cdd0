//! The control interface of wpa_supplicant and hostapd: requests and events as datagrams on a socket in the file system.

use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, str};

use super::program::{PATIENCE, within};
use super::{Outcome, expect, said};

/// One conversation: for requests, or for events once [`Control::attach`] was called.
pub(crate) struct Control {
    socket: UnixDatagram,
    own: String,
}

impl Control {
    pub(crate) fn open(path: &str) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let own = format!("/tmp/control-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let _ = fs::remove_file(&own);
        let socket = said(UnixDatagram::bind(&own))?;
        let control = Self { socket, own };
        control.socket.connect(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(control)
    }

    /// Sends a request and yields the answer.
    pub(crate) fn request(&self, request: &str) -> Result<String, String> {
        said(self.socket.set_read_timeout(Some(PATIENCE)))?;
        said(self.socket.send(request.as_bytes()))?;
        let mut buffer = [0; 8192];
        let len = said(self.socket.recv(&mut buffer))?;
        Ok(String::from_utf8_lossy(&buffer[..len]).into_owned())
    }

    /// A request whose only good answer is OK.
    pub(crate) fn order(&self, request: &str) -> Outcome {
        let answer = self.request(request)?;
        expect(answer.trim() == "OK", || format!("{request}: {answer}"))
    }

    /// From here on this conversation is for events.
    pub(crate) fn attach(&self) -> Outcome {
        self.order("ATTACH")
    }

    /// Events that have come so far are of no interest any more.
    pub(crate) fn forget_events(&self) -> Outcome {
        said(self.socket.set_nonblocking(true))?;
        while self.socket.recv(&mut [0; 8192]).is_ok() {}
        said(self.socket.set_nonblocking(false))
    }

    /// The next event that says one of these words. An event that is feared ends the wait.
    pub(crate) fn event(&self, bound: Duration, wanted: &[&str], feared: &[&str]) -> Result<String, String> {
        let mut seen = Vec::new();
        let end = Instant::now() + bound;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            said(self.socket.set_read_timeout(Some(left)))?;
            let mut buffer = [0; 8192];
            let Ok(len) = self.socket.recv(&mut buffer) else { continue };
            let event = String::from_utf8_lossy(&buffer[..len]).into_owned();
            if wanted.iter().any(|word| event.contains(word)) {
                return Ok(event);
            }
            expect(!feared.iter().any(|word| event.contains(word)), || event.clone())?;
            seen.push(event);
        }
        let last: Vec<_> = seen.iter().rev().take(8).collect();
        Err(format!("no event {wanted:?} in {bound:?}; {} others, the last first: {last:?}", seen.len()))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.own);
    }
}

/// Opens a conversation as soon as the program listens.
pub(crate) fn open_soon(path: &str, mut lives: impl FnMut() -> Outcome) -> Result<Control, String> {
    let mut died = Ok(());
    let control = within(PATIENCE, "nobody listens on the control socket", || {
        died = lives();
        if died.is_err() {
            return Ok(None);
        }
        let control = Control::open(path)?;
        control.request("PING").map(|_| Some(control))
    })?;
    control.ok_or_else(|| died.err().unwrap_or_default())
}

/// The value of a key in an answer of lines `key=value`.
pub(crate) fn field<'a>(answer: &'a str, key: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}
