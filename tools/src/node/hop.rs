//! A radio as a station of foreign networks: it hears and sends for its links, and goes from channel to channel as they
//! want it.

use drivers::Radio;
use stack::hop::HopEvent;
use stack::slot::Beacons;
use stack::time;
use stack::wire::Channel;

use super::links::{LinkChange, Links};
use super::worker::{Worker, WorkerEvent};

impl<R: Radio> Worker<R> {
    /// Has the radio be a station of these networks, beside what it serves.
    #[must_use]
    pub fn with_links(mut self, links: Links) -> Self {
        self.links = links;
        let beacons = self.ap.beacons(self.now).and_then(|(at, interval)| Beacons::new(at, interval));
        if let Some(beacons) = beacons {
            self.links.hopper.set_home_beacons(self.now, beacons);
        }
        self
    }

    /// Its links.
    pub const fn links(&self) -> &Links {
        &self.links
    }

    /// Tells the links where the radio is, once it is there.
    pub(super) fn arrive(&mut self, now: time::Instant) {
        if !self.has_arrived() {
            return;
        }
        let Links { tuning, hopper, .. } = &mut self.links;
        if let Some(channel) = tuning.told.take() {
            tuning.channel = channel;
            hopper.handle_tuned(now, channel);
        }
    }

    /// A client that joins takes a radio that stays.
    pub(super) fn hold_home(&mut self, now: time::Instant) {
        if self.links.hopper.home().is_some() {
            self.links.hopper.hold_home(now, self.ap.needs_radio(now));
        }
    }

    /// It was tuned and is there, which the links do not know yet.
    pub(super) fn has_arrived(&self) -> bool {
        self.links.tuning.told.is_some() && self.radio.is_tuned()
    }

    /// Passes on what the links have brought forth.
    pub(super) fn settle_links(&mut self) {
        while let Some(event) = self.links.hopper.poll_event() {
            let news = match event {
                HopEvent::Link(link, event) => self.links.handle_event(link, event),
                HopEvent::Ack(change) => {
                    self.acknowledge(change);
                    continue;
                }
                HopEvent::Tune(channel) => {
                    self.tune(channel);
                    continue;
                }
                HopEvent::LeaveHome { back } => {
                    self.ap.fall_silent(self.now, back);
                    continue;
                }
                HopEvent::ComeHome => {
                    self.ap.come_back();
                    continue;
                }
                HopEvent::Refused(link, why) => self.links.news(link, LinkChange::Refused(why)),
                HopEvent::Admitted(link) => self.links.news(link, LinkChange::Admitted),
            };
            if let Some(news) = news {
                self.tell(WorkerEvent::Link(news));
            }
        }
    }

    /// Nothing is in flight. A radio that waits until it is there is there so much later, and the links send in this turn.
    fn tune(&mut self, channel: Channel) {
        let tuning = &mut self.links.tuning;
        let trouble = match self.radio.set_channel(channel) {
            Ok(waited) => {
                self.now += waited;
                tuning.told = Some(channel);
                tuning.failed.retain(|failed| *failed != channel);
                // What one takes that returns before it is there nobody here can measure.
                if self.radio.is_tuned() {
                    tuning.watch.tuned(waited);
                    self.arrive(self.now);
                }
                return;
            }
            Err(error) => error.to_string(),
        };
        tuning.told = Some(tuning.channel);
        if !tuning.failed.contains(&channel) {
            tuning.failed.push(channel);
            self.tell(WorkerEvent::Trouble(format!("{channel}: {trouble}")));
        }
    }
}
