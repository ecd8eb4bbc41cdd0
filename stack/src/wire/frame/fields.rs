//! The getters of what headers have in common.

/// What all headers begin with, of a view with the field `header`.
macro_rules! first_fields {
    ($frame:ident) => {
        impl $frame<'_> {
            /// The Frame Control field.
            pub const fn frame_control(&self) -> FrameControl {
                frame_control(self.header)
            }

            /// Type and subtype.
            pub const fn kind(&self) -> FrameKind {
                self.frame_control().kind()
            }

            /// Duration/ID, in microseconds; in a PS-Poll the AID instead, see [`ControlFrame::ps_poll`].
            ///
            /// [`ControlFrame::ps_poll`]: crate::wire::frame::ControlFrame::ps_poll
            pub const fn duration(&self) -> u16 {
                u16::from_le_bytes([self.header[2], self.header[3]])
            }

            /// Address 1, the receiver; of a management frame the destination.
            pub const fn addr1(&self) -> MacAddr {
                address(self.header, 4)
            }
        }
    };
}

/// What data and management frames have, of a view with the fields `header` of 24 bytes and `ht_control`.
macro_rules! addressed_fields {
    ($frame:ident) => {
        impl $frame<'_> {
            /// Address 2, the transmitter; of a management frame the source.
            pub const fn addr2(&self) -> MacAddr {
                address(self.header, 10)
            }

            /// Address 3; of a management frame the BSSID.
            pub const fn addr3(&self) -> MacAddr {
                address(self.header, 16)
            }

            /// Sequence and fragment number.
            pub const fn sequence(&self) -> SequenceControl {
                SequenceControl(u16::from_le_bytes([self.header[22], self.header[23]]))
            }

            /// The HT Control field of a management or QoS data frame with the order flag.
            pub const fn ht_control(&self) -> Option<[u8; 4]> {
                match self.ht_control {
                    Some(&octets) => Some(octets),
                    None => None,
                }
            }
        }
    };
}

pub(super) use {addressed_fields, first_fields};
