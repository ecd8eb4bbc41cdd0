//! TAP devices against the real kernel, in a network namespace of their own; as root, else skipped.

use std::process::Command;
use std::time::{Duration, Instant};

use drivers::interface;
use drivers::tap::Tap;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use stack::wire::MacAddr;

/// A namespace of its own with TAP devices. `None` when this may not be had.
fn namespace() -> Option<()> {
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        eprintln!("skipped: a network namespace of its own needs root");
        return None;
    }
    if let Err(error) = Tap::open("alprobe") {
        eprintln!("skipped: {error}");
        return None;
    }
    Some(())
}

/// `ip` with these arguments. `None` when it is not there.
fn ip(arguments: &str) -> Option<()> {
    match Command::new("ip").args(arguments.split(' ')).status() {
        Ok(status) => assert!(status.success(), "ip {arguments}"),
        Err(error) => {
            eprintln!("skipped: ip: {error}");
            return None;
        }
    }
    Some(())
}

/// An ARP request, which the kernel answers if the address is its own.
fn who_has(address: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    let sender = [2, 0, 0, 0, 0, 9];
    frame.extend(sender);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(sender);
    frame.extend([10, 9, 9, 1, 0, 0, 0, 0, 0, 0]);
    frame.extend(address);
    frame
}

#[test]
fn a_new_tap_is_up_carries_plain_ethernet_and_goes_with_its_owner() {
    let Some(()) = namespace() else { return };
    let tap = Tap::open("air0").unwrap();
    assert!(interface::is_up("air0").unwrap());
    assert_eq!(interface::mtu("air0").unwrap(), 1500);
    let Some(()) = ip("address add 10.9.9.2/24 dev air0") else { return };
    assert!(tap.send(&who_has([10, 9, 9, 2])).unwrap());
    let end = Instant::now() + Duration::from_secs(20);
    let mut buffer = [0; Tap::FRAME];
    let answer = loop {
        match tap.receive(&mut buffer).unwrap() {
            // No packet information: the frame begins with the address of who asked.
            Some(length) if buffer.starts_with(&[2, 0, 0, 0, 0, 9]) => break &buffer[..length],
            _ => assert!(Instant::now() < end, "no answer"),
        }
    };
    assert_eq!(answer[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    drop(tap);
    assert_eq!(interface::index("air0").unwrap_err().raw_os_error(), Some(libc::ENODEV));
}

#[test]
fn a_persistent_tap_is_attached_to_and_stays() {
    let Some(()) = namespace() else { return };
    let Some(()) = ip("tuntap add dev air1 mode tap") else { return };
    ip("link set air1 mtu 9000");
    let index = interface::index("air1").unwrap();
    let tap = Tap::open("air1").unwrap();
    assert!(interface::is_up("air1").unwrap());
    assert_eq!(interface::mtu("air1").unwrap(), 1500, "no longer than the air carries");
    let error = Tap::open("air1").unwrap_err();
    assert!(error.to_string().contains("another program has it"), "{error}");
    drop(tap);
    assert_eq!(interface::index("air1").unwrap(), index);
    drop(Tap::open("air1").unwrap());
}

#[test]
fn a_tap_of_a_station_has_its_address_and_a_carrier_when_it_is_said_to() {
    let Some(()) = namespace() else { return };
    let Some(()) = ip("tuntap add dev air3 mode tap") else { return };
    ip("link set air3 up");
    // One that is there and up, and one that is made.
    for (name, last) in [("air3", 3), ("air4", 4)] {
        let address = MacAddr([2, 0, 0, 0, 4, last]);
        let tap = Tap::open_as(name, address).unwrap();
        assert!(interface::is_up(name).unwrap());
        assert_eq!(interface::address(name).unwrap(), address);
        for there in [true, false, true] {
            tap.set_carrier(there).unwrap();
            let flags = Command::new("ip").args(["link", "show", name]).output().unwrap().stdout;
            let flags = String::from_utf8_lossy(&flags).into_owned();
            assert_eq!(flags.contains("NO-CARRIER"), !there, "{flags}");
        }
    }
    assert_eq!(interface::address("nosuch0").unwrap_err().raw_os_error(), Some(libc::ENODEV));
}

#[test]
fn another_kind_of_interface_and_a_name_that_is_none_are_refused_in_words() {
    let Some(()) = namespace() else { return };
    let error = Tap::open("lo").unwrap_err();
    assert!(error.to_string().contains("taken by an interface that is no TAP"), "{error}");
    for name in ["", "..", "a/b", "air%d", "a b", "sixteen-chars-xx", "nul\0"] {
        let error = Tap::open(name).unwrap_err();
        assert!(error.to_string().contains("is not an interface name"), "{name}: {error}");
    }
}

#[test]
fn what_the_kernel_does_not_take_is_said_and_ends_nothing() {
    let Some(()) = namespace() else { return };
    let tap = Tap::open("air2").unwrap();
    assert!(!tap.send(&[0; 13]).unwrap(), "no Ethernet frame");
    assert!(!tap.send(&[]).unwrap());
    interface::set_up("air2", false).unwrap();
    assert!(!tap.send(&who_has([10, 9, 9, 2])).unwrap(), "it is down");
    assert_eq!(tap.receive(&mut [0; Tap::FRAME]).unwrap(), None);
    interface::set_up("air2", true).unwrap();
    assert!(tap.send(&who_has([10, 9, 9, 2])).unwrap());
}
