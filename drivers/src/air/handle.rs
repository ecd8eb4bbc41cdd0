//! A radio of the simulated air behind the trait that all radios have.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stack::wire::{AckChange, Channel, Transmit};

use super::{Air, RadioId, Report};
use crate::radio::{Radio, RadioError, Received, TransmitError};

/// One radio of an [`Air`] that several share. Its time is the air's: whoever drives the air advances it.
pub struct AirRadio {
    air: Rc<RefCell<Air>>,
    id: RadioId,
    frame: Vec<u8>,
}

impl AirRadio {
    /// The radio `id` of this air.
    pub const fn new(air: Rc<RefCell<Air>>, id: RadioId) -> Self {
        Self { air, id, frame: Vec::new() }
    }

    /// Which radio of the air it is.
    pub const fn id(&self) -> RadioId {
        self.id
    }
}

impl Radio for AirRadio {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        Ok(self.air.borrow_mut().receive(self.id).map(|report| match report {
            Report::Frame(info, frame) => {
                self.frame = frame;
                Received::Frame { info, frame: &mut self.frame }
            }
            Report::Status(status) => Received::Status(status),
        }))
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        let mut air = self.air.borrow_mut();
        let now = air.now();
        air.transmit(now, self.id, transmit).map_err(|_| TransmitError::Full)
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        Ok(())
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        let mut air = self.air.borrow_mut();
        let now = air.now();
        air.set_channel(now, self.id, channel);
        Ok(Duration::ZERO)
    }

    fn is_tuned(&self) -> bool {
        self.air.borrow().is_tuned(self.id)
    }

    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError> {
        self.air.borrow_mut().change_ack(self.id, change);
        Ok(())
    }
}
