//! As much of HTTP/1.1 (RFC 9112) as it takes to be scraped: one request, one answer, and the connection is closed.

/// A longer request is none.
pub(super) const LONGEST: usize = 8192;

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The metrics; without them, only what would be said of them, if `head`.
    Metrics {
        /// It was HEAD.
        head: bool,
    },
    /// Something that is not here.
    NotFound,
    /// Something else than to read.
    NotAllowed,
    /// It is no request.
    Bad,
}

/// The end of the header, if it is there.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|end| end == b"\r\n\r\n") || bytes.windows(2).any(|end| end == b"\n\n")
}

impl Request {
    /// Reads the first line of a request.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        let Ok(line) = std::str::from_utf8(line) else { return Self::Bad };
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Self::Bad;
        };
        if method.is_empty() || !target.starts_with('/') || !version.starts_with("HTTP/1.") {
            return Self::Bad;
        }
        let path = target.split('?').next().unwrap_or_default();
        match method {
            "GET" | "HEAD" if path == "/metrics" => Self::Metrics { head: method == "HEAD" },
            "GET" | "HEAD" => Self::NotFound,
            _ => Self::NotAllowed,
        }
    }
}

/// The format of the metrics.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics as an answer.
pub(super) fn metrics(page: &str, head: bool) -> String {
    let body = if head { "" } else { page };
    format!("{}{body}", header("200 OK", METRICS, "", page.len()))
}

/// Why there is no other answer.
pub(super) fn refusal(status: &str, words: &str) -> String {
    let more = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let body = format!("{words}\n");
    format!("{}{body}", header(status, "text/plain; charset=utf-8", more, body.len()))
}

fn header(status: &str, kind: &str, more: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n"
    )
}
