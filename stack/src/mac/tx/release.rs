//! What a dozing station is sent (802.11-2020 11.2.3.5, 11.2.3.6).

use super::{Outgoing, TxContext};
use crate::mac::peer::Peer;
use crate::mac::power_save::Release;
use crate::mac::queue::Queued;
use crate::mac::schedule::Turn;
use crate::mac::{AccessCategory, EAPOL_TID};
use crate::wire::QosControl;

impl Peer {
    /// Frames for a dozing station: the answer to a PS-Poll, or a service period. They leave by the voice queue's turn,
    /// since the station is awake only for them. One frame may be several fragments, the rest of which follows unasked.
    pub(super) fn poll_release(
        &mut self,
        category: AccessCategory,
        context: &mut TxContext<'_>,
    ) -> Turn<Outgoing> {
        if category != AccessCategory::Voice {
            return Turn::Idle;
        }
        if let Some(fragment) = self.next_fragment(context) {
            return Turn::Sent(self.launched(fragment, context));
        }
        let Some(release) = self.power.release().filter(|_| !self.parked) else { return Turn::Idle };
        loop {
            let next = self.next_released(release, context);
            let Some((category, queued)) = next else {
                self.power.released(release, true);
                let end = matches!(release, Release::ServicePeriod(_));
                let qos = end.then(|| QosControl::new(EAPOL_TID).with_eosp(true));
                let outgoing = self.build_null(qos, context);
                return Turn::Sent(self.launched(outgoing, context));
            };
            let more =
                AccessCategory::ALL.into_iter().any(|ac| self.is_released(ac, release) && self.waiting(ac));
            let (last, end) = match release {
                Release::Poll => (true, false),
                Release::ServicePeriod(remaining) => (!more || remaining <= 1, !more || remaining <= 1),
            };
            match self.build(queued, category, more, end, context) {
                Ok(outgoing) => {
                    self.power.released(release, last);
                    return Turn::Sent(self.launched(outgoing, context));
                }
                Err(reason) => context.drops.count(reason),
            }
        }
    }

    fn next_released(
        &mut self,
        release: Release,
        context: &mut TxContext<'_>,
    ) -> Option<(AccessCategory, Queued)> {
        AccessCategory::ALL.into_iter().find_map(|category| {
            let released = self.is_released(category, release);
            let queued = if released { self.next_queued(category, context) } else { None };
            queued.map(|queued| (category, queued))
        })
    }

    /// Which categories a PS-Poll and which a trigger fetches from (802.11-2020 11.2.3.5, 11.2.3.6).
    const fn is_released(&self, category: AccessCategory, release: Release) -> bool {
        let uapsd = self.config.uapsd;
        match release {
            Release::Poll => !uapsd.enabled(category) || uapsd.all(),
            Release::ServicePeriod(_) => uapsd.enabled(category),
        }
    }
}
