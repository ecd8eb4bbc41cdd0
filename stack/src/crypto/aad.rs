//! Additional authenticated data and nonces: what of a MAC header a cipher protects.

/// The header is shorter than its own Frame Control field says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MAC header of {len} bytes where its Frame Control field asks for {need}")]
pub struct HeaderTooShort {
    /// Bytes there.
    pub len: usize,
    /// Bytes needed.
    pub need: usize,
}

/// The Protected Frame bit in the second byte of the Frame Control field.
pub(super) const PROTECTED: u8 = 0x40;

/// Longest AAD: Frame Control, three addresses, Sequence Control, Address 4, QoS Control.
const MAX_AAD: usize = 30;

/// What CCM and GCM take from a MAC header (802.11-2020 12.5.3.3.3 and 12.5.3.3.4).
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderFields {
    aad: [u8; MAX_AAD],
    aad_len: usize,
    /// First byte of a CCMP nonce: TID in bits 0 to 3, bit 4 for a management frame.
    flags: u8,
    transmitter: [u8; 6],
}

impl HeaderFields {
    /// Reads the fields out of `header`. With `spp_amsdu` the A-MSDU Present bit is protected as well.
    pub(super) fn new(header: &[u8], spp_amsdu: bool) -> Result<Self, HeaderTooShort> {
        let Some((fixed, rest)) = header.split_first_chunk::<24>() else {
            return Err(HeaderTooShort { len: header.len(), need: 24 });
        };
        let [fc0, fc1, _, _, addresses @ .., sc0, _] = *fixed;
        let management = fc0 & 0x0c == 0x00;
        let data = fc0 & 0x0c == 0x08;
        let qos = data && fc0 & 0x80 != 0;
        let four_addresses = data && fc1 & 0x03 == 0x03;
        let need = 24 + if four_addresses { 6 } else { 0 } + if qos { 2 } else { 0 };
        let short = HeaderTooShort { len: header.len(), need };

        let mut aad = AadWriter { aad: [0; MAX_AAD], len: 0 };
        aad.push(&masked_frame_control(fc0, fc1, data, qos));
        aad.push(&addresses);
        aad.push(&[sc0 & 0x0f, 0]); // the fragment number stays, the sequence number may change with a retry
        let mut rest = rest;
        if four_addresses {
            let (address, tail) = rest.split_first_chunk::<6>().ok_or(short)?;
            aad.push(address);
            rest = tail;
        }
        let mut flags = if management { 0x10 } else { 0 };
        if qos {
            let (&[qos0, _], _) = rest.split_first_chunk::<2>().ok_or(short)?;
            flags |= qos0 & 0x0f;
            aad.push(&[qos0 & if spp_amsdu { 0x8f } else { 0x0f }, 0]);
        }
        let [_, _, _, _, _, _, transmitter @ .., _, _, _, _, _, _] = addresses;
        Ok(Self { aad: aad.aad, aad_len: aad.len, flags, transmitter })
    }

    pub(super) fn aad(&self) -> &[u8] {
        self.aad.get(..self.aad_len).unwrap_or(&self.aad)
    }

    /// The AAD behind its two-byte length, padded with zeroes to whole blocks (RFC 3610 2.2).
    pub(super) fn ccm_aad_blocks(&self) -> [[u8; 16]; 2] {
        let mut blocks = [[0; 16]; 2];
        if let Some((length, aad)) = blocks.as_flattened_mut().split_first_chunk_mut::<2>() {
            *length = u16::try_from(self.aad_len).unwrap_or_default().to_be_bytes();
            // what is behind the AAD is zero
            aad.copy_from_slice(&self.aad);
        }
        blocks
    }

    /// 802.11-2020 12.5.3.3.4.
    pub(super) fn ccm_nonce(&self, pn: u64) -> [u8; 13] {
        let [a, b, c, d, e, f] = self.transmitter;
        let [_, _, pn5, pn4, pn3, pn2, pn1, pn0] = pn.to_be_bytes();
        [self.flags, a, b, c, d, e, f, pn5, pn4, pn3, pn2, pn1, pn0]
    }

    /// 802.11-2020 12.5.5.3.4.
    pub(super) fn gcm_nonce(&self, pn: u64) -> [u8; 12] {
        let [a, b, c, d, e, f] = self.transmitter;
        let [_, _, pn5, pn4, pn3, pn2, pn1, pn0] = pn.to_be_bytes();
        [a, b, c, d, e, f, pn5, pn4, pn3, pn2, pn1, pn0]
    }
}

/// Retry, Power Management and More Data may change between transmissions, and so may the subtype of a data frame
/// and, with QoS, the +HTC bit: they are masked. Protected Frame counts as set.
const fn masked_frame_control(fc0: u8, fc1: u8, data: bool, qos: bool) -> [u8; 2] {
    let fc0 = if data { fc0 & 0x8f } else { fc0 };
    let fc1 = fc1 & if qos { 0x47 } else { 0xc7 } | PROTECTED;
    [fc0, fc1]
}

struct AadWriter {
    aad: [u8; MAX_AAD],
    len: usize,
}

impl AadWriter {
    fn push(&mut self, bytes: &[u8]) {
        for (to, from) in self.aad.iter_mut().skip(self.len).zip(bytes) {
            *to = *from;
        }
        self.len += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4-address QoS data with +HTC: everything that may be in a header is there.
    const FULL: [u8; 36] = [
        0x88, 0xff, 0x12, 0x34, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 0xa5, 0xb6, 4, 4, 4, 4,
        4, 4, 0x95, 0x77, 9, 9, 9, 9,
    ];

    #[test]
    fn four_addresses_and_qos_are_covered_and_what_changes_is_masked() {
        let fields = HeaderFields::new(&FULL, false).unwrap();
        assert_eq!(
            fields.aad(),
            [
                0x88, 0x47, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 0x05, 0, 4, 4, 4, 4, 4, 4,
                0x05, 0
            ]
        );
        assert_eq!(fields.ccm_nonce(0x0102_0304_0506), [5, 2, 2, 2, 2, 2, 2, 1, 2, 3, 4, 5, 6]);
        assert_eq!(fields.gcm_nonce(0x0102_0304_0506), [2, 2, 2, 2, 2, 2, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn the_amsdu_bit_is_covered_only_between_spp_peers() {
        assert_eq!(HeaderFields::new(&FULL, true).unwrap().aad()[28], 0x85);
        assert_eq!(HeaderFields::new(&FULL, false).unwrap().aad()[28], 0x05);
    }

    #[test]
    fn order_is_masked_only_with_qos() {
        let mut plain = FULL;
        plain[0] = 0x08;
        assert_eq!(HeaderFields::new(&plain, false).unwrap().aad()[..2], [0x08, 0xc7]);
    }

    #[test]
    fn a_header_is_refused_at_every_length_below_its_own() {
        for len in 0..32 {
            assert!(HeaderFields::new(&FULL[..len], false).is_err(), "{len}");
        }
        assert!(HeaderFields::new(&FULL[..32], false).is_ok());
    }
}
