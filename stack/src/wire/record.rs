//! Values as bytes between our own nodes: no format of the standard. Numbers have their least significant byte first,
//! lists and optional values say first how many there are, and every value has one form only.

use std::time::Duration;

use crate::wire::{MacAddr, Reader, SequenceControl, Truncated};

/// Bytes that are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There are too few.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// A field holds what cannot be.
    #[error("{0} cannot be")]
    Impossible(&'static str),
}

/// What can be written and read.
pub(crate) trait Record: Sized {
    /// Appends the value to `out`.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads a value; nothing that [`Self::put`] would write otherwise is taken.
    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError>;
}

/// Makes a record of a struct: its fields in this order.
macro_rules! record {
    ($name:ident { $($field:tt),* $(,)? }) => {
        impl $crate::wire::record::Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::wire::record::Record::put(&self.$field, out);)*
            }

            fn read(
                reader: &mut $crate::wire::Reader<'_>,
            ) -> Result<Self, $crate::wire::record::RecordError> {
                Ok(Self { $($field: $crate::wire::record::Record::read(reader)?,)* })
            }
        }
    };
}
pub(crate) use record;

macro_rules! number {
    ($($number:ty),*) => {
        $(impl Record for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
                Ok(Self::from_le_bytes(*reader.array()?))
            }
        })*
    };
}
number!(u8, u16, u64, i64);

impl Record for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        match u8::read(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Impossible("a flag that is neither set nor clear")),
        }
    }
}

/// In microseconds.
impl Record for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.as_micros()).unwrap_or(u64::MAX).put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(Self::from_micros(u64::read(reader)?))
    }
}

impl Record for MacAddr {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.octets());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(Self(*reader.array()?))
    }
}

impl<T: Record> Record for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(if bool::read(reader)? { Some(T::read(reader)?) } else { None })
    }
}

impl<T: Record, const N: usize> Record for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let values: Vec<T> = (0..N).map(|_| T::read(reader)).collect::<Result<_, _>>()?;
        values.try_into().map_err(|_| RecordError::Impossible("a list of another length"))
    }
}

/// Up to 65,535 of them. Each takes a byte at least, so the list is no longer than what was read.
impl<T: Record> Record for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        let count = u16::try_from(self.len()).unwrap_or(u16::MAX);
        count.put(out);
        self.iter().take(usize::from(count)).for_each(|value| value.put(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let count = u16::read(reader)?;
        let mut values = Self::new();
        for _ in 0..count {
            values.push(T::read(reader)?);
        }
        Ok(values)
    }
}

record!(SequenceControl { 0 });
