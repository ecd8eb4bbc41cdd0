//! The node's side of the control socket.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use nix::sys::stat::{Mode, fchmod};

use super::{Answer, Request};
use crate::patience::{Deadline, Places};

/// Conversations at a time; more are turned away.
const CLIENTS: usize = 16;
/// A longer request is none.
const LONGEST: usize = 4096;
/// A client that takes longer over a request, or to read an answer, is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket that nobody is served at yet.
pub struct Server {
    listener: UnixListener,
    name: SocketName,
}

/// The name of a socket that was made here; dropped, it is removed.
pub struct SocketName(PathBuf);

impl Drop for SocketName {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

impl Server {
    /// Makes the socket, for its owner alone. One that a node which is gone has left behind is replaced.
    pub fn bind(path: &Path) -> anyhow::Result<Self> {
        clear_the_way(path)?;
        let name = || {
            let path = path.display();
            format!("cannot make the control socket {path} (as root, or with another path by --control)")
        };
        let listener = listen_at(path).with_context(name)?;
        Ok(Self { listener, name: SocketName(path.to_owned()) })
    }

    /// Serves whoever connects, on a thread of its own, until the process ends. Keep what it yields until then.
    pub fn start(
        self,
        respond: impl Fn(Request) -> Answer + Send + Sync + 'static,
    ) -> io::Result<SocketName> {
        let Self { listener, name } = self;
        let respond = Arc::new(respond);
        let places = Places::new(CLIENTS);
        thread::Builder::new().name("control".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => admit(stream, &respond, &places),
                    // Out of descriptors, most likely: others have to close theirs first.
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        })?;
        Ok(name)
    }
}

fn clear_the_way(path: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            bail!("{} is there and is not a socket; name another by --control", path.display())
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).with_context(|| format!("cannot replace {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
        Ok(_) => bail!(
            "another airloom runs there: {} answers; stop that one, or name another socket by --control",
            path.display()
        ),
    }
}

/// The mode is set before the socket has a name, so that nobody gets in before it is.
fn listen_at(path: &Path) -> io::Result<UnixListener> {
    let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    fchmod(fd.as_fd(), Mode::S_IRUSR | Mode::S_IWUSR)?;
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    listen(&fd, Backlog::new(CLIENTS as i32)?)?;
    Ok(UnixListener::from(fd))
}

fn admit<F>(stream: UnixStream, respond: &Arc<F>, places: &Places)
where
    F: Fn(Request) -> Answer + Send + Sync + 'static,
{
    let Some(place) = places.take() else {
        // It is told if it listens.
        let _ = answer(&stream, &Answer::Error("too many ask at the same time; try again".to_owned()));
        return;
    };
    let respond = Arc::clone(respond);
    // Without a thread the connection is closed, which says enough.
    let _ = thread::Builder::new().name("control client".to_owned()).spawn(move || {
        let _place = place;
        // How a conversation ends matters to nobody here.
        let _ = converse(&stream, &*respond);
    });
}

fn converse(stream: &UnixStream, respond: &dyn Fn(Request) -> Answer) -> io::Result<()> {
    let mut lines = Lines { stream, bytes: Vec::new() };
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) => {
                answer(stream, &Answer::Error(error.to_string()))?;
                return Err(error);
            }
        };
        let response = match serde_json::from_slice(&line) {
            Ok(request) => respond(request),
            Err(error) => Answer::Error(format!("not a request: {error}")),
        };
        answer(stream, &response)?;
    }
}

/// Requests out of a stream, each within [`PATIENCE`] and [`LONGEST`].
struct Lines<'a> {
    stream: &'a UnixStream,
    bytes: Vec<u8>,
}

impl Lines<'_> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            if let Some(at) = self.bytes.iter().position(|&byte| byte == b'\n') {
                let rest = self.bytes.split_off(at + 1);
                return Ok(Some(std::mem::replace(&mut self.bytes, rest)));
            }
            if self.bytes.len() > LONGEST {
                return Err(io::Error::new(ErrorKind::InvalidData, "the request is too long"));
            }
            if !deadline.read(self.stream, &mut self.bytes)? {
                return Ok(None);
            }
        }
    }
}

/// Writes an answer.
fn answer(stream: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(answer)?;
    bytes.push(b'\n');
    Deadline::after(PATIENCE).write(stream, &bytes)
}
