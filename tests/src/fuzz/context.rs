//! Contexts of virtual APs that come from another node.

use stack::ap::{ApRadio, Context, RadioConfig, SharedClock, VirtualApKind};
use stack::mac::TxRange;
use stack::time::Instant;
use stack::wire::{Channel, RxInfo};

use crate::roam::BLOCK;
use crate::story::{Seeded, network};

/// The bytes as a context: one that is read is written as the same bytes, and what a radio adopts of it does no harm there.
pub fn context(data: &[u8]) {
    let Ok(context) = Context::decode(data) else { return };
    assert_eq!(context.encode()[..], *data, "it is written as it was read");
    assert!(context.keys().count() <= 2);
    let now = Instant::from_micros(3_000_000);
    for wpa2 in [false, true] {
        let network = network(VirtualApKind::PerClient, wpa2);
        let range = |_, used: u64| Some(TxRange { after: used, ..TxRange::ALL });
        let clock = SharedClock { ahead: 1_000_000_000 };
        let Ok(ap) = context.clone().into_virtual_ap(now, clock, &network, range) else { continue };
        let config = RadioConfig::new(Channel::from_number(36).expect("a channel"), BLOCK);
        let mut radio = ApRadio::new(config, vec![network], now, Seeded::boxed(1));
        let bssid = ap.bssid();
        if radio.adopt(now, ap).is_err() {
            continue;
        }
        serve(&mut radio, now);
        radio.handle_frame(now, &RxInfo::default(), &mut data.to_vec());
        if radio.drain(bssid) {
            let again = radio.virtual_aps().next().and_then(|ap| ap.context(now, clock));
            assert!(again.is_some_and(|again| Context::decode(&again.encode()) == Ok(again)));
        }
    }
}

/// Lets it send a while to somebody who answers nothing.
fn serve(radio: &mut ApRadio, now: Instant) {
    for step in 0..8 {
        let now = now + std::time::Duration::from_millis(step * 60);
        radio.handle_timeout(now);
        for _ in 0..32 {
            let Some(transmit) = radio.poll_transmit(now) else { break };
            let status = stack::wire::TxStatus { id: transmit.id, acked: step % 2 == 0, retries: 0 };
            radio.recycle(transmit);
            radio.handle_tx_status(now, status);
        }
        while radio.poll_event().is_some() {}
    }
}
