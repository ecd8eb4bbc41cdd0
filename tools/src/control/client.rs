//! Asking a node that runs.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use super::{Answer, Request};

/// A node answers within a second or so.
const PATIENCE: Duration = Duration::from_secs(10);
/// Thousands of clients take less.
const LONGEST: u64 = 64 << 20;

/// Asks the node whose control socket is at `path`.
pub fn ask(path: &Path, request: &Request) -> anyhow::Result<Answer> {
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => bail!(
            "no airloom answers at {}: start one with `airloom run FILE.toml` or `airloom ap`, or name its socket by \
             --control",
            path.display()
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{} is for its owner alone: ask as root", path.display())
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let line =
        converse(&mut stream, request).with_context(|| format!("{} does not answer", path.display()))?;
    match serde_json::from_str(&line) {
        Ok(Answer::Error(why)) => bail!("{}: {why}", path.display()),
        Ok(answer) => Ok(answer),
        Err(_) => bail!("{} is not an airloom of this version", path.display()),
    }
}

fn converse(stream: &mut UnixStream, request: &Request) -> anyhow::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = serde_json::to_vec(request)?;
    bytes.push(b'\n');
    // A node that turns us away says why before it closes the connection, and does not wait for what we ask.
    let written = stream.write_all(&bytes);
    let mut line = String::new();
    let read = BufReader::new(stream.take(LONGEST)).read_line(&mut line);
    if line.is_empty() {
        written?;
        read?;
        bail!("it closed the connection");
    }
    Ok(line)
}
