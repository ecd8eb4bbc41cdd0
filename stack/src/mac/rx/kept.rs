//! Deliveries that outlive their frame.

use super::Delivery;
use crate::mac::BufferPool;
use crate::wire::MacAddr;

/// A [`Delivery`] without a borrow of the frame, so that its receiver is free to act on it. Its bytes lie in buffers of a
/// pool, to be given back there.
#[derive(Debug)]
pub enum Kept {
    /// A management frame, to be read from the MPDU again: it is not decrypted in place.
    Management,
    /// EAPOL to us, from the version byte on, and whether it came encrypted under the pairwise key.
    Eapol(Vec<u8>, bool),
    /// An MSDU as an Ethernet frame.
    Ethernet(Vec<u8>),
    /// [`Delivery::Doze`], or [`Delivery::Wake`] if false.
    Doze(bool),
    /// The dozing station has asked for frames: [`Delivery::PsPoll`] or [`Delivery::Trigger`].
    Ready,
    /// [`Delivery::NotAssociated`].
    Stranger(MacAddr),
    /// [`Delivery::Buffered`].
    Buffered {
        /// The More Data flag.
        more_data: bool,
        /// The end of the service period.
        end_of_service_period: bool,
        /// The frame was to a group.
        group: bool,
    },
}

impl Delivery<'_> {
    /// Copies what the frame brought into buffers of `pool`.
    pub fn keep(self, pool: &mut BufferPool) -> Kept {
        match self {
            Self::Management(_) => Kept::Management,
            Self::Eapol { pdu, protected } => {
                let mut copy = pool.take();
                copy.extend_from_slice(pdu);
                Kept::Eapol(copy, protected)
            }
            Self::Msdu(msdu) => {
                let mut ethernet = pool.take();
                msdu.emit_ethernet(&mut ethernet);
                Kept::Ethernet(ethernet)
            }
            Self::Doze => Kept::Doze(true),
            Self::Wake => Kept::Doze(false),
            Self::PsPoll | Self::Trigger => Kept::Ready,
            Self::NotAssociated { transmitter } => Kept::Stranger(transmitter),
            Self::Buffered { more_data, end_of_service_period, group } => {
                Kept::Buffered { more_data, end_of_service_period, group }
            }
        }
    }
}
