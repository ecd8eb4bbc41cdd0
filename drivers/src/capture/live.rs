//! Frames as libpcap hears them on an interface, and filters in its language.

use pcap::{Active, BpfProgram, Capture, Linktype};

use super::CaptureError;
use super::link::{self, LinkType};
use super::reader::CapturedFrame;

/// A filter in the language of libpcap (pcap-filter(7)), for records of one link type.
pub struct Filter {
    program: BpfProgram,
}

impl Filter {
    /// Compiles a filter.
    pub fn compile(link: LinkType, text: &str) -> Result<Self, CaptureError> {
        let dead = Capture::dead(Linktype(i32::from(link.0)));
        let program = dead.and_then(|dead| dead.compile(text, true));
        let refused = |error: pcap::Error| CaptureError::Filter { text: text.into(), why: error.to_string() };
        Ok(Self { program: program.map_err(refused)? })
    }

    /// Whether a record, from its link-layer header on, passes.
    pub fn matches(&self, record: &[u8]) -> bool {
        self.program.filter(record)
    }
}

/// An interface that is listened to.
pub struct Live {
    capture: Capture<Active>,
    link: LinkType,
    bytes: Vec<u8>,
    number: u64,
}

impl Live {
    /// Listens to an interface, best one in monitor mode; the filter runs in the kernel.
    pub fn open(interface: &str, filter: Option<&str>) -> Result<Self, CaptureError> {
        let failed =
            |error: pcap::Error| CaptureError::Interface { name: interface.into(), why: error.to_string() };
        let inactive = Capture::from_device(interface).map_err(failed)?;
        let mut capture =
            inactive.immediate_mode(true).snaplen(65_535).timeout(1000).open().map_err(failed)?;
        let link = LinkType(u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX));
        if !link.is_wireless() {
            let why = format!(
                "its frames are {link}: it is not in monitor mode (iw dev {interface} set monitor none)"
            );
            return Err(CaptureError::Interface { name: interface.into(), why });
        }
        if let Some(text) = filter {
            // the kernel's own compiler says no more than libpcap's, which knows what is wrong
            Filter::compile(link, text)?;
            capture.filter(text, true).map_err(failed)?;
        }
        Ok(Self { capture, link, bytes: Vec::new(), number: 0 })
    }

    /// Waits for the next frame.
    pub fn next_frame(&mut self) -> Option<Result<CapturedFrame<'_>, CaptureError>> {
        let (time, original) = loop {
            match self.capture.next_packet() {
                Ok(packet) => {
                    self.bytes.clear();
                    self.bytes.extend_from_slice(packet.data);
                    break (nanoseconds(packet.header.ts), packet.header.len);
                }
                Err(pcap::Error::TimeoutExpired) => {}
                Err(pcap::Error::NoMorePackets) => return None,
                Err(error) => {
                    return Some(Err(CaptureError::Interface {
                        name: "the interface".into(),
                        why: error.to_string(),
                    }));
                }
            }
        };
        self.number += 1;
        let original = usize::try_from(original).unwrap_or(self.bytes.len());
        Some(Ok(CapturedFrame {
            number: self.number,
            time,
            original_length: original,
            captured_length: self.bytes.len(),
            interface: 0,
            link: self.link,
            direction: None,
            content: link::content(self.link, None, original, &mut self.bytes),
        }))
    }
}

fn nanoseconds(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_usec).unwrap_or_default() * 1000
}
