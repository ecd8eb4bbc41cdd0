//! The operating system's random numbers.

use stack::random::Random;

/// The generator of the kernel (SEC-K13).
#[derive(Clone, Copy, Debug)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, buffer: &mut [u8]) {
        // It fails on no system that runs this; were it to, no key must be made of what is in the buffer.
        if getrandom::fill(buffer).is_err() {
            std::process::abort();
        }
    }
}
