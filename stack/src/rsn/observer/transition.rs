//! Fast transitions as a listener sees them (802.11-2020 13.5).

use super::network::Network;
use super::session::{Ends, ObservedKey, ObservedSession};
use crate::crypto::unwrap;
use crate::rsn::{Pmk, PmkR0, PmkR1, Ptk, PtkInputs, R0Inputs};
use crate::wire::MacAddr;
use crate::wire::element::{Elements, FastTransition, MobilityDomain, Rsn};

/// Subelements of the Fast BSS Transition element (802.11-2020 Table 9-220).
const R1_HOLDER: u8 = 1;
const GROUP_KEY: u8 = 2;
const R0_HOLDER: u8 = 3;

/// Where a fast transition's keys come from: the mobility domain and the key holders.
#[derive(Clone, Debug, Default)]
pub(super) struct Mobility {
    domain: [u8; 2],
    r0_holder: Vec<u8>,
    r1_holder: [u8; 6],
}

impl Mobility {
    pub(super) fn learn(&mut self, elements: Elements<'_>) {
        if let Ok(Some(domain)) = elements.get::<MobilityDomain>() {
            self.domain = domain.identifier;
        }
        let Ok(Some(transition)) = elements.get::<FastTransition<'_>>() else { return };
        for sub in Elements::new(transition.subelements) {
            match (sub.id.0, sub.data) {
                (R1_HOLDER, holder) => self.r1_holder = holder.try_into().unwrap_or(self.r1_holder),
                (R0_HOLDER, holder) => self.r0_holder = holder.to_vec(),
                _ => {}
            }
        }
    }

    /// The station's PMK-R0; `None` without the name of the network.
    pub(super) fn r0(&self, pmk: &Pmk, ssid: &[u8], spa: MacAddr) -> Option<PmkR0> {
        let (mobility_domain, r0_holder) = (self.domain, self.r0_holder.as_slice());
        (!ssid.is_empty()).then(|| PmkR0::derive(pmk, R0Inputs { ssid, mobility_domain, r0_holder, spa }))
    }

    pub(super) fn r1(&self, r0: &PmkR0, spa: MacAddr) -> Option<PmkR1> {
        r0.r1(&self.r1_holder, spa).ok()
    }
}

impl ObservedSession {
    /// The keys of the association to come: nonces and key holders stand in the authentication response. The PMKR0Name
    /// in it proves the PMK.
    pub(super) fn transition(&mut self, ends: Ends, elements: Elements<'_>, ssid: &[u8], pmks: &[Pmk]) {
        self.learn(elements);
        let (Ok(Some(transition)), Ok(Some(rsn))) =
            (elements.get::<FastTransition<'_>>(), elements.get::<Rsn<'_>>())
        else {
            return;
        };
        let names = rsn.pmkids.map_or(&[][..], |pmkids| pmkids.0);
        let r0 = pmks.iter().filter_map(|pmk| self.mobility.r0(pmk, ssid, ends.spa));
        let mut r0 = r0.filter(|r0| names.contains(r0.name()));
        let Some(r1) = r0.next().and_then(|r0| self.mobility.r1(&r0, ends.spa)) else { return };
        let (anonce, snonce) = (transition.anonce, transition.snonce);
        let inputs = PtkInputs { aa: ends.aa, spa: ends.spa, anonce, snonce };
        for (akm, cipher) in self.candidates(3).into_iter().filter(|(akm, _)| akm.is_fast_transition()) {
            let ptk = Ptk::derive_ft(akm, cipher, &r1, inputs).ok();
            if let Some(key) = ptk.and_then(|ptk| ObservedKey::new(akm, cipher, ptk)) {
                self.install(key);
            }
        }
    }

    /// The group key in the reassociation response: key information, key length, RSC, wrapped key
    /// (802.11-2020 9.4.2.47).
    pub(super) fn transition_group_key(&self, elements: Elements<'_>, network: &mut Network) {
        let Ok(Some(transition)) = elements.get::<FastTransition<'_>>() else { return };
        for sub in Elements::new(transition.subelements).iter().filter(|sub| sub.id.0 == GROUP_KEY) {
            let &[info, _, len, ref rest @ ..] = sub.data else { continue };
            let wrapped = rest.get(8..).unwrap_or_default();
            let mut keks = self.keys().filter_map(|key| key.confirmation.as_ref()).map(|(.., kek)| kek);
            let unwrapped = keks.find_map(|kek| unwrap(kek.expose(), wrapped).ok());
            if let Some(key) = unwrapped.as_ref().and_then(|key| key.get(..usize::from(len))) {
                // a key that is no key is no reason to stop
                let _ = network.add(info & 0x03, key);
            }
        }
    }
}
