//! The power-save state of one station at its AP (802.11-2020 11.2.3).

use crate::mac::AccessCategory;
use crate::wire::record::record;

/// What a station asked for with U-APSD when it associated (802.11-2020 9.4.1.17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uapsd {
    /// The access categories that are trigger- and delivery-enabled, as [`AccessCategory::uapsd_flag`]s.
    pub flags: u8,
    /// Most frames in a service period; 0 for all there are.
    pub max_service_period: u8,
}

impl Uapsd {
    /// All categories, and all there is in each service period.
    pub const ALL: Self = Self { flags: 0x0f, max_service_period: 0 };

    /// Reads the QoS Info field of an association request.
    pub const fn from_qos_info(qos_info: u8) -> Self {
        Self { flags: qos_info & 0x0f, max_service_period: (qos_info >> 5 & 3) * 2 }
    }

    /// A frame of this category triggers a service period and is delivered in one.
    pub const fn enabled(self, category: AccessCategory) -> bool {
        self.flags & category.uapsd_flag() != 0
    }

    /// All categories are delivery-enabled: then the TIM speaks for them too (802.11-2020 11.2.3.5.1).
    pub const fn all(self) -> bool {
        self.flags == 0x0f
    }
}

/// Whether a station dozes, and what it asked for while it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerSave {
    dozing: bool,
    poll: bool,
    service_period: Option<u8>,
}

record!(PowerSave { dozing, poll, service_period });
record!(Uapsd { flags, max_service_period });

/// What a dozing station may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// One frame, for a PS-Poll.
    Poll,
    /// One frame of a service period of which so many remain, this one included.
    ServicePeriod(u8),
}

impl PowerSave {
    /// Between its PM bits 1 and 0.
    pub const fn is_dozing(&self) -> bool {
        self.dozing
    }

    /// Takes the PM bit of a believed frame; says whether anything changed.
    pub(super) const fn set_dozing(&mut self, dozing: bool) -> bool {
        let changed = self.dozing != dozing;
        if changed {
            *self = Self { dozing, poll: false, service_period: None };
        }
        changed
    }

    /// A PS-Poll. One that is still unanswered counts once.
    pub(super) const fn polled(&mut self) {
        self.poll = true;
    }

    /// A trigger frame. Within a service period it starts no other.
    pub(super) const fn triggered(&mut self, uapsd: Uapsd) {
        if self.service_period.is_none() {
            let most = if uapsd.max_service_period == 0 { u8::MAX } else { uapsd.max_service_period };
            self.service_period = Some(most);
        }
    }

    /// What was polled for is not waited for any more.
    pub(super) const fn forget_polls(&mut self) {
        (self.poll, self.service_period) = (false, None);
    }

    pub(super) const fn release(&self) -> Option<Release> {
        match (self.poll, self.service_period) {
            (true, _) => Some(Release::Poll),
            (false, Some(remaining)) => Some(Release::ServicePeriod(remaining)),
            (false, None) => None,
        }
    }

    /// One frame was released; with `last` the poll is answered or the service period at its end.
    pub(super) const fn released(&mut self, release: Release, last: bool) {
        match release {
            Release::Poll => self.poll = false,
            Release::ServicePeriod(remaining) => {
                self.service_period = if last { None } else { Some(remaining.saturating_sub(1)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qos_info_field() {
        let uapsd = Uapsd::from_qos_info(0x45);
        assert_eq!(uapsd, Uapsd { flags: 5, max_service_period: 4 });
        assert!(uapsd.enabled(AccessCategory::Voice) && uapsd.enabled(AccessCategory::Background));
        assert!(!uapsd.enabled(AccessCategory::BestEffort) && !uapsd.all());
    }

    #[test]
    fn waking_forgets_polls_and_service_periods() {
        let mut state = PowerSave::default();
        assert!(state.set_dozing(true) && !state.set_dozing(true));
        state.polled();
        state.triggered(Uapsd::default());
        assert_eq!(state.release(), Some(Release::Poll));
        state.released(Release::Poll, true);
        assert_eq!(state.release(), Some(Release::ServicePeriod(u8::MAX)));
        assert!(state.set_dozing(false));
        assert_eq!(state.release(), None);
    }
}
