//! Randomness as an argument.

/// A source of random bytes: the operating system's generator at the edge, a seeded one in a simulation.
///
/// Nonces and keys are drawn from it, so outside a simulation it must be cryptographically secure (SEC-K13).
pub trait Random {
    /// Fills `buffer` with random bytes.
    fn fill(&mut self, buffer: &mut [u8]);
}

impl<R: Random + ?Sized> Random for &mut R {
    fn fill(&mut self, buffer: &mut [u8]) {
        (**self).fill(buffer);
    }
}

/// `N` random bytes.
pub fn bytes<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}
