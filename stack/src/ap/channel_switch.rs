//! A client goes to another channel along with its virtual AP (802.11-2020 11.8.8.2).
//!
//! Its virtual AP is its alone, so nobody else has to take notice when the beacons announce a switch and count down to it.
//! With the last of them the queue is held and the virtual AP is drained. The radio on the other channel beacons from the
//! announced TBTT on, and asks for the client until it is heard there; only then the queue goes out.
//!
//! For Linux a switch is over only when it has heard a beacon on the new channel, and it takes no other announcement before.
//!
//! The client may send until it goes, and at once when it has come (channel switch mode 0), if both radios acknowledge for it
//! and pass on what they hear. Else it is to be silent until it hears its virtual AP there (mode 1). Linux leaves when the last announcement is due, an interval before the switch, and others
//! just before the switch itself: nothing is sent in between. Linux follows within a band only; for another one there is
//! the extended announcement, which says the operating class.

use std::time::Duration;

use crate::ap::admission::Pair;
use crate::ap::announce::robust;
use crate::ap::block::Place;
use crate::ap::config::ApEvent;
use crate::ap::outbox::{Waiting, Whose};
use crate::ap::radio::ApRadio;
use crate::ap::virtual_ap::{VirtualAp, interval};
use crate::mac::Outgoing;
use crate::time::Instant;
use crate::wire::element::{ChannelSwitch as SwitchElement, ElementsBuf, ExtendedChannelSwitch};
use crate::wire::management::{Action, ActionDetails};
use crate::wire::{Channel, MacAddr, ManagementBody, TxOptions};

/// How many beacons announce it.
const ANNOUNCEMENTS: u32 = 3;
/// To a client that dozes, and may sleep through most of them.
const ANNOUNCEMENTS_TO_DOZING: u32 = 10;
/// How long the client is waited for on its new channel. One that has stayed where it was must not miss so many beacons
/// that it leaves.
const PATIENCE: Duration = Duration::from_millis(500);
/// And how long after that the virtual AP may be taken back, before what waits goes out in any case.
const TAKEN_BACK: Duration = Duration::from_secs(2);
/// How much longer a client is waited for if it dozes, whatever it may have said of its listen interval.
const LONGEST_DOZE: Duration = Duration::from_secs(1);
/// How often an awake client is asked whether it has come, and how often each time.
const ASK: Duration = Duration::from_millis(10);
const ASK_RETRIES: u8 = 1;
/// Public action: Extended Channel Switch Announcement (802.11-2020 Table 9-364).
const EXTENDED_ANNOUNCEMENT: u8 = 4;

/// A switch from when it was ordered until the client is heard on the new channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChannelSwitch {
    pub(super) to: Channel,
    /// What the TSF timer shows at its TBTT.
    pub(super) at: u64,
    /// The client is to send nothing until then.
    pub(super) quiet: bool,
    /// An action frame is to say it, too: some radios look at few beacons.
    pub(super) action: bool,
    /// The virtual AP is on a radio of the new channel, and the client not yet.
    pub(super) wait: Option<Wait>,
}

/// How a client is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    until: Instant,
    /// When it is asked next whether it is there.
    ask: Instant,
    /// It was said that it has not come. What waits is held for a while longer, for the virtual AP to be taken back.
    missed: bool,
}

/// A switch as it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SwitchAnnouncement {
    pub(super) to: Channel,
    quiet: bool,
    /// The TBTTs until it happens, that of the switch among them.
    pub(super) count: u8,
}

impl SwitchAnnouncement {
    pub(super) const fn element(self) -> SwitchElement {
        SwitchElement { mode: self.quiet as u8, channel: self.to.number(), count: self.count }
    }

    pub(super) const fn extended(self) -> ExtendedChannelSwitch {
        ExtendedChannelSwitch {
            mode: self.quiet as u8,
            operating_class: self.to.operating_class(),
            channel: self.to.number(),
            count: self.count,
        }
    }

