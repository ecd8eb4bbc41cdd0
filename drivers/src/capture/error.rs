use std::io;

use pcap_file::pcapng::PcapNgWriteError;

/// What ended the reading or writing of a capture. After it there is nothing more to read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Neither pcap nor pcapng.
    #[error("not a capture file: it begins with {0:02x?}, which neither pcap nor pcapng does")]
    Unknown(Vec<u8>),
    /// Empty, or too short to tell what it is.
    #[error("not a capture file: it has only {0} bytes")]
    TooShort(usize),
    /// A version of the format that does not exist.
    #[error("{format} version {major}.{minor} is not supported")]
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// The file ends in the middle of a record.
    #[error("the file is cut short in the middle of record {record}: {need} bytes needed, {have} there")]
    CutShort {
        /// The number of the record (pcap) or block (pcapng), from 1.
        record: u64,
        /// The bytes the record needs.
        need: usize,
        /// The bytes that are left.
        have: usize,
    },
    /// The structure of the file is broken: where the next record begins is unknown.
    #[error("record {record} at byte {offset} is damaged: {why}")]
    Damaged {
        /// The number of the record (pcap) or block (pcapng), from 1.
        record: u64,
        /// Where in the (decompressed) file it begins.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A filter that libpcap does not take.
    #[error("the filter `{text}` is not understood: {why}")]
    Filter {
        /// The filter.
        text: String,
        /// What libpcap says.
        why: String,
    },
    /// An interface that cannot be listened to.
    #[error("cannot listen to {name}: {why}")]
    Interface {
        /// Its name.
        name: String,
        /// What libpcap says.
        why: String,
    },
    /// An entry that cannot be written.
    #[error("the frame cannot be written: {0}")]
    Write(PcapNgWriteError),
}

impl CaptureError {
    /// Whoever was to read what is written has gone away.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The file just ends too early; all whole frames have been read.
    pub const fn is_cut_short(&self) -> bool {
        matches!(self, Self::CutShort { .. })
    }
}

impl From<PcapNgWriteError> for CaptureError {
    fn from(error: PcapNgWriteError) -> Self {
        match error {
            PcapNgWriteError::Io(error) => Self::Io(error),
            other => Self::Write(other),
        }
    }
}
