//! The receive path allocates nothing for a data frame, from its radiotap header to the MSDU.

#![allow(unsafe_code)] // a global allocator that counts cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use stack::crypto::{Cipher, CipherKey};
use stack::mac::rx::{Context, Delivery, receive};
use stack::mac::{Bss, DropCounts, PairwiseSa, Peer, PeerConfig, SaId};
use stack::time::Instant;
use stack::wire::{MacAddr, MacHeader, QosControl, RxInfo, radiotap};

const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
const TK: [u8; 16] = [7; 16];

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain thread-local without destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Protected QoS data as a monitor interface hands it over: radiotap, then the MPDU.
fn captured(pn: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let info = RxInfo { signal: Some(-40), frequency: Some(2437), ..RxInfo::default() };
    radiotap::build_rx(&info, &mut bytes);
    let mut header = Vec::new();
    MacHeader::to_ds(AP, STA, HOST).with_qos(QosControl::new(0)).emit(&mut header);
    let mut body = vec![0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    body.resize(1500, 0x45);
    CipherKey::new(Cipher::Ccmp128, &TK).unwrap().protect(pn, 0, &header, &body, &mut bytes).unwrap();
    bytes
}

#[test]
fn a_received_data_frame_costs_no_allocation() {
    let mut frames: Vec<_> = (1..=200).map(captured).collect();
    let config = PeerConfig { protected: true, qos: true, ..PeerConfig::new(STA) };
    let mut peer = Peer::new(Instant::ZERO, config, SaId(1));
    let sa = PairwiseSa::new(SaId(2), Cipher::Ccmp128, &TK).unwrap();
    peer.install_pairwise(Instant::ZERO, sa);
    peer.open_port();
    let mut drops = DropCounts::new();
    let (mut msdus, mut bytes) = (0, 0);

    let before = ALLOCATIONS.get();
    for frame in &mut frames {
        let stripped = radiotap::strip(frame).unwrap();
        let mpdu = &mut frame[stripped.mpdu.clone()];
        let context = Context {
            now: Instant::ZERO,
            info: &stripped.summary.rx,
            bss: Bss::access_point(AP),
            peer: Some(&mut peer),
            group: None,
            drops: &mut drops,
        };
        let _ = receive(context, mpdu, &mut |delivery: Delivery<'_>| {
            if let Delivery::Msdu(msdu) = delivery {
                msdus += 1;
                bytes += msdu.payload().len();
            }
        });
    }
    let allocations = ALLOCATIONS.get() - before;

    assert_eq!((msdus, bytes), (200, 200 * 1500), "{drops:?}");
    assert_eq!(allocations, 0);
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![0u8; 100]));
    assert!(ALLOCATIONS.get() > before);
}
