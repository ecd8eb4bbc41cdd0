//! The AP goes to another channel, and the station with it (802.11-2020 11.8.8.4).
//!
//! Just before the announced TBTT the link falls silent, and when nothing of it is with the radio any more it has the radio
//! tuned. It speaks again as soon as that is done, or if the AP wants silence, when it hears it. If no beacon comes there, it goes back and begins anew. An announcement
//! of a channel that it may not use changes nothing (SEC-M7).
//!
//! A radio that hops may come to the new channel after others. There the link takes leave as for any absence (PM set), and
//! before the last beacon on the old channel: mac80211's AP goes right after that. It speaks again when it hears the AP.

use std::time::Duration;

use crate::mac::DropReason;
use crate::sta::config::LinkEvent;
use crate::sta::link::{Link, Phase};
use crate::time::Instant;
use crate::wire::element::{ChannelSwitch, ExtendedChannelSwitch};
use crate::wire::management::{Action, ActionDetails};
use crate::wire::{Channel, Elements, MacAddr, RxInfo};

/// It falls silent so long before the switch.
const GUARD: Duration = Duration::from_millis(2);
/// How long what is with the radio is waited for, or a link of a radio that hops takes leave and hears what still comes.
const DRAIN: Duration = Duration::from_millis(10);
/// Public action: Extended Channel Switch Announcement (802.11-2020 Table 9-364).
const EXTENDED_ANNOUNCEMENT: u8 = 4;

/// How far the station is on its way to another channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    /// The AP will go. It may want nothing to be sent any more.
    Announced { from: Channel, to: Channel, at: Instant, silent: bool },
    /// It is time: nothing is sent any more, but a farewell where one is taken.
    Leaving { from: Channel, to: Channel, until: Instant, silent: bool },
    /// The radio is being tuned.
    Tuning { from: Channel, silent: bool },
    /// It is tuned, and no beacon of the AP was heard since.
    Arrived { from: Channel, silent: bool },
}

/// What is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announcement {
    to: Channel,
    silent: bool,
    count: u8,
}

impl Announcement {
    /// The extended one if there are both: it says the band.
    fn of(elements: &Elements<'_>, from: Channel) -> Option<Self> {
        if let Ok(Some(switch)) = elements.get::<ExtendedChannelSwitch>() {
            return Self::extended(switch);
        }
        let ChannelSwitch { mode, channel, count } = elements.get().ok()??;
        Some(Self { to: Channel::new(from.band(), channel)?, silent: mode == 1, count })
    }

    fn extended(switch: ExtendedChannelSwitch) -> Option<Self> {
        let ExtendedChannelSwitch { mode, operating_class, channel, count } = switch;
        let to = Channel::in_operating_class(operating_class, channel)?;
        Some(Self { to, silent: mode == 1, count })
    }
}

impl Switch {
    /// Nothing is sent.
    const fn is_silent(self, hops: bool) -> bool {
        match self {
            Self::Announced { silent, .. } | Self::Arrived { silent, .. } => silent,
            Self::Leaving { silent, .. } => silent || !hops,
            Self::Tuning { .. } => true,
        }
    }

    /// The radio should stay where it is.
    pub(super) const fn needs_radio(self) -> bool {
        matches!(self, Self::Leaving { .. } | Self::Arrived { .. })
    }

    pub(super) const fn deadline(self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Announced { at, .. } => Some((at, "the AP changes its channel")),
            Self::Leaving { until, .. } => Some((until, "the radio still has frames")),
            Self::Tuning { .. } | Self::Arrived { .. } => None,
        }
    }
}

impl Link {
    /// The radio is on the channel of the last [`LinkEvent::SwitchChannel`].
    pub fn handle_channel_set(&mut self, now: Instant) {
        self.now = now;
        let Phase::Associated(association) = &mut self.phase else { return };
        let Some(Switch::Tuning { from, silent }) = association.switch else { return };
        association.switch = Some(Switch::Arrived { from, silent });
        // Beacons are missed from here on; one is waited for even while dozing.
        association.beacon = Some(now - association.target.interval);
        self.schedule();
    }

