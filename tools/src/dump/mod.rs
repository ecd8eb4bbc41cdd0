//! Frames as lines: what `airloom dump` prints.

mod describe;
mod text;

pub(crate) use describe::rate;
pub use describe::{Line, describe};
pub use text::write_text;
