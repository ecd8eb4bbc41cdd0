//! A foreign network: its AP, which may be without power, and what is wired to it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use drivers::air::{AirRadio, RadioId};
use stack::ap::{NetworkConfig, NetworkId, RadioConfig, Security};
use stack::rsn::Pmk;
use stack::time::Instant;
use stack::wire::Channel;

use crate::node::{Cable, Switch, SwitchNetwork, Worker};

use super::scene;
use crate::demo::play::SharedAir;
use crate::demo::stage::Seeded;

/// Random numbers of an AP that was switched on again are others.
const AGAIN: usize = 100;

/// One of [`scene::NETWORKS`].
pub(super) struct Foreign {
    network: usize,
    pub(super) id: RadioId,
    pub(super) channel: Channel,
    pmk: Option<Pmk>,
    rekey: Option<Duration>,
    /// `None` while it is without power.
    pub(super) power: Option<Powered>,
    /// To its wired host.
    pub(super) cable: Arc<Cable>,
    /// It takes the radio's station for connected, or did so when its power failed.
    pub(super) joined: bool,
    /// When it lost its power, and when it had it again.
    pub(super) off: Option<(Instant, Option<Instant>)>,
}

/// What an AP is while it has power.
pub(super) struct Powered {
    pub(super) ap: Worker<AirRadio>,
    /// Its cable ends there.
    _switch: Switch,
}

impl Foreign {
    /// Without power yet.
    pub(super) fn new(
        network: usize,
        (id, channel): (RadioId, Channel),
        pmk: Option<Pmk>,
        length: Duration,
    ) -> Self {
        let (rekeying, age) = scene::REKEYING;
        Self {
            network,
            id,
            channel,
            pmk,
            rekey: (network == rekeying).then(|| length.mul_f64(age)),
            power: None,
            cable: Arc::new(Cable::default()),
            joined: false,
            off: None,
        }
    }

    /// It begins, knowing nothing of what was before.
    pub(super) fn switch_on(&mut self, now: Instant, air: &SharedAir, seed: u64) {
        let Some(scene) = scene::NETWORKS.get(self.network) else { return };
        let security = self.pmk.clone().map_or(Security::Open, Security::Wpa2);
        let config = NetworkConfig {
            group_rekey: self.rekey,
            pairwise_rekey: self.rekey,
            ..NetworkConfig::new(NetworkId(0), scene.ssid.as_bytes().to_vec(), security)
        };
        let outside = Some(Box::new(Arc::clone(&self.cable)) as _);
        let served = SwitchNetwork { id: config.id, isolate: false, outside };
        let (switch, ports) = Switch::new(vec![served], &[None]);
        let Some(port) = ports.into_iter().next() else { return };
        let mut who = self.id.index();
        if let Some((_, until)) = &mut self.off {
            *until = Some(now);
            who += AGAIN;
            air.borrow_mut().set_channel(now, self.id, self.channel);
        }
        let radio = AirRadio::new(Rc::clone(air), self.id);
        // Hardware gives back what it has for a station that goes to sleep; the simulated radio goes on trying, and so it
        // has no more than one frame, which then is the first again.
        let place = RadioConfig { window: 1, ..RadioConfig::new(self.channel, scene::block(self.network)) };
        let ap = Worker::new(scene.ssid, radio, place, vec![config], port, now, Seeded::boxed(seed, who));
        self.joined = false;
        self.power = Some(Powered { ap, _switch: switch });
    }

    /// The power fails: all that it knew is gone.
    pub(super) fn switch_off(&mut self, now: Instant, air: &SharedAir) {
        self.power = None;
        self.off = Some((now, None));
        air.borrow_mut().switch_off(self.id);
    }

    /// When its worker is due.
    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.power.as_ref().and_then(|powered| powered.ap.poll_timeout())
    }
}
