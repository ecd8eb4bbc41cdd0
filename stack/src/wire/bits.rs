//! Fields that are sixteen flags.

/// Gives a newtype over `u16` a getter and a `with_` builder for each of its bits.
macro_rules! capability_bits {
    ($field:ident: $($(#[$doc:meta])* $getter:ident, $with:ident, $bit:literal;)*) => {
        impl $field {
            $(
                $(#[$doc])*
                pub const fn $getter(self) -> bool {
                    self.0 & (1 << $bit) != 0
                }

                #[doc = concat!("The same with [`Self::", stringify!($getter), "`] set or cleared.")]
                #[must_use]
                pub const fn $with(self, on: bool) -> Self {
                    if on { Self(self.0 | 1 << $bit) } else { Self(self.0 & !(1 << $bit)) }
                }
            )*
        }
    };
}

pub(in crate::wire) use capability_bits;
