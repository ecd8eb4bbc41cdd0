//! Fields in which every value is possible, and some have a name.

/// Gives a newtype over `u8` or `u16` its constants, `name`, and a `Display`, which is its `Debug` too: a value with a name
/// is shown by the function, one without by the format.
macro_rules! named_values {
    ($type:ident, $what:literal, $unknown:literal, $known:expr;
        $($constant:ident = $value:literal, $name:literal;)*) => {
        impl $type {
            $(#[doc = concat!($what, " ", $value, ": ", $name, ".")] pub const $constant: Self = Self($value);)*

            /// What the value means, `None` if it is not among the constants.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($name),)* _ => None }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => $known(f, u16::from(self.0), name),
                    None => write!(f, $unknown, self.0),
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

/// Shows the name alone.
pub(in crate::wire) fn by_name(f: &mut std::fmt::Formatter<'_>, _: u16, name: &str) -> std::fmt::Result {
    f.write_str(name)
}

/// Shows the number, and the name behind it.
pub(in crate::wire) fn by_number(
    f: &mut std::fmt::Formatter<'_>,
    number: u16,
    name: &str,
) -> std::fmt::Result {
    write!(f, "{number} ({name})")
}

pub(in crate::wire) use named_values;