    /// It sends nothing because of a change of channel.
    pub(super) fn is_silent(&self) -> bool {
        let hops = self.config.hops;
        matches!(&self.phase, Phase::Associated(association)
            if association.switch.is_some_and(|switch| switch.is_silent(hops)))
    }

    /// When the change of channel goes on, also while the radio is elsewhere.
    pub(super) fn switch_deadline(&self) -> Option<(Instant, &'static str)> {
        let Phase::Associated(association) = &self.phase else { return None };
        association.switch.and_then(Switch::deadline)
    }

    /// An action frame: a channel switch of our AP is followed, all else is passed over.
    pub(super) fn action(
        &mut self,
        info: &RxInfo,
        bssid: MacAddr,
        action: &Action<'_>,
    ) -> Result<(), DropReason> {
        let Phase::Associated(association) = &self.phase else { return Ok(()) };
        if association.target.bssid != bssid {
            return Err(DropReason::WrongBssid);
        }
        match action.parse_details() {
            ActionDetails::ChannelSwitch { elements } => self.follow_elements(info, &elements),
            ActionDetails::Public {
                action: EXTENDED_ANNOUNCEMENT,
                fields: &[mode, operating_class, channel, count, ..],
            } => {
                let switch = ExtendedChannelSwitch { mode, operating_class, channel, count };
                let from = info.frequency.and_then(Channel::from_frequency);
                if let Some((from, announcement)) = from.zip(Announcement::extended(switch)) {
                    self.follow(from, announcement);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a beacon or action frame of our AP announces.
    pub(super) fn follow_elements(&mut self, info: &RxInfo, elements: &Elements<'_>) {
        let Some(from) = info.frequency.and_then(Channel::from_frequency) else { return };
        if let Some(announcement) = Announcement::of(elements, from) {
            self.follow(from, announcement);
        }
    }

    /// A beacon of our AP was heard: if that is the first one on its new channel, all is well.
    pub(super) fn followed(&mut self, info: &RxInfo) {
        if let Phase::Associated(association) = &mut self.phase
            && let Some(Switch::Arrived { from, .. }) = association.switch
            && info.frequency != Some(from.frequency())
        {
            association.switch = None;
            self.schedule();
        }
    }

    fn follow(&mut self, from: Channel, announcement: Announcement) {
        let now = self.now;
        let Announcement { to, silent, count } = announcement;
        let may = self.config.channels.iter().any(|channel| channel.frequency() == to.frequency());
        let Phase::Associated(association) = &mut self.phase else { return };
        if !may || to.frequency() == from.frequency() || association.switch.is_some() {
            return;
        }
        let beacons = u32::from(if self.config.hops { count.saturating_sub(1) } else { count });
        let before = if self.config.hops { GUARD + DRAIN } else { GUARD };
        let left = (association.target.interval * beacons).saturating_sub(before);
        association.switch = Some(Switch::Announced { from, to, at: now + left, silent });
        self.switch_due();
    }

    /// Goes on with a change of channel, if it is time and the radio has nothing of ours any more.
    pub(super) fn switch_due(&mut self) {
        let (now, hops) = (self.now, self.config.hops);
        let Phase::Associated(association) = &mut self.phase else { return };
        if let Some(Switch::Announced { from, to, at, silent }) = association.switch
            && at <= now
        {
            association.switch = Some(Switch::Leaving { from, to, until: now + DRAIN, silent });
        }
        let Some(Switch::Leaving { from, to, until, silent }) = association.switch else { return };
        if hops {
            // Also if it was about to leave for another reason and stays.
            self.leave(now, if silent { now } else { until });
        }
        let over = until <= now;
        let gone = if hops { over && self.is_away() } else { over || self.in_flight.is_empty() };
        if gone && let Phase::Associated(association) = &mut self.phase {
            association.switch = Some(Switch::Tuning { from, silent: silent || hops });
            self.event(LinkEvent::SwitchChannel(to));
        }
    }

    /// The AP was not heard on the channel that it had announced: we go back to where it was.
    pub(super) fn back_to_channel(&mut self) {
        let Phase::Associated(association) = &mut self.phase else { return };
        if let Some(Switch::Tuning { from, .. } | Switch::Arrived { from, .. }) = association.switch.take() {
            self.event(LinkEvent::SwitchChannel(from));
        }
    }
}
