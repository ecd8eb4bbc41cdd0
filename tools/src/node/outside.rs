//! What is behind an AP or a link: a TAP device, or a cable in memory.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use drivers::tap::{Tap, TapError};

/// Ethernet frames between a network and what is outside of it. All radio threads of a node share that of a network of its
/// own; nothing blocks.
pub trait Outside: Send + Sync {
    /// Reads one frame for the network's stations; `None` when there is none now.
    fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError>;

    /// Writes one frame that a station sent. `false` when there is no room for it now.
    fn send(&self, frame: &[u8]) -> Result<bool, TapError>;

    /// What to sleep on until frames can be read, if it is anything.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;

    /// Says whether there is a network at this end. Where nobody is to be told of it nothing happens.
    fn set_carrier(&self, _there: bool) -> Result<(), TapError> {
        Ok(())
    }
}

impl Outside for Tap {
    fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError> {
        Self::receive(self, buffer)
    }

    fn send(&self, frame: &[u8]) -> Result<bool, TapError> {
        Self::send(self, frame)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }

    fn set_carrier(&self, there: bool) -> Result<(), TapError> {
        Self::set_carrier(self, there)
    }
}

impl<T: Outside + ?Sized> Outside for std::sync::Arc<T> {
    fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError> {
        (**self).receive(buffer)
    }

    fn send(&self, frame: &[u8]) -> Result<bool, TapError> {
        (**self).send(frame)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (**self).descriptor()
    }

    fn set_carrier(&self, there: bool) -> Result<(), TapError> {
        (**self).set_carrier(there)
    }
}

/// A cable in memory, for nodes on a simulated air: the network at one end, whoever plays the wired host at the other.
#[derive(Debug, Default)]
pub struct Cable {
    to_network: Mutex<VecDeque<Vec<u8>>>,
    to_host: Mutex<VecDeque<Vec<u8>>>,
}

/// Frames that a cable holds in each direction at the most.
const CABLE: usize = 1024;

impl Cable {
    /// The host sends a frame. `false` when the cable is full.
    pub fn host_send(&self, frame: Vec<u8>) -> bool {
        push(&mut lock(&self.to_network), frame)
    }

    /// The next frame for the host.
    pub fn host_receive(&self) -> Option<Vec<u8>> {
        lock(&self.to_host).pop_front()
    }
}

impl Outside for Cable {
    fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError> {
        Ok(lock(&self.to_network).pop_front().map(|frame| {
            let length = frame.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(&frame) {
                *to = *from;
            }
            length
        }))
    }

    fn send(&self, frame: &[u8]) -> Result<bool, TapError> {
        Ok(push(&mut lock(&self.to_host), frame.to_vec()))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn push(queue: &mut VecDeque<Vec<u8>>, frame: Vec<u8>) -> bool {
    let room = queue.len() < CABLE;
    if room {
        queue.push_back(frame);
    }
    room
}

/// A thread that panicked while it held the lock has left whole frames behind all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
