//! Capture files: pcap and pcapng in, pcapng out.
//!
//! [`Reader`] reads both formats, in both byte orders and at any time resolution, through gzip if need be, from files
//! and from standard input, and hands out each frame as an MPDU without link-layer header and without frame check
//! sequence, in a buffer that is used again. Memory does not grow with the file.
//!
//! [`Writer`] writes pcapng: nanoseconds, one interface for each radio, direction, comments.
//!
//! The readers are our own and the writer is the crate `pcap-file`'s. Its reader is strict where a tool that looks at
//! broken files must not be: a packet with one ill-formed option, or an original length below the captured one, is
//! refused as a whole and not passed, as is every later packet of an interface description with an ill-formed text.
//! It also collects the options of each packet in a vector before anybody has asked for them.

mod error;
mod link;
mod live;
mod pcap;
mod pcapng;
mod reader;
mod source;
mod writer;

pub use error::CaptureError;
pub use link::{Content, Fcs, LinkError, LinkType};
pub use live::{Filter, Live};
pub use reader::{CapturedFrame, Direction, Reader};
pub use writer::{Entry, InterfaceId, Writer};

#[cfg(test)]
mod tests;
