use super::*;
use hex_literal::hex;
use proptest::prelude::*;

fn written<'a>(element: &impl TypedElement<'a>) -> Vec<u8> {
    let mut out = Vec::new();
    element.emit(&mut out);
    out
}

#[test]
fn walk_find_and_check() {
    let bytes = hex!("0002 6162 0001 7a ff03 23 0102 dd05 0050f20201 30");
    let elements = Elements::new(&bytes);
    assert_eq!(elements.iter().count(), 4);
    assert_eq!(elements.ssid().unwrap().as_bytes(), b"ab");
    assert_eq!(elements.find_extension(ExtensionId::HE_CAPABILITIES).unwrap().data, [1, 2]);
    assert_eq!(elements.find_vendor([0, 0x50, 0xf2], 2).unwrap().kind(), ElementKind::WMM);
    assert_eq!(elements.check(), Err(ElementError::StrayByte { offset: 19 }));
    assert_eq!(Elements::new(&bytes[..19]).check(), Ok(()));
    let error = Elements::new(&hex!("0000 3005 0100")).check().unwrap_err();
    assert_eq!(error, ElementError::Overrun { id: ElementId::RSN, offset: 2, need: 5, have: 2 });
    assert_eq!(error.to_string(), "RSN element at offset 2 says 5 bytes, 2 follow");
}