    /// The body of an action frame (802.11-2020 9.6.2.6, or 9.6.7.7 if it leaves the band `from`).
    fn action(self, from: Channel) -> Vec<u8> {
        let mut body = Vec::new();
        if from.band() == self.to.band() {
            let mut elements = ElementsBuf::new();
            elements.writer().put(&self.element());
            ActionDetails::ChannelSwitch { elements: elements.elements() }.emit(&mut body);
        } else {
            let ExtendedChannelSwitch { mode, operating_class, channel, count } = self.extended();
            let fields = [mode, operating_class, channel, count];
            ActionDetails::Public { action: EXTENDED_ANNOUNCEMENT, fields: &fields }.emit(&mut body);
        }
        body
    }
}

impl ApRadio {
    /// Like [`Self::drain`], for the move to a radio on `channel`: if that is another one, the client is told first, by its
    /// beacons, and served meanwhile. [`ApEvent::Drained`] comes after the last announcement, when nothing is in flight.
    /// The radio that [adopts](Self::adopt) it holds its queue until the client is heard there: [`ApEvent::Followed`], or
    /// [`ApEvent::NotFollowed`] after half a second, or later if it dozes.
    ///
    /// With `quiet` the client is to be silent from the announcement on until it hears its virtual AP again: for where the
    /// other radio does not acknowledge what it sends there before.
    ///
    /// Says from when on nothing is sent for it; `None`, and nothing is done, if it cannot move now.
    pub fn drain_to(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        channel: Channel,
        quiet: bool,
    ) -> Option<Instant> {
        let place = self.block().place(bssid)?;
        let ap = self.ap_mut(place)?;
        // One that did not follow its client here goes back to where that is.
        if channel.frequency() == ap.channel.frequency() {
            return self.drain(bssid).then_some(now);
        }
        let ap = Some(ap).filter(|ap| ap.can_move() && ap.has_time())?;
        let beacons = if ap.dozing > 0 { ANNOUNCEMENTS_TO_DOZING } else { ANNOUNCEMENTS };
        let interval = interval(&ap.config);
        let first = if ap.beacon_due { now } else { ap.next_beacon };
        let action = ap.dozing == 0;
        let tbtt = ap.tsf.tbtt_before(interval, first);
        let at = tbtt + micros(interval * beacons);
        ap.switch = Some(ChannelSwitch { to: channel, at, quiet, action, wait: None });
        Some(first + interval * (beacons - 1))
    }

    /// A beacon has just been made. With the last one before the switch the client may be gone, and nothing follows it.
    pub(super) fn switch_announced(&mut self, now: Instant, place: Place) {
        let from = self.config.channel;
        let Some(ap) = self.ap_mut(place) else { return };
        let Some(switch) = ap.switch.as_mut().filter(|switch| switch.wait.is_none()) else { return };
        let action = std::mem::take(&mut switch.action);
        let client = ap.client.filter(|_| action);
        let announcement = ap.switch_announcement(now);
        if announcement.is_none_or(|announcement| announcement.count <= 1) {
            ap.park();
        } else if let Some((client, announcement)) = client.zip(announcement) {
            let body = announcement.action(from);
            if let Some((&category, details)) = body.split_first() {
                self.answer((place, client), &ManagementBody::Action(Action { category, details }));
            }
        }
    }

    /// The client of a virtual AP that has come here may be on another channel: its queue is held until it is heard.
    pub(super) fn await_client(&mut self, now: Instant, place: Place) {
        let channel = self.config.channel;
        let Some(ap) = self.ap_mut(place) else { return };
        ap.switch = ap.switch_under_way();
        if ap.switch.is_none() && ap.channel.frequency() == channel.frequency() {
            return;
        }
        let at = ap.switch.map_or_else(|| ap.tsf.at(now), |switch| switch.at);
        let wait = Some(Wait { until: now + PATIENCE + ap.longest_doze(), ask: now, missed: false });
        ap.switch = Some(ChannelSwitch { to: channel, at, quiet: false, action: false, wait });
        ap.stations.values_mut().for_each(|station| station.peer.park());
        self.moves.awaited.insert(place);
    }

    /// A station has been heard by this radio: if it was waited for, it is served again.
    pub(super) fn followed(&mut self, now: Instant, (place, client): Pair) {
        let channel = self.config.channel;
        if !self.moves.awaited.contains(&place) {
            return;
        }
        let Some(ap) = self.ap_mut(place).filter(|ap| ap.client == Some(client)) else { return };
        ap.channel = channel;
        ap.stations.values_mut().for_each(|station| station.peer.forget_polls());
        let bssid = ap.bssid;
        self.end_waiting(now, place);
        self.event(ApEvent::Followed(bssid));
    }

