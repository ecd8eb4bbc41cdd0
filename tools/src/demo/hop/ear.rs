//! The radio that hops, with a witness of what it is given to hear.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use drivers::air::{AirRadio, RadioId};
use drivers::{Radio, RadioError, Received, TransmitError};
use stack::wire::{AckChange, Channel, Transmit};

use super::witness::Witness;

/// A radio of the air whose frames the witness sees on their way up.
pub(super) struct Ear {
    radio: AirRadio,
    witness: Rc<RefCell<Witness>>,
}

impl Ear {
    pub(super) const fn new(radio: AirRadio, witness: Rc<RefCell<Witness>>) -> Self {
        Self { radio, witness }
    }

    pub(super) const fn id(&self) -> RadioId {
        self.radio.id()
    }
}

impl Radio for Ear {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        let received = self.radio.receive()?;
        if let Some(Received::Frame { frame, .. }) = &received {
            self.witness.borrow_mut().heard(frame);
        }
        Ok(received)
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.radio.transmit(transmit)
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.radio.flush()
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        self.radio.set_channel(channel)
    }

    fn is_tuned(&self) -> bool {
        self.radio.is_tuned()
    }

    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError> {
        self.radio.change_ack(change)
    }
}
