//! A witness of moves: packet numbers only rise, the TSF does not jump, and no management or EAPOL frame is there that a
//! standing client would not see.

use std::collections::BTreeMap;
use std::time::Duration;

use drivers::air::OnAir;
use stack::rsn::Pmk;
use stack::time::Instant;
use stack::wire::management::{Action, ActionDetails};
use stack::wire::{Frame, FrameKind, MacAddr, ManagementBody};

use crate::recorder::Recorder;

/// How far a beacon's timestamp may be from the time at which it leaves: it waits for its turn on the air.
const LATE: u64 = 5_000;

/// What was seen.
pub struct Overseer {
    /// Who opens what is encrypted.
    pub recorder: Recorder,
    /// Counts from now on.
    armed: bool,
    /// Authentication, association, deauthentication, disassociation, action.
    pub management: Vec<FrameKind>,
    /// Action frames that announce a channel switch.
    pub announcements: usize,
    /// EAPOL that the recorder had heard when it was armed.
    eapol_before: usize,
    /// By BSSID: when its TSF timer was zero, and when it last sent a beacon.
    timers: BTreeMap<MacAddr, (i128, Instant)>,
    /// The longest time between two beacons of one BSSID.
    pub longest_gap: Duration,
    /// The largest difference of a TSF timer from what it was.
    pub jump: u64,
}

impl Overseer {
    /// Of networks with this key.
    pub fn new(pmk: Pmk) -> Self {
        Self {
            recorder: Recorder::new(pmk),
            armed: false,
            management: Vec::new(),
            announcements: 0,
            eapol_before: 0,
            timers: BTreeMap::new(),
            longest_gap: Duration::ZERO,
            jump: 0,
        }
    }

    /// The clients are there: what they needed to come is not counted.
    pub fn arm(&mut self) {
        self.armed = true;
        self.eapol_before = self.recorder.eapol;
        self.timers.clear();
        (self.longest_gap, self.jump) = (Duration::ZERO, 0);
    }

    /// How many EAPOL frames there were since.
    pub const fn eapol(&self) -> usize {
        self.recorder.eapol - self.eapol_before
    }

    /// Takes a frame on the air.
    pub fn hear(&mut self, on_air: &OnAir<'_>) {
        self.recorder.hear(on_air.frame);
        if !self.armed {
            return;
        }
        let Ok(Frame::Management(frame)) = Frame::parse(on_air.frame) else { return };
        match frame.parse_body() {
            Ok(ManagementBody::Beacon(beacon)) => self.beacon(on_air, frame.bssid(), beacon.timestamp),
            Ok(ManagementBody::ProbeRequest(_) | ManagementBody::ProbeResponse(_)) => {}
            Ok(ManagementBody::Action(action)) if announces_switch(&action) => {
                self.announcements += usize::from(on_air.attempt == 0);
            }
            _ => self.management.push(frame.kind()),
        }
    }

    fn beacon(&mut self, on_air: &OnAir<'_>, bssid: MacAddr, timestamp: u64) {
        if on_air.attempt > 0 {
            return;
        }
        let zero = i128::from(on_air.start.as_micros()) - i128::from(timestamp);
        let (first, last) = *self.timers.entry(bssid).or_insert((zero, on_air.start));
        self.jump = self.jump.max(u64::try_from((zero - first).abs()).unwrap().saturating_sub(LATE));
        self.longest_gap = self.longest_gap.max(on_air.start.since(last));
        self.timers.insert(bssid, (first, on_air.start));
    }
}

fn announces_switch(action: &Action<'_>) -> bool {
    let details = action.parse_details();
    matches!(details, ActionDetails::ChannelSwitch { .. } | ActionDetails::Public { action: 4, .. })
}