#[test]
fn sec_m11_first_of_duplicates_counts_even_if_it_is_malformed() {
    let bytes = hex!("3002 0200 3002 0100");
    assert!(matches!(Elements::new(&bytes).get::<Rsn<'_>>(), Err(ElementError::Malformed { .. })));
    assert!(matches!(Elements::new(&bytes[4..]).get::<Rsn<'_>>(), Ok(Some(_))));
    assert_eq!(Elements::new(&bytes).get::<Tim<'_>>(), Ok(None));
}

#[test]
fn long_data_is_fragmented_and_gathered_again() {
    let data: Vec<u8> = (0..600u16).map(|i| i as u8).collect();
    let mut buffer = ElementsBuf::new();
    buffer
        .writer()
        .put(&Ssid::new(b"x").unwrap())
        .extension(ExtensionId::MULTI_LINK, &data)
        .put(&DsParameter(6));
    let elements = buffer.elements();
    assert_eq!(elements.check(), Ok(()));
    let kind = ElementKind::Extension(ExtensionId::MULTI_LINK);
    assert_eq!(elements.pieces(kind).flatten().copied().collect::<Vec<_>>(), data);
    assert_eq!(elements.pieces(kind).count(), 3);
    assert_eq!(elements.get::<DsParameter>(), Ok(Some(DsParameter(6))));
    assert_eq!(elements.pieces(ElementKind::Id(ElementId::SSID)).count(), 1);
}

#[test]
fn a_fragment_after_a_short_element_is_not_its_own() {
    let elements = Elements::new(&hex!("ff02 6b01 f201 02"));
    assert_eq!(elements.pieces(ElementKind::Extension(ExtensionId::MULTI_LINK)).count(), 1);
}

#[test]
fn ssid_as_text() {
    assert_eq!(Ssid::new("Größe\n".as_bytes()).unwrap().to_string(), "Größe\\x0a");
    assert_eq!(Ssid::new(&[b'a', 0xff, 0, b'\\']).unwrap().to_string(), "a\\xff\\x00\\\\");
    assert_eq!(Ssid::new(&[0; 33]), None);
    assert!(Ssid::new(&[0; 5]).unwrap().is_hidden() && !Ssid::new(b"a").unwrap().is_hidden());
}

#[test]
fn tim_bitmap_is_shortened_to_what_is_set() {
    let mut bitmap = TimBitmap::new();
    let empty = bitmap.tim(0, 2, true);
    assert_eq!((empty.bitmap_control, empty.bitmap), (1, &[0][..]));
    bitmap.set(26, true);
    bitmap.set(41, true);
    let tim = bitmap.tim(1, 2, false);
    assert_eq!((tim.bitmap_control, tim.bitmap), (2, &[0, 4, 0, 2][..]));
    for aid in 0..2008 {
        assert_eq!(tim.contains(aid), aid == 26 || aid == 41, "{aid}");
    }
    bitmap.set(26, false);
    bitmap.set(2007, true);
    assert!(!bitmap.contains(26) && bitmap.tim(0, 1, false).contains(2007));
}

#[test]
fn rates_over_both_elements() {
    let mut buffer = ElementsBuf::new();
    buffer.writer().rates(&[0x82, 0x84, 0x8b, 0x96, 12, 18, 24, 36, 48, 72, 96, 108, 0xff]);
    let rates: Vec<_> = buffer.elements().rates().collect();
    assert_eq!(rates.len(), 13);
    assert!(rates[0].is_basic() && rates[12].is_selector() && rates[12] == RateEntry::HT_ONLY);
    assert_eq!(rates[11].rate(), Some(crate::wire::Rate::Legacy(108)));
    assert_eq!(format!("{:?}", rates[2]), "5.5*");
}

#[test]
fn wpa2_psk_is_written_as_everyone_does() {
    assert_eq!(written(&Rsn::WPA2_PSK), hex!("0100 000fac04 0100 000fac04 0100 000fac02 0000"));
}

#[test]
fn rsn_with_group_management_cipher() {
    let data = hex!("0100 000fac04 0100 000fac04 0100 000fac08 c000 0000 000fac06");
    let rsn = Rsn::parse(&data).unwrap();
    assert!(rsn.capabilities().mfp_required() && rsn.capabilities().mfp_capable());
    assert_eq!(rsn.group_management, Some(CipherSuite::BIP_CMAC_128));
    assert!(rsn.akms().contains(AkmSuite::SAE) && !rsn.akms().contains(AkmSuite::PSK));
    assert_eq!(format!("{:?}", rsn.akms()), "[SAE]");
}

#[test]
fn country_triplets() {
    let data = hex!("444520 010d14 c90000 00");
    let country = Country::parse(&data).unwrap();
    let triplets: Vec<_> = country.triplets().collect();
    assert_eq!(triplets[0], CountryTriplet::Channels { first: 1, count: 13, max_power: 20 });
    assert_eq!(triplets[1], CountryTriplet::Operating { extension: 201, class: 0, coverage: 0 });
    let mut out = Vec::new();
    country.emit(&mut out);
    assert_eq!(out, data);
    let mut padded = Vec::new();
    Country::new(*b"DE ", &[1, 13, 20, 36, 4, 23]).emit(&mut padded);
    assert_eq!(padded.len(), 10);
}

#[test]
fn wmm_parameters_as_aps_send_them() {
    let mut buffer = ElementsBuf::new();
    buffer.writer().put(&Wmm::parameters(true));
    let usual = hex!("dd18 0050f202 01 01 80 00 03a40000 27a40000 42435e00 62322f00");
    assert_eq!(buffer.as_bytes(), usual);
    let read = Elements::new(&usual).get::<Wmm<'_>>().unwrap().unwrap();
    assert_eq!((read, read.qos()), (Wmm::parameters(true), Some(0x80)));
    let information = hex!("dd07 0050f202 00 01 0f");
    assert_eq!(Elements::new(&information).get(), Ok(Some(Wmm::Information { qos: 0x0f })));
    assert!(Elements::new(&hex!("dd06 0050f202 00 01")).get::<Wmm<'_>>().is_err());
    assert_eq!(AccessCategory::of_priority(7), AccessCategory::Voice);
}

#[test]
fn capabilities_are_kept_whole() {
    let data = HtCapabilities::data(0x0862, 0x17, [0xff, 0xff, 0, 0]);
    let ht = HtCapabilities::parse(&data).unwrap();
    assert!(ht.wide() && ht.short_gi_20() && ht.short_gi_40());
    assert_eq!(
        (ht.max_amsdu(), &ht.rx_mcs()[..3], written(&ht)),
        (7935, &[0xff, 0xff, 0][..], data.to_vec())
    );
    assert!(HtCapabilities::parse(&data[1..]).is_err());
    let extended = ExtendedCapabilities::new(&[0x04, 0x80]);
    assert!(extended.bit(2) && extended.bit(15) && !extended.bit(16) && !extended.bit(0));
    let bytes = hex!("f401 20");
    assert!(Elements::new(&bytes).get::<RsnExtension<'_>>().unwrap().unwrap().sae_hash_to_element());
}

#[test]
fn sec_m11_profiles_that_run_over_are_left_out() {
    let bytes = hex!("4708 02 0003 000161 0009 61");
    let multiple = Elements::new(&bytes[..]).get::<MultipleBssid<'_>>();
    let profiles: Vec<_> = multiple.unwrap().unwrap().profiles().collect();
    assert_eq!(profiles.len(), 1);
    assert_eq!(profiles[0].ssid().unwrap().as_bytes(), b"a");
}

/// What `T` reads out of `data` is written again just so.
fn round_trips<'a, T: TypedElement<'a>>(data: &'a [u8]) -> bool {
    let Ok(value) = T::parse(data) else { return true };
    written(&value) == data
}

proptest! {
    #[test]
    fn what_keeps_all_its_bytes_is_written_again(data in prop::collection::vec(any::<u8>(), 0..60)) {
        let data = &data[..];
        prop_assert!(round_trips::<Tim<'_>>(data));
        prop_assert!(round_trips::<Country<'_>>(data));
        prop_assert!(round_trips::<ManagementMic<'_>>(data));
        prop_assert!(round_trips::<MultipleBssid<'_>>(data));
        prop_assert!(round_trips::<HtCapabilities<'_>>(data) && round_trips::<HeCapabilities<'_>>(data));
        prop_assert!(round_trips::<Ssid<'_>>(data) && round_trips::<SupportedRates<'_>>(data));
        prop_assert!(round_trips::<FastTransition<'_>>(data));
    }

    #[test]
    fn what_has_a_fixed_length_is_written_again(data in any::<[u8; 24]>()) {
        prop_assert!(round_trips::<Quiet>(&data[..6]) && round_trips::<BssLoad>(&data[..5]));
        prop_assert!(round_trips::<ChannelSwitch>(&data[..3]) && round_trips::<ExtendedChannelSwitch>(&data[..4]));
        prop_assert!(round_trips::<DsParameter>(&data[..1]) && round_trips::<Erp>(&data[..1]));
        prop_assert!(round_trips::<PowerConstraint>(&data[..1]) && round_trips::<MobilityDomain>(&data[..3]));
    }

    #[test]
    fn any_bytes_are_walked(bytes in any::<Vec<u8>>()) {
        let elements = Elements::new(&bytes);
        let walked: usize = elements.iter().map(|element| element.bytes.len()).sum();
        prop_assert_eq!(elements.check().is_ok(), walked == bytes.len());
        let rewritten: Vec<u8> = elements.iter().flat_map(|element| element.bytes.to_vec()).collect();
        prop_assert_eq!(&rewritten[..], &bytes[..walked]);
    }

    #[test]
    fn what_is_read_as_rsn_is_written_again(data in prop::collection::vec(0u8..6, 0..40)) {
        let mut bytes = vec![1, 0];
        bytes.extend(data);
        if let Ok(rsn) = Rsn::parse(&bytes) {
            let mut out = Vec::new();
            rsn.emit(&mut out);
            prop_assert_eq!(out, bytes);
        }
    }
}
