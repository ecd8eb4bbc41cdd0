use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::random::Random;
use zeroize::Zeroizing;

use super::certificate::public_key_of;
use super::*;
use crate::announce::{Epoch, SignerState};
use crate::engine::Fault;
use crate::lease::NodeSlot;

struct Seeded(ChaCha12Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

const NOW: u64 = 1_800_000_000;

struct World {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::create(&folder.path().join("cluster"), &name("home"), NOW).unwrap();
        Self { folder, authority }
    }

    fn node(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join(text);
        let credentials = self.authority.admit(&name(text), NOW).unwrap();
        NodeStore::create(&path, &credentials, &["10.9.0.1:7450".to_owned()]).unwrap();
        path
    }
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn machine() -> MachineId {
    MachineId::new(b"this one")
}

#[test]
fn a_node_is_who_its_certificate_says_and_has_a_slot_of_its_own() {
    let world = World::new();
    for number in 0..3 {
        let credentials = world.authority.admit(&name("north"), NOW).unwrap();
        let subject = Subject::of(&credentials.certificate).unwrap();
        assert_eq!((subject.slot.number(), subject.name.as_str()), (number, "north"));
        assert_eq!(subject.cluster.as_str(), "home");
        assert_eq!(credentials.until, NOW + NODE_LIFETIME.as_secs());
    }
    let again = Authority::open(&world.folder.path().join("cluster")).unwrap();
    assert_eq!(again.slots_of(&name("north")).len(), 3);
    assert_eq!(again.slots_of(&name("south")), []);
}

#[test]
fn what_is_secret_is_for_its_owner_alone_and_shows_nothing() {
    let world = World::new();
    let node = world.node("north");
    for path in ["cluster/authority.key", "cluster/authority.cert", "cluster/slots/0000", "north/node.redb"] {
        let mode = std::fs::metadata(world.folder.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
    assert_eq!(std::fs::metadata(&node).unwrap().permissions().mode() & 0o777, 0o700);
    let credentials = world.authority.admit(&name("south"), NOW).unwrap();
    assert!(!format!("{credentials:?} {:?}", world.authority).contains("key"));
}

#[test]
fn names_that_are_none_are_refused() {
    for text in ["", "North", "a/b", "a b", "ä", &"x".repeat(33)] {
        assert!(matches!(NodeName::new(text), Err(IdentityError::Name(_))), "{text}");
    }
    assert!(Subject::of(b"not a certificate").is_err());
}

#[test]
fn a_folder_that_is_there_is_not_touched() {
    let world = World::new();
    let taken = Authority::create(&world.folder.path().join("cluster"), &name("other"), NOW);
    assert!(matches!(taken, Err(IdentityError::Exists(_))));
    assert!(matches!(Authority::open(world.folder.path()), Err(IdentityError::NoCluster(_))));
    let none = NodeStore::open(world.folder.path(), machine(), 1);
    assert!(matches!(none, Err(IdentityError::NoNode(_))));
}

#[test]
fn a_token_is_good_once_and_not_forever() {
    let world = World::new();
    let mut random = Seeded(ChaCha12Rng::seed_from_u64(1));
    let invitation = world.authority.invite(NOW, Duration::from_secs(60), &mut random).unwrap();
    let token = Token::parse(&invitation.token.to_text()).unwrap();
    assert!(token.is_for(world.authority.certificate()) && !token.is_for(b"another"));
    assert!(world.authority.is_open(&invitation, NOW) && !world.authority.is_open(&invitation, NOW + 61));
    assert!(world.authority.take_invitation(token.secret(), NOW).is_ok());
    let twice = world.authority.take_invitation(token.secret(), NOW);
    assert!(matches!(twice, Err(IdentityError::TokenRefused)));
    assert!(!world.authority.is_open(&invitation, NOW));
    let late = world.authority.invite(NOW, Duration::from_secs(60), &mut random).unwrap();
    let late = world.authority.take_invitation(late.token.secret(), NOW + 61);
    assert!(matches!(late, Err(IdentityError::TokenRefused)));
    assert!(matches!(Token::parse("abc"), Err(IdentityError::NoToken)));
    assert_eq!(format!("{token:?}"), "Token(..)");
}

#[test]
fn a_renewed_certificate_is_of_the_same_key_and_slot_unless_the_slot_is_denied() {
    let world = World::new();
    let credentials = world.authority.admit(&name("north"), NOW).unwrap();
    let (subject, key) =
        (Subject::of(&credentials.certificate).unwrap(), public_key_of(&credentials.certificate).unwrap());
    let (renewed, until) = world.authority.renew(&subject, &key, NOW + 1000).unwrap();
    assert_eq!((Subject::of(&renewed).unwrap(), public_key_of(&renewed).unwrap()), (subject.clone(), key));
    assert_eq!(until, credentials.until + 1000);
    let denial = world.authority.deny(subject.slot).unwrap();
    assert!(matches!(
        world.authority.renew(&subject, &key, NOW),
        Err(IdentityError::ShutOut(Fault::Revoked))
    ));
    assert_eq!(world.authority.denials(), std::slice::from_ref(&denial));
    assert_eq!(Denial::check(world.authority.certificate(), &denial.to_bytes()), Some(denial.clone()));
    let mut forged = denial.to_bytes();
    forged[0] ^= 1;
    assert_eq!(Denial::check(world.authority.certificate(), &forged), None);
    assert_eq!(Denial::check(World::new().authority.certificate(), &denial.to_bytes()), None);
    let nobody = world.authority.deny(NodeSlot::new(9).unwrap());
    assert!(matches!(nobody, Err(IdentityError::NobodysSlot(9))));
}

#[test]
fn the_journal_outlives_the_process_and_goes_only_up() {
    let world = World::new();
    let node = world.node("north");
    let store = NodeStore::open(&node, machine(), 1).unwrap();
    assert_eq!(store.reserved([7; 16]).unwrap(), None);
    store.reserve([7; 16], 9).unwrap();
    store.reserve([7; 16], 3).unwrap();
    store.write_journal(&[JournalLine::Reserve([8; 16], 40), JournalLine::Reserve([9; 16], 50)]).unwrap();
    store.sync_journal().unwrap();
    store.write_journal(&[JournalLine::Fold([9; 16], 50)]).unwrap();
    store.write_journal(&[JournalLine::Fold([1; 16], 20)]).unwrap();
    store.sync_journal().unwrap();
    drop(store);
    let store = NodeStore::open(&node, machine(), 2).unwrap();
    assert_eq!((store.reserved([7; 16]).unwrap(), store.reserved([8; 16]).unwrap()), (Some(9), Some(40)));
    assert_eq!(store.reserved([9; 16]).unwrap(), Some(50), "folded: what holds for all that is not named");
    let lines = store.journal().unwrap();
    assert_eq!(lines.len(), 3);
    assert!(lines.contains(&JournalLine::Fold([0; 16], 50)));
}

#[test]
fn the_state_is_open_once_counts_its_starts_and_stays_on_its_machine() {
    let world = World::new();
    let node = world.node("north");
    let store = NodeStore::open(&node, machine(), 11).unwrap();
    assert_eq!((store.incarnation().count, &store.incarnation().starts[..]), (1, &[11][..]));
    assert!(matches!(NodeStore::open(&node, machine(), 12), Err(IdentityError::InUse(_))));
    assert_eq!(store.addresses().unwrap(), ["10.9.0.1:7450"]);
    drop(store);
    let store = NodeStore::open(&node, machine(), 22).unwrap();
    assert_eq!((store.incarnation().count, &store.incarnation().starts[..]), (2, &[22, 11][..]));
    drop(store);
    let elsewhere = NodeStore::open(&node, MachineId::new(b"another"), 33);
    assert!(matches!(elsewhere, Err(IdentityError::OtherMachine(_))));
}

#[test]
fn who_is_shut_out_does_not_start_again() {
    let world = World::new();
    let node = world.node("north");
    let store = NodeStore::open(&node, machine(), 1).unwrap();
    store.shut_out(Fault::UsedTwice).unwrap();
    drop(store);
    let again = NodeStore::open(&node, machine(), 2);
    assert!(matches!(again, Err(IdentityError::ShutOut(Fault::UsedTwice))));
}

#[test]
fn a_broken_state_file_is_an_error_and_nothing_else() {
    let world = World::new();
    let node = world.node("north");
    std::fs::write(node.join("node.redb"), b"garbage").unwrap();
    assert!(matches!(NodeStore::open(&node, machine(), 1), Err(IdentityError::State { .. })));
}

#[test]
fn how_far_a_node_has_announced_only_grows_and_its_key_stays() {
    let world = World::new();
    let path = world.node("north");
    let [first, second] = [[1; 32], [2; 32]].map(Zeroizing::new);
    let state = |epoch, row, count| SignerState { epoch: Epoch(epoch), row, count };
    {
        let store = NodeStore::open(&path, machine(), 1).unwrap();
        assert_eq!(store.announced().unwrap(), SignerState::default());
        assert_eq!(store.announcing_seed(&first).unwrap(), first);
        store.keep_announced(&state(2, 7, 1)).unwrap();
        store.keep_announced(&state(1, 9, 9)).unwrap();
    }
    let store = NodeStore::open(&path, machine(), 2).unwrap();
    assert_eq!(store.announced().unwrap(), state(2, 7, 1));
    assert_eq!(store.announcing_seed(&second).unwrap(), first);
}
