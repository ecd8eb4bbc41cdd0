//! Frames as lines: what `airloom dump` prints.

mod describe;
mod text;

pub use describe::{Line, describe};
pub use text::write_text;
