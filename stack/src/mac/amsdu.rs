//! What of a received A-MSDU is believed (802.11-2020 9.3.2.2.2).

use crate::mac::{DropReason, Msdu};
use crate::wire::MacAddr;
use crate::wire::amsdu::{Amsdu, AmsduSubframe};

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
    if Amsdu::looks_like_plain_msdu(body) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Llc;
    use crate::wire::amsdu::AmsduWriter;
    use proptest::prelude::*;

    const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const RULE: SubframeRule = SubframeRule::SourceIs(STA);

    fn amsdu(subframes: &[(MacAddr, MacAddr, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        let mut writer = AmsduWriter::new(&mut body);
        for (destination, source, msdu) in subframes {
            writer.push(*destination, *source, &Llc::parse(msdu));
        }
        body
    }

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
        let body = amsdu(&[(OTHER, STA, &[1; 5]), (OTHER, OTHER, &[2; 5])]);
        assert_eq!(collect(&body, RULE), (vec![], Err(DropReason::SpoofedSource)));
        let rule = SubframeRule::DestinationIs(STA);
        assert_eq!(collect(&body, rule), (vec![], Err(DropReason::SpoofedSource)));
        assert!(collect(&body, SubframeRule::DestinationIs(OTHER)).1.is_ok());
    }

    #[test]
    fn lengths_that_do_not_add_up_deliver_nothing() {
        let body = amsdu(&[(OTHER, STA, &[1; 6]), (OTHER, STA, &[2; 6])]);
        for cut in (body.len() - 6..body.len()).chain(21..34) {
            assert_eq!(collect(&body[..cut], RULE), (vec![], Err(DropReason::AmsduMalformed)), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(msdus in proptest::collection::vec(proptest::collection::vec(1u8.., 3..90), 0..8)) {
            let subframes: Vec<_> = msdus.iter().map(|msdu| (OTHER, STA, &msdu[..])).collect();
            prop_assert_eq!(collect(&amsdu(&subframes), RULE), (msdus, Ok(())));
        }

        #[test]
        fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = collect(&body, RULE);
        }
    }
}
