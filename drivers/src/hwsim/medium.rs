//! The medium itself: takes a frame from the kernel, plays it, and tells the kernel.

use std::os::fd::AsFd;

use stack::time::Instant;
use stack::wire::{AckChange, MacAddr};

use super::acks::Watched;
use super::error::MediumError;
use super::field::Field;
use super::kernel::{Kernel, MediumCounts, failed};
use super::message::{Told, parse};
use crate::netlink::{Messages, Reply};
use crate::propagation::{Knobs, Model, Position};
use crate::reactor::{Bell, Reactor, now};

/// Messages that are dealt with before others get their turn.
const TURN: usize = 256;
/// Turns that it takes at the end, however busy the radios are.
const LAST_TURNS: usize = 64;
const KERNEL: u32 = 0;
const INTERFACES: u32 = 1;

/// The medium of all simulated radios that were made in this network namespace, wherever they have been moved to. While
/// it lives, radios without a place hear nobody and are heard by nobody; when it is dropped, all hear all again.
pub struct Medium {
    kernel: Kernel,
    watched: Watched,
    field: Field,
    reactor: Reactor,
    /// More may wait than was read.
    busy: bool,
}

impl Medium {
    /// Becomes the medium. The same seed gives the same chances; what the kernel makes of them depends on its timing.
    pub fn open(seed: u64, model: Model) -> Result<Self, MediumError> {
        let mut watched = Watched::open()?;
        let mut field = Field::new(seed, model);
        for (radio, address) in watched.others()? {
            field.change(radio, AckChange::Add(address));
        }
        let kernel = Kernel::register()?;
        let reactor = Reactor::new().map_err(failed("making its reactor"))?;
        reactor.watch(kernel.as_fd(), KERNEL).map_err(failed("watching its socket"))?;
        reactor.watch(watched.as_fd(), INTERFACES).map_err(failed("watching interfaces"))?;
        Ok(Self { kernel, watched, field, reactor, busy: true })
    }

    /// Puts a radio somewhere, or moves it.
    pub fn place(&mut self, radio: MacAddr, position: Position) {
        self.field.place(radio, Some(position));
    }

    /// Takes a radio out of the world.
    pub fn take_away(&mut self, radio: MacAddr) {
        self.field.place(radio, None);
    }

    /// What is done to frames on links that have no knobs of their own; [`Knobs::delay`] does not work here.
    pub const fn set_all_links(&mut self, knobs: Knobs) {
        self.field.set_all_links(knobs);
    }

    /// What is done to frames from one radio to another; [`Knobs::delay`] does not work here.
    pub fn set_link(&mut self, from: MacAddr, to: MacAddr, knobs: Knobs) {
        self.field.set_link(from, to, knobs);
    }

    /// What has passed so far.
    pub fn counts(&self) -> Result<MediumCounts, MediumError> {
        self.kernel.counts()
    }

    /// What other threads end a [`Self::wait`] with.
    pub fn bell(&self) -> Bell {
        self.reactor.bell()
    }

    /// Deals with some of what waits. If nothing waits it sleeps for it first, at the longest until `deadline` or until
    /// the bell rings. To be called again and again: while nobody does, the air stands still.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Result<(), MediumError> {
        let last = now().map_err(failed("reading the clock"))?;
        let deadline = if self.busy { Some(last) } else { deadline };
        self.reactor.wait(last, deadline).map_err(failed("sleeping"))?.for_each(drop);
        self.turn()
    }

    fn turn(&mut self) -> Result<(), MediumError> {
        if let Some(monitors) = self.watched.monitors()? {
            self.field.set_monitors(&monitors);
        }
        for _ in 0..TURN {
            let Some(datagram) = self.kernel.next()? else {
                self.busy = false;
                return Ok(());
            };
            self.handle(&datagram)?;
        }
        self.busy = true;
        Ok(())
    }

    fn handle(&mut self, datagram: &[u8]) -> Result<(), MediumError> {
        for (_, message) in Messages::new(datagram) {
            let Reply::Data(command, attributes) = message else { continue };
            match parse(command, &attributes) {
                Some(Told::Frame(sent)) => {
                    let now = now().map_err(failed("reading the clock"))?;
                    let kernel = &mut self.kernel;
                    let fate = self.field.play(now, &sent, |attempt| kernel.deliver(&sent, attempt))?;
                    self.kernel.report(&sent, fate)?;
                }
                Some(Told::Address { radio, change }) => self.field.change(radio, change),
                Some(Told::Other) => {}
                None => self.kernel.counts.malformed += 1,
            }
        }
        Ok(())
    }
}

impl Drop for Medium {
    /// Frames that the kernel still waits for would never get their status.
    fn drop(&mut self) {
        for _ in 0..LAST_TURNS {
            if self.turn().is_err() || !self.busy {
                break;
            }
        }
    }
}
