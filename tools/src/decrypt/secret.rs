//! A network's secret as people have it.

use stack::rsn::{NetworkSecret, Pmk};
use zeroize::Zeroizing;

/// A line that is no secret of a network. The line itself is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too short or too long.
    #[error(
        "a passphrase has 8 to 63 characters and a key 64 hexadecimal digits; this line has {0} characters"
    )]
    Length(usize),
    /// 64 zeroes.
    #[error("a key of zeroes is no key")]
    Zero,
}

/// Reads a line: 64 hexadecimal digits are a key, everything else is a passphrase.
pub fn parse_secret(line: &str) -> Result<NetworkSecret, SecretError> {
    let bytes = line.as_bytes();
    if let Some(key) = key_from_hex(bytes) {
        return Ok(Pmk::new(&*key).map_err(|_| SecretError::Zero)?.into());
    }
    if !(8..=63).contains(&bytes.len()) {
        return Err(SecretError::Length(line.chars().count()));
    }
    Ok(NetworkSecret::Passphrase(Zeroizing::new(bytes.to_vec())))
}

fn key_from_hex(digits: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| pair.get(at).and_then(|&c| char::from(c).to_digit(16));
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passphrases_or_keys() {
        assert!(matches!(parse_secret("correct horse"), Ok(NetworkSecret::Passphrase(_))));
        assert!(matches!(parse_secret(&"0aF9".repeat(16)), Ok(NetworkSecret::Pmk(_))));
        assert_eq!(parse_secret("short").unwrap_err(), SecretError::Length(5));
        assert_eq!(parse_secret(&"x".repeat(64)).unwrap_err(), SecretError::Length(64));
        assert_eq!(parse_secret(&"0".repeat(64)).unwrap_err(), SecretError::Zero);
        assert_eq!(format!("{:?}", parse_secret("correct horse").unwrap()), "Passphrase(..)");
    }
}
