//! Passphrases: from a file, the environment or a prompt, never from the command line.

use std::fmt;
use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Context, bail};
use stack::rsn::Pmk;
use zeroize::Zeroizing;

use crate::escape::escape;

/// The variable that a passphrase may be in.
const VARIABLE: &str = "AIRLOOM_PASSPHRASE";

/// A passphrase of 8 to 63 characters, or a PSK as 64 hexadecimal digits, as it was written.
pub struct Passphrase(Zeroizing<String>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl Passphrase {
    /// The first line of a text; a line break at its end is not part of it.
    fn first_line(text: &str) -> Self {
        let line = text.split('\n').next().unwrap_or_default();
        Self(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
    }

    /// Reads it from a file.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let name = || format!("cannot read the passphrase from {}", path.display());
        let text = Zeroizing::new(std::fs::read_to_string(path).with_context(name)?);
        Ok(Self::first_line(&text))
    }

    /// The key that it stands for in the network with this SSID.
    pub fn pmk(&self, ssid: &[u8]) -> Result<Pmk, String> {
        if self.0.len() != 64 {
            return Pmk::from_passphrase(&self.0, ssid).map_err(|error| error.to_string());
        }
        let mut key = Zeroizing::new([0; 32]);
        for (byte, digits) in key.iter_mut().zip(self.0.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
            let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            *byte = value.ok_or("64 characters are a key, which has hexadecimal digits only")?;
        }
        Pmk::new(&*key).map_err(|error| error.to_string())
    }
}

/// The passphrase of the network `ssid` out of `file`; without one, out of the environment, or from whoever sits at the
/// terminal. `options` says how the command is told a file, and that there is no passphrase.
pub fn read_passphrase(
    file: Option<&Path>,
    ssid: &[u8],
    (by_file, open): (&str, &str),
) -> anyhow::Result<Passphrase> {
    if let Some(path) = file {
        return Passphrase::from_file(path);
    }
    if let Ok(text) = std::env::var(VARIABLE) {
        return Ok(Passphrase::first_line(&Zeroizing::new(text)));
    }
    let ssid = escape(ssid);
    if !std::io::stdin().is_terminal() {
        bail!("no passphrase for \"{ssid}\": name a file by {by_file}, set {VARIABLE}, or say {open}");
    }
    let question = format!("Passphrase of \"{ssid}\": ");
    let text = rpassword::prompt_password(question).context("cannot ask for the passphrase")?;
    Ok(Passphrase::first_line(&Zeroizing::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_and_nothing_is_shown() {
        let passphrase = Passphrase::first_line("correct horse\r\nbattery\n");
        assert_eq!(passphrase.0.as_str(), "correct horse");
        assert_eq!(format!("{passphrase:?}"), "Passphrase(..)");
        assert_eq!(Passphrase::first_line(" eight \n").0.as_str(), " eight ");
    }

    #[test]
    fn passphrases_and_keys_by_their_rules() {
        let pmk = |text: &str| Passphrase::first_line(text).pmk(b"IEEE");
        // 802.11-2020 J.4.2
        let digits = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e";
        assert_eq!(pmk("password"), pmk(digits));
        assert!(pmk("seven77").unwrap_err().contains("8 to 63"));
        assert!(pmk("äöüäöüäö").unwrap_err().contains("printable ASCII"));
        assert!(pmk(&"x".repeat(64)).unwrap_err().contains("hexadecimal"));
        assert!(pmk(&"+1".repeat(32)).unwrap_err().contains("hexadecimal"));
        assert!(pmk(&"0".repeat(64)).unwrap_err().contains("zero"));
        assert!(pmk(&"x".repeat(65)).is_err());
        assert!(pmk(&"x".repeat(63)).is_ok());
    }
}
