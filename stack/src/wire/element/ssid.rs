//! The SSID element.

use std::fmt;

use super::{ElementId, ElementKind, Problem, TypedElement};

/// The name of a network (802.11-2020 9.4.2.2): 0 to 32 bytes of any kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssid<'a>(&'a [u8]);

impl<'a> Ssid<'a> {
    /// In a probe request: any network. In a beacon: a network that does not tell its name.
    pub const WILDCARD: Self = Self(&[]);

    /// These bytes as a name, `None` if there are more than 32.
    pub const fn new(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() <= 32 { Some(Self(bytes)) } else { None }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Without a byte: see [`Self::WILDCARD`].
    pub const fn is_wildcard(&self) -> bool {
        self.0.is_empty()
    }

    /// A network that does not tell its name: no bytes, or only zeros.
    pub fn is_hidden(&self) -> bool {
        self.0.iter().all(|&byte| byte == 0)
    }
}

impl<'a> TypedElement<'a> for Ssid<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::SSID);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        Self::new(data).ok_or(Problem::Value("a name longer than 32 bytes"))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

/// As text where it is text; other bytes and control characters as `\xNN`.
impl fmt::Display for Ssid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    c if c.is_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Ssid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
