//! Several MSDUs in one MPDU (802.11-2020 9.3.2.2.2).

use crate::mac::{DropReason, Msdu};
use crate::wire::MacAddr;
use crate::wire::amsdu::{Amsdu, AmsduSubframe};

/// Destination, source, length.
pub(super) const SUBFRAME_HEADER: usize = 14;
/// What the first six bytes of a plain MSDU are, which no A-MSDU begins with (SEC-D8).
const RFC_1042: [u8; 6] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00];

/// Whose addresses the subframes may carry (SEC-D11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubframeRule {
    /// From a station to its AP: the source is the station.
    SourceIs(MacAddr),
    /// From an AP: the destination is this station, or a group.
    DestinationIs(MacAddr),
}

/// Checks all of an A-MSDU, then hands over each MSDU in it. Nothing is handed over of one that is wrong anywhere.
pub(super) fn split<'a>(
    body: &'a [u8],
    rule: SubframeRule,
    mut each: impl FnMut(Msdu<'a>) -> Result<(), DropReason>,
) -> Result<(), DropReason> {
    if body.starts_with(&RFC_1042) {
        return Err(DropReason::AmsduHeader);
    }
    for msdu in msdus(body) {
        rule.check(&msdu?)?;
    }
    for msdu in msdus(body) {
        each(msdu?)?;
    }
    Ok(())
}

impl SubframeRule {
    fn check(self, msdu: &Msdu<'_>) -> Result<(), DropReason> {
        let right = match self {
            Self::SourceIs(station) => msdu.source == station,
            Self::DestinationIs(own) => msdu.destination == own || msdu.destination.is_group(),
        };
        if right { Ok(()) } else { Err(DropReason::SpoofedSource) }
    }
}

/// The MSDUs one after the other, with what is wrong by its name.
fn msdus(body: &[u8]) -> impl Iterator<Item = Result<Msdu<'_>, DropReason>> {
    Amsdu::new(body).map(|subframe| {
        let AmsduSubframe { destination, source, msdu } = subframe.map_err(|_| DropReason::AmsduMalformed)?;
        Msdu::from_body(destination, source, msdu).map_err(|_| DropReason::AmsduMalformed)
    })
}

/// Appends one MSDU (its LLC header first) as a subframe; the one before it is padded to four bytes first. `start` is
/// where the A-MSDU begins in `out`.
pub(super) fn append(out: &mut Vec<u8>, start: usize, destination: MacAddr, source: MacAddr, body: &[u8]) {
    out.resize(out.len() + padding(out.len().saturating_sub(start)), 0);
    out.extend_from_slice(&destination.octets());
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(body);
}

/// How long an A-MSDU of `len` bytes becomes with another MSDU of `body` bytes.
pub(super) const fn len_with(len: usize, body: usize) -> usize {
    len.next_multiple_of(4) + SUBFRAME_HEADER + body
}

/// To a multiple of four (802.11-2020 9.3.2.2.2): header and MSDU of a subframe together.
const fn padding(len: usize) -> usize {
    len.next_multiple_of(4) - len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const RULE: SubframeRule = SubframeRule::SourceIs(STA);

    fn collect(body: &[u8], rule: SubframeRule) -> (Vec<Vec<u8>>, Result<(), DropReason>) {
        let mut out = Vec::new();
        let result = split(body, rule, |msdu| {
            let mut bytes = Vec::new();
            msdu.emit_body(&mut bytes);
            out.push(bytes);
            Ok(())
        });
        (out, result)
    }

    #[test]
    fn sec_d8_an_a_msdu_that_begins_like_an_msdu_is_dropped() {
        let mut body = vec![0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45, 0, 0, 0, 0, 4];
        body.extend_from_slice(&[1, 2, 3, 4]);
        // a rule under which nothing else is wrong
        let rule = SubframeRule::SourceIs(MacAddr([8, 0, 0x45, 0, 0, 0]));
        assert_eq!(collect(&body, rule), (vec![], Err(DropReason::AmsduHeader)));
    }

    #[test]
    fn sec_d11_a_subframe_has_the_addresses_of_its_ends() {
        let mut body = Vec::new();
        append(&mut body, 0, OTHER, STA, &[1; 5]);
        append(&mut body, 0, OTHER, OTHER, &[2; 5]);
        assert_eq!(collect(&body, RULE), (vec![], Err(DropReason::SpoofedSource)));
        let rule = SubframeRule::DestinationIs(STA);
        assert_eq!(collect(&body, rule), (vec![], Err(DropReason::SpoofedSource)));
        assert!(collect(&body, SubframeRule::DestinationIs(OTHER)).1.is_ok());
    }

    #[test]
    fn lengths_that_do_not_add_up_deliver_nothing() {
        let mut body = Vec::new();
        append(&mut body, 0, OTHER, STA, &[1; 6]);
        append(&mut body, 0, OTHER, STA, &[2; 6]);
        for cut in (body.len() - 6..body.len()).chain(21..34) {
            assert_eq!(collect(&body[..cut], RULE), (vec![], Err(DropReason::AmsduMalformed)), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(msdus in proptest::collection::vec(proptest::collection::vec(1u8.., 3..90), 0..8)) {
            let mut out = vec![9; 26];
            let mut len = 0;
            for msdu in &msdus {
                append(&mut out, 26, OTHER, STA, msdu);
                len = len_with(len, msdu.len());
                prop_assert_eq!(out.len() - 26, len);
            }
            prop_assert_eq!(collect(&out[26..], RULE), (msdus, Ok(())));
        }

        #[test]
        fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = collect(&body, RULE);
        }
    }
}
