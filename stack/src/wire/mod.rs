//! Bytes to values and back.

mod addr;
mod channel;
pub mod eapol;
pub mod frame;
mod phy;
pub mod radiotap;
mod reader;

pub use addr::{MacAddr, ParseMacAddrError};
pub use channel::{Band, Channel, ChannelWidth};
pub use frame::{Frame, FrameControl, FrameKind, FrameType, MacHeader, QosControl, SequenceControl};
pub use phy::{AckChange, Rate, RxInfo, Transmit, TxId, TxOptions, TxStatus};
pub use reader::{Reader, Truncated};