    /// Asks for those who are waited for, and gives those up who do not come.
    pub(super) fn awaited_due(&mut self, now: Instant) {
        let places: Vec<_> = self.moves.awaited.iter().copied().collect();
        for place in places {
            let Some(wait) = self.waits(place) else { continue };
            if wait.until <= now && wait.missed {
                self.end_waiting(now, place);
            } else if wait.until <= now {
                self.missed(now, place);
            } else if wait.ask <= now && !wait.missed {
                self.ask_for_client(now, place);
            }
        }
    }

    /// When [`Self::awaited_due`] is to be called.
    pub(super) fn next_awaited(&self) -> Option<Instant> {
        self.moves
            .awaited
            .iter()
            .filter_map(|&place| self.waits(place))
            .map(|wait| if wait.missed { wait.until } else { wait.until.min(wait.ask) })
            .min()
    }

    fn waits(&self, place: Place) -> Option<Wait> {
        self.slot(place)?.ap.switch?.wait
    }

    fn missed(&mut self, now: Instant, place: Place) {
        let Some(ap) = self.ap_mut(place) else { return };
        if let Some(wait) = ap.switch.as_mut().and_then(|switch| switch.wait.as_mut()) {
            (wait.until, wait.missed) = (now + TAKEN_BACK, true);
        }
        let bssid = ap.bssid;
        self.event(ApEvent::NotFollowed(bssid));
    }

    fn end_waiting(&mut self, now: Instant, place: Place) {
        self.moves.awaited.remove(&place);
        let Some(ap) = self.ap_mut(place) else { return };
        ap.switch = None;
        ap.stations.values_mut().for_each(|station| station.peer.unpark());
        self.set_going(now, place);
    }

    /// A client that dozes is asked by the TIM.
    fn ask_for_client(&mut self, now: Instant, place: Place) {
        let rate = Some(robust(&self.config));
        let Some(ap) = self.ap_mut(place) else { return };
        if let Some(wait) = ap.switch.as_mut().and_then(|switch| switch.wait.as_mut()) {
            wait.ask = now + ASK;
        }
        let Some(client) = ap.client.filter(|_| ap.dozing == 0) else { return };
        let Some(station) = ap.stations.get(&client) else { return };
        let whose = Whose::Station((place, client), station.association);
        let options = TxOptions { retries: Some(ASK_RETRIES), rate, ..TxOptions::default() };
        let outgoing = Outgoing::immediate(self.null_frame((place, client)), options);
        self.outbox.push(Waiting { whose, outgoing, tsf: None }, &mut self.drops);
    }
}

impl VirtualAp {
    /// What is to be said of a switch now.
    pub(super) fn switch_announcement(&self, now: Instant) -> Option<SwitchAnnouncement> {
        let switch = self.switch.filter(|switch| switch.wait.is_none())?;
        let left = switch.at.checked_sub(self.tsf.at(now))?;
        let count = u8::try_from(left.div_ceil(micros(interval(&self.config)))).ok()?;
        Some(SwitchAnnouncement { to: switch.to, quiet: switch.quiet, count }).filter(|_| count > 0)
    }

    /// The switch that its client may follow yet.
    pub(super) fn switch_under_way(&self) -> Option<ChannelSwitch> {
        self.switch.filter(|switch| switch.wait.is_none_or(|wait| !wait.missed))
    }

    /// Its client is told to go to another channel, or has not come to this one yet.
    pub const fn changes_channel(&self) -> bool {
        self.switch.is_some()
    }

    /// Its client may not have come to the channel of its radio yet: [`ApEvent::Followed`] or [`ApEvent::NotFollowed`] will
    /// tell.
    pub fn awaits_client(&self) -> bool {
        self.switch.is_some_and(|switch| switch.wait.is_some())
    }

    /// How long a client that dozes now may stay away from the air.
    fn longest_doze(&self) -> Duration {
        let dozing = self.stations.values().filter(|station| station.peer.power_save().is_dozing());
        dozing.map(|station| station.peer.config().buffer_age.min(LONGEST_DOZE)).max().unwrap_or_default()
    }
}

fn micros(interval: Duration) -> u64 {
    u64::try_from(interval.as_micros()).unwrap_or(u64::MAX)
}
