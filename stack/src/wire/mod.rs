//! Bytes to values and back.

mod addr;
pub mod amsdu;
mod bits;
mod channel;
mod code;
pub mod eapol;
pub mod element;
pub mod frame;
pub mod llc;
pub mod management;
mod names;
mod phy;
pub mod radiotap;
mod reader;
pub(crate) mod record;

pub use addr::{MacAddr, ParseMacAddrError};
pub use channel::{Band, Channel, ChannelWidth};
pub use code::{AssociationId, Capabilities, ReasonCode, StatusCode};
pub use element::{ElementId, Elements};
pub use frame::{Frame, FrameControl, FrameKind, FrameType, MacHeader, QosControl, SequenceControl};
pub use llc::{EtherType, EthernetFrame, Llc, LlcError};
pub use management::ManagementBody;
pub use phy::{AckChange, Rate, RxInfo, Transmit, TxId, TxOptions, TxStatus};
pub use reader::{Reader, Truncated};
pub use record::RecordError;
