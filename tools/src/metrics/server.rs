//! The port that is scraped.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::http::{self, LONGEST, Request};
use crate::patience::{Deadline, Places};

/// Scrapers at a time; more are turned away.
const CLIENTS: usize = 4;
/// Who takes longer over a request and its answer is left.
const PATIENCE: Duration = Duration::from_secs(5);
/// The radios are not asked more often.
const FRESH: Duration = Duration::from_millis(250);

/// A port at which nobody is served yet.
#[derive(Debug)]
pub struct Exporter(TcpListener);

/// The text of the metrics, and when it was made.
struct Pages<F> {
    make: F,
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Exporter {
    /// Takes the port. An address that others than this host reach is refused.
    pub fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() {
            bail!("metrics are served on a local address only, such as 127.0.0.1:9450; not on {address}");
        }
        let listener = TcpListener::bind(address);
        Ok(Self(listener.with_context(|| format!("cannot serve metrics on {address}"))?))
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves what `make` makes to whoever connects, on a thread of its own, until the process ends.
    pub fn start(self, make: impl Fn() -> String + Send + Sync + 'static) -> io::Result<()> {
        let pages = Arc::new(Pages { make, last: Mutex::default() });
        let places = Places::new(CLIENTS);
        thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            for stream in self.0.incoming() {
                match stream {
                    Ok(stream) => admit(stream, &pages, &places),
                    // Out of descriptors, most likely: others have to close theirs first.
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        })?;
        Ok(())
    }
}

fn admit<F: Fn() -> String + Send + Sync + 'static>(
    stream: TcpStream,
    pages: &Arc<Pages<F>>,
    places: &Places,
) {
    let Some(place) = places.take() else {
        let words = http::refusal("503 Service Unavailable", "too many scrape at the same time; try again");
        // It is told if it listens.
        let _ = Deadline::after(PATIENCE).write(&stream, words.as_bytes());
        return;
    };
    let pages = Arc::clone(pages);
    // Without a thread the connection is closed, which says enough.
    let _ = thread::Builder::new().name("metrics client".to_owned()).spawn(move || {
        let _place = place;
        // How a conversation ends matters to nobody here.
        let _ = converse(&stream, &pages);
    });
}

fn converse<F: Fn() -> String>(stream: &TcpStream, pages: &Pages<F>) -> io::Result<()> {
    let deadline = Deadline::after(PATIENCE);
    let mut bytes = Vec::new();
    while !http::is_complete(&bytes) {
        if bytes.len() > LONGEST {
            let words = http::refusal("431 Request Header Fields Too Large", "the request is too long");
            return deadline.write(stream, words.as_bytes());
        }
        if !deadline.read(stream, &mut bytes)? {
            return Ok(());
        }
    }
    let answer = match Request::parse(&bytes) {
        Request::Metrics { head } => http::metrics(&pages.get(), head),
        Request::NotFound => http::refusal("404 Not Found", "the metrics are at /metrics"),
        Request::NotAllowed => http::refusal("405 Method Not Allowed", "the metrics can be read, with GET"),
        Request::Bad => http::refusal("400 Bad Request", "this is no HTTP/1.1 request"),
    };
    deadline.write(stream, answer.as_bytes())
}

impl<F: Fn() -> String> Pages<F> {
    /// The metrics as they are, or were a moment ago. Who comes while they are made waits for them.
    fn get(&self) -> Arc<str> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Arc::clone(page);
        }
        let page: Arc<str> = (self.make)().into();
        *last = Some((Instant::now(), Arc::clone(&page)));
        page
    }
}
