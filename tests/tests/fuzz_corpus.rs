//! The fuzz targets over their corpora and over mutations of them, the same in every run: no panic, no growth of memory.
//!
//! `AIRLOOM_FUZZ_RUNS` says how many mutations each target gets; with `--release` ten million take some minutes.
//! `AIRLOOM_FUZZ_SEED`, a number but 0, gives others.
//! The corpora in `tests/fuzz/corpus` come from the captures that ship: `cargo test -p airloom-tests --test fuzz_corpus
//! -- --ignored` makes them anew.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stack::ap::{SharedClock, VirtualApKind};
use stack::sta::LinkConfig;
use stack::wire::{EtherType, Frame, Llc, MacAddr};
use tests::roam::World;
use tests::{fuzz, story};

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// Counts the bytes that this thread holds and how often it asked for some.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came; the counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        CALLS.set(CALLS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn corpus_folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = corpus_folder(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{} has hardly any files", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// xorshift64*: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }
}

const INTERESTING: [u8; 10] = [0, 1, 2, 3, 16, 0x7f, 0x80, 0xdd, 0xfe, 0xff];

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(input.len());
        match (dice.roll(8), input.get_mut(at)) {
            (0, Some(byte)) => *byte ^= 1 << dice.roll(8),
            (1, Some(byte)) => *byte = INTERESTING[dice.roll(INTERESTING.len())],
            (2, Some(byte)) => *byte = dice.roll(256) as u8,
            (3, Some(byte)) => *byte = byte.wrapping_add(dice.roll(5) as u8).wrapping_sub(2),
            (4, _) => input.truncate(at),
            (5, Some(_)) => {
                let end = (at + 1 + dice.roll(16)).min(input.len());
                input.drain(at..end);
            }
            (6, _) => {
                let piece: [u8; 4] = std::array::from_fn(|_| INTERESTING[dice.roll(INTERESTING.len())]);
                input.splice(at..at, piece);
            }
            _ => {
                let other = &corpus[dice.roll(corpus.len())];
                let from = dice.roll(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input.truncate(4096);
}

/// How many mutations a target gets unless told otherwise.
const RUNS: usize = 200_000;

fn explore(target: &str, usual_runs: usize, run: fn(&[u8])) {
    let corpus = corpus(target);
    corpus.iter().for_each(|input| run(input));
    let runs = std::env::var("AIRLOOM_FUZZ_RUNS").ok().map_or(usual_runs, |runs| runs.parse().unwrap());
    let seed =
        std::env::var("AIRLOOM_FUZZ_SEED").ok().map_or(0x0123_4567_89ab_cdef, |seed| seed.parse().unwrap());
    let mut dice = Dice(seed);
    let mut input = Vec::with_capacity(16384);
    let live = LIVE.get();
    for _ in 0..runs {
        input.clear();
        input.extend_from_slice(&corpus[dice.roll(corpus.len())]);
        mutate(&mut input, &corpus, &mut dice);
        run(&input);
    }
    assert!(input.capacity() <= 16384, "the test's own buffer grew");
    assert_eq!(LIVE.get(), live, "{target} keeps memory");
}

#[test]
fn sec_m11_wire() {
    explore("wire", RUNS, fuzz::wire);
}

#[test]
fn eapol() {
    explore("eapol", RUNS, fuzz::eapol);
}

#[test]
fn sec_m14_radiotap() {
    explore("radiotap", RUNS, fuzz::radiotap);
}

/// Each input is a script of many frames.
#[test]
fn sec_m9_ap() {
    explore("ap", RUNS / 50, fuzz::ap);
}

/// What comes from another node: to be read, turned into a virtual AP and served.
#[test]
fn contexts() {
    explore("context", RUNS / 20, fuzz::context);
}

#[test]
fn reading_a_frame_allocates_nothing() {
    let corpus = corpus("wire");
    let mut elements = 0;
    let before = CALLS.get();
    for input in &corpus {
        match Frame::parse(input) {
            Ok(Frame::Management(frame)) => {
                if let Ok(body) = frame.parse_body() {
                    let _ = (body.elements().check(), body.elements().ssid());
                    let _ = body.elements().get::<stack::wire::element::Rsn<'_>>();
                    elements += body.elements().iter().count();
                }
            }
            Ok(Frame::Data(frame)) => drop(std::hint::black_box(Llc::parse(frame.payload()))),
            other => drop(std::hint::black_box(other)),
        }
    }
    assert_eq!(CALLS.get(), before, "reading allocated");
    assert!(elements > 100, "only {elements} elements");
}

/// One frame of each kind and file, short ones first come; EAPOL PDUs; radiotap headers with the first bytes of a frame.
#[test]
#[ignore = "writes the corpora; to be run when the captures that ship have changed"]
fn make_the_corpora() {
    let mut made: BTreeMap<(&str, String), Vec<u8>> = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(mut reader) = drivers::capture::Reader::open(&path) else { continue };
        let file: String = path.file_stem().unwrap().to_string_lossy().chars().take(24).collect();
        while let Some(Ok(frame)) = reader.next_frame() {
            let Ok(content) = frame.content else { continue };
            let mpdu = &*content.mpdu;
            if let Some(header) = content.radiotap {
                let bytes = [header, &mpdu[..mpdu.len().min(8)]].concat();
                made.entry(("radiotap", format!("{file}-{}", header.len()))).or_insert(bytes);
            }
            collect(&file, mpdu, &mut made);
        }
    }
    for ((target, name), bytes) in made {
        fs::create_dir_all(corpus_folder(target)).unwrap();
        fs::write(corpus_folder(target).join(name), bytes).unwrap();
    }
}

/// Contexts of a client that is awake or dozes, with and without what waits for it, moved and copied.
#[test]
#[ignore = "writes the corpus; to be run when the version of contexts has changed"]
fn make_the_contexts() {
    let folder = corpus_folder("context");
    fs::create_dir_all(&folder).unwrap();
    for (wpa2, dozes, queued) in [(false, false, 0), (false, true, 3), (true, false, 0), (true, true, 2)] {
        let network = story::network(VirtualApKind::PerClient, wpa2);
        let doze_after = dozes.then_some(Duration::from_millis(50));
        let config = LinkConfig { doze_after, ..story::link(0, wpa2) };
        let mut world = World::joined(1, network, config);
        world.run(Duration::from_millis(200));
        world.up(1, 100);
        world.until(Duration::from_secs(1), |world| world.link.is_dozing() == dozes);
        for number in 0..queued {
            world.down(story::address(0), number, 60);
            world.down(MacAddr::BROADCAST, number, 60);
        }
        let (home, bssid, now) = (world.home().unwrap(), world.link.bssid().unwrap(), world.now);
        let ap = &mut world.masts[home].ap;
        let clock = SharedClock { ahead: 1_000_000_000 };
        let copy = ap.virtual_aps().next().unwrap().context(now, clock).unwrap();
        assert!(ap.drain(bssid));
        let moved = ap.take(now, bssid, Duration::ZERO).unwrap().into_context(now, clock).unwrap();
        let name = format!("{}-{queued}", if wpa2 { "wpa2" } else { "open" });
        fs::write(folder.join(format!("{name}-copied")), copy.encode()).unwrap();
        fs::write(folder.join(format!("{name}-moved")), moved.encode()).unwrap();
    }
}

fn collect(file: &str, mpdu: &[u8], made: &mut BTreeMap<(&'static str, String), Vec<u8>>) {
    let Ok(frame) = Frame::parse(mpdu) else {
        made.entry(("wire", format!("{file}-broken"))).or_insert(mpdu.to_vec());
        return;
    };
    if mpdu.len() <= 800 {
        made.entry(("wire", format!("{file}-{}", frame.kind().machine_name()))).or_insert(mpdu.to_vec());
    }
    if let Frame::Data(data) = frame
        && let Llc::Typed(EtherType::EAPOL, pdu) = Llc::parse(data.payload())
        && made.range(("eapol", String::new())..).filter(|((target, _), _)| *target == "eapol").count() < 60
    {
        made.entry(("eapol", format!("{file}-{:02}-{}", pdu.get(6).copied().unwrap_or(0), pdu.len())))
            .or_insert(pdu.to_vec());
    }
}
