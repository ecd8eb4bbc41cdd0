//! Bytes to values and back.

mod addr;
mod phy;
pub mod radiotap;
mod reader;

pub use addr::{MacAddr, ParseMacAddrError};
pub use phy::{AckChange, Rate, RxInfo, Transmit, TxId, TxOptions, TxStatus};
pub use reader::{Reader, Truncated};
