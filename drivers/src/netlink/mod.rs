//! Netlink: messages as bytes, and a socket that talks to one family of the kernel.

mod message;
mod socket;

use std::io;

pub(crate) use message::{Attributes, Messages, Reply, Request, number_of, text_of};
pub(crate) use socket::Socket;

/// Why the kernel did not do what it was asked.
#[derive(Debug)]
pub(crate) enum NetlinkError {
    /// The socket failed.
    Socket(io::Error),
    /// The kernel has no such family.
    NoFamily,
    /// The kernel refused.
    Refused {
        /// What was tried.
        what: &'static str,
        /// The error number's text.
        cause: io::Error,
        /// What the driver says about it.
        why: Option<String>,
    },
}
