//! What must hold of a recording, each as one question to its frames. The error says which frame is wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::frames::{
    ASSOCIATION_REQUEST, AUTHENTICATION, BEACON, DEAUTHENTICATION, Frame, PROBE_REQUEST, PS_POLL,
    REASSOCIATION_REQUEST,
};

pub(crate) type Verdict = Result<(), String>;

fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Who sends beacons.
pub(crate) fn access_points(frames: &[Frame]) -> BTreeSet<&str> {
    frames.iter().filter(|frame| frame.kind == BEACON).map(|frame| frame.ta.as_str()).collect()
}

/// The clients that sent association requests, each with the BSSIDs that it asked.
pub(crate) fn clients(frames: &[Frame]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut clients: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.kind == ASSOCIATION_REQUEST) {
        clients.entry(&frame.ta).or_default().insert(&frame.ra);
    }
    clients
}

/// On an open network nothing is protected and nobody shakes hands.
pub(crate) fn is_open(frames: &[Frame]) -> Verdict {
    let wrong = frames.iter().find(|frame| frame.protected || frame.message.is_some());
    must(wrong.is_none(), || format!("protected on an open network: {wrong:?}"))
}

/// All data but the handshake is protected, and tshark can open it.
pub(crate) fn all_data_is_protected(frames: &[Frame]) -> Verdict {
    let mut data = frames.iter().filter(|frame| frame.is_data() && frame.message.is_none());
    let opened = |frame: &Frame| frame.key.is_some() || frame.misread || are_keys_forgotten(frames, frame);
    let wrong = data.find(|frame| !frame.protected || !opened(frame));
    must(wrong.is_none(), || format!("not protected, or not to be opened: {wrong:?}"))
}

/// tshark forgets the keys of a handshake when the answer to a repeated message 1 comes after message 3, as it may: whether that
/// was so at the access point of this frame before.
fn are_keys_forgotten(frames: &[Frame], of: &Frame) -> bool {
    let mut third = BTreeSet::new();
    let earlier = frames.iter().take_while(|frame| frame.number < of.number);
    let mut messages = earlier.filter_map(|frame| Some((frame, frame.message?)));
    messages.any(|(frame, message)| {
        let (ap, client) = if message % 2 == 1 { (&frame.ta, &frame.ra) } else { (&frame.ra, &frame.ta) };
        match message {
            3 => drop(third.insert((ap, client))),
            2 => return third.contains(&(ap, client)) && [&of.ta, &of.ra].contains(&ap),
            _ => drop(third.remove(&(ap, client))),
        }
        false
    })
}

/// Each client that got in did so by messages 1 to 4 in this order, and no protected data went either way before.
pub(crate) fn handshakes_come_in_order(frames: &[Frame]) -> Verdict {
    for client in clients(frames).keys() {
        let mut reached = 0;
        for frame in frames.iter().filter(|frame| frame.ta == *client || frame.ra == *client) {
            if let Some(message) = frame.message {
                must(message <= reached + 1, || format!("message {message} after {reached}: {frame:?}"))?;
                // One that comes again changes nothing, but for the first of another handshake.
                let again = message == 1 && reached == 4 && !frame.protected;
                reached = if again { 1 } else { reached.max(message) };
            } else if frame.is_data() && frame.protected {
                must(reached == 4, || format!("data after message {reached}: {frame:?}"))?;
            }
        }
    }
    Ok(())
}

/// Under each key the packet numbers of an access point only rise. A retry repeats the one it had.
pub(crate) fn packet_numbers_rise(frames: &[Frame], least: usize) -> Verdict {
    let ours = access_points(frames);
    let mut last: BTreeMap<(&str, &str), &Frame> = BTreeMap::new();
    let mut count = 0;
    for frame in frames.iter().filter(|frame| ours.contains(frame.ta.as_str())) {
        let (Some(number), Some(key)) = (frame.packet_number, &frame.key) else { continue };
        count += 1;
        let before = last.insert((&frame.ta, key), frame);
        let Some(before) = before else { continue };
        let previous = before.packet_number.unwrap_or_default();
        let repeated = frame.retry
            && number == previous
            && (frame.sequence, frame.fragment) == (before.sequence, before.fragment);
        must(number > previous || repeated, || {
            format!("{number} after {previous}: {frame:?} after {before:?}")
        })?;
    }
    must(count >= least, || format!("only {count} packet numbers of {ours:?}"))
}

/// Under no key does an access point use a packet number twice, but for a retry.
pub(crate) fn packet_numbers_do_not_repeat(frames: &[Frame]) -> Verdict {
    let ours = access_points(frames);
    let mut seen: BTreeMap<(&str, &str, u64), &Frame> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| ours.contains(frame.ta.as_str())) {
        let (Some(number), Some(key)) = (frame.packet_number, &frame.key) else { continue };
        let before = seen.insert((&frame.ta, key, number), frame);
        let again = |before: &Frame| {
            frame.retry && (frame.sequence, frame.fragment) == (before.sequence, before.fragment)
        };
        must(before.is_none_or(again), || format!("{number} again: {frame:?} after {before:?}"))?;
    }
    Ok(())
}

/// How long a frame that was on its way when the client dozed off may take, in seconds.
const UNDER_WAY: f64 = 0.1;

/// Which clients doze, as the frames go by: since when, by their power management bits.
#[derive(Default)]
struct Dozing<'a>(BTreeMap<&'a str, (f64, &'a str)>);

impl<'a> Dozing<'a> {
    /// Takes in what a client's own frame says.
    fn note(&mut self, frame: &'a Frame, ours: &BTreeSet<&str>) {
        if !ours.contains(frame.ra.as_str()) {
            return;
        }
        if frame.is_any_data() && frame.dozes {
            self.0.entry(&frame.ta).or_insert((frame.time, &frame.ra));
        } else if frame.is_any_data() || frame.kind == AUTHENTICATION {
            self.0.remove(frame.ta.as_str());
        }
    }

    fn since(&self, client: &str, time: f64) -> bool {
        self.0.get(client).is_some_and(|(since, _)| time > since + UNDER_WAY)
    }

    fn anyone_at(&self, bssid: &str, time: f64) -> bool {
        self.0.values().any(|(since, at)| *at == bssid && time > since + UNDER_WAY)
    }
}

/// While somebody dozes, group frames come only after a DTIM beacon that announces them. Yields how many did.
pub(crate) fn group_frames_follow_dtim(frames: &[Frame]) -> Result<usize, String> {
    let ours = access_points(frames);
    let mut dozing = Dozing::default();
    let mut beacon: BTreeMap<&str, &Frame> = BTreeMap::new();
    let mut count = 0;
    for frame in frames {
        dozing.note(frame, &ours);
        if frame.kind == BEACON {
            beacon.insert(&frame.ta, frame);
        } else if frame.is_data() && frame.is_to_group() && dozing.anyone_at(&frame.ta, frame.time) {
            let before = beacon.get(frame.ta.as_str());
            let announced = before.is_some_and(|beacon| beacon.dtim_count == Some(0) && beacon.group_waits);
            must(announced, || format!("{frame:?} while somebody dozes, after {before:?}"))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Nothing but answers to PS-Polls is sent to a client that dozes. Yields how often clients dozed off.
pub(crate) fn dozing_clients_are_left_alone(frames: &[Frame]) -> Result<usize, String> {
    let ours = access_points(frames);
    let mut dozing = Dozing::default();
    let mut polled = BTreeSet::new();
    let mut count = 0;
    for frame in frames {
        let before = dozing.0.len();
        dozing.note(frame, &ours);
        count += dozing.0.len().saturating_sub(before);
        if frame.kind == PS_POLL {
            polled.insert(frame.ta.as_str());
        } else if frame.is_data() && ours.contains(frame.ta.as_str()) && dozing.since(&frame.ra, frame.time) {
            must(polled.remove(frame.ra.as_str()), || format!("to a dozing client: {frame:?}"))?;
        }
    }
    Ok(count)
}

/// Every beacon goes to all: an associated Linux drops others, and soon asks whether its access point is still there. Only those
/// that tell a client that looks around where its place would be name the network and go to one.
pub(super) fn beacons_go_to_all(frames: &[Frame]) -> Verdict {
    let to_one = |frame: &&Frame| frame.kind == BEACON && frame.ra != "ff:ff:ff:ff:ff:ff";
    let wrong = frames.iter().find(|frame| to_one(frame) && frame.ssid.is_empty());
    wrong.map_or(Ok(()), |frame| Err(format!("a beacon to one: {frame:?}")))
}

/// Beacons of each BSSID are 100 TU apart, in the middle of so many that a busy moment of the machine does not decide.
pub(crate) fn beacons_keep_time(frames: &[Frame]) -> Verdict {
    for bssid in access_points(frames) {
        let times: Vec<f64> =
            frames.iter().filter(|f| f.kind == BEACON && f.ta == bssid).map(|f| f.time).collect();
        let mut intervals: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        intervals.sort_by(f64::total_cmp);
        let Some(median) = intervals.get(intervals.len() / 2) else { continue };
        must((0.0974..0.1074).contains(median) || intervals.len() < 50, || {
            format!("the beacons of {bssid} are {median} s apart in the middle of {}", intervals.len())
        })?;
    }
    Ok(())
}

/// Every client had a BSSID of its own.
pub(crate) fn bssids_differ(frames: &[Frame]) -> Verdict {
    let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.message == Some(4)) {
        let before = owner.insert(&frame.ra, &frame.ta);
        must(before.is_none_or(|before| before == frame.ta), || {
            format!("{} served {} and {before:?}", frame.ra, frame.ta)
        })?;
    }
    must(!owner.is_empty(), || "nobody got in".to_owned())
}

/// All clients shared one BSSID.
pub(crate) fn bssids_are_one(frames: &[Frame]) -> Verdict {
    let served: BTreeSet<&str> =
        frames.iter().filter(|frame| frame.message == Some(4)).map(|frame| frame.ra.as_str()).collect();
    must(served.len() == 1, || format!("served by {served:?}"))
}

/// A client tried and was not let in: no message 3, nothing under a key.
pub(crate) fn stayed_out(frames: &[Frame], client: &str) -> Verdict {
    let about: Vec<&Frame> = frames.iter().filter(|f| f.ra == client || f.ta == client).collect();
    must(about.iter().any(|frame| frame.message == Some(2)), || format!("{client} never tried"))?;
    let wrong = about.iter().find(|frame| frame.protected || frame.message >= Some(3));
    must(wrong.is_none(), || format!("{client} got further: {wrong:?}"))
}

/// Pings and answers with at least so many different sequence numbers were seen in the clear of the air's data.
pub(crate) fn pings_were_answered(frames: &[Frame], least: usize) -> Verdict {
    for (kind, what) in [(8, "pings"), (0, "answers")] {
        let seen: BTreeSet<u16> = frames
            .iter()
            .filter_map(|frame| frame.ping)
            .filter(|ping| ping.0 == kind)
            .map(|ping| ping.1)
            .collect();
        must(seen.len() >= least, || {
            format!("{} {what} with different numbers instead of {least}", seen.len())
        })?;
    }
    Ok(())
}

/// An access point encrypted under at least so many different keys to single clients (or to groups).
pub(crate) fn keys_changed(frames: &[Frame], to_groups: bool, least: usize) -> Verdict {
    let ours = access_points(frames);
    let keys: BTreeSet<&String> = frames
        .iter()
        .filter(|frame| ours.contains(frame.ta.as_str()) && frame.is_to_group() == to_groups)
        .filter_map(|frame| frame.key.as_ref())
        .collect();
    must(keys.len() >= least, || format!("only {} keys instead of {least}", keys.len()))
}

/// A client sent fragments.
pub(crate) fn fragments_were_sent(frames: &[Frame], least: usize) -> Verdict {
    let ours = access_points(frames);
    let count = frames.iter().filter(|frame| frame.fragment > 0 && !ours.contains(frame.ta.as_str())).count();
    must(count >= least, || format!("only {count} fragments"))
}

/// Every client was told to go.
pub(crate) fn clients_were_told(frames: &[Frame]) -> Verdict {
    let ours = access_points(frames);
    for client in clients(frames).keys() {
        let told = frames.iter().rev().any(|frame| {
            frame.kind == DEAUTHENTICATION
                && ours.contains(frame.ta.as_str())
                && (frame.ra == *client || frame.is_to_group())
                && frame.reason.is_some()
        });
        must(told, || format!("{client} was not told"))?;
    }
    Ok(())
}

/// No client sent a probe request.
pub(crate) fn nobody_probes(frames: &[Frame]) -> Verdict {
    let wrong = frames.iter().find(|frame| frame.kind == PROBE_REQUEST);
    must(wrong.is_none(), || format!("{wrong:?}"))
}

/// No beacon names the network.
pub(crate) fn beacons_hide_the_name(frames: &[Frame]) -> Verdict {
    let named = |frame: &&Frame| frame.kind == BEACON && !matches!(frame.ssid.as_str(), "" | "<MISSING>");
    let wrong = frames.iter().filter(named).find(|frame| frame.ssid.chars().any(|digit| digit != '0'));
    must(wrong.is_none(), || format!("{wrong:?}"))
}

/// The only client joined, and from its first protected data on nobody authenticated, associated, was sent away or shook
/// hands. How often it asked before is not the move's doing: the parent sends on who chooses it, and what is not answered
/// soon is asked again.
pub(crate) fn joined_once(frames: &[Frame]) -> Verdict {
    let ours = access_points(frames);
    let sends = |frame: &Frame| frame.is_data() && frame.protected && !ours.contains(frame.ta.as_str());
    let (joining, joined) = frames.split_at(frames.iter().position(sends).unwrap_or(frames.len()));
    must(joining.iter().any(|frame| frame.message == Some(4)), || "nobody joined".to_owned())?;
    // Once it has left by itself anything may be said to it.
    let leaves = |frame: &Frame| frame.kind == DEAUTHENTICATION && !ours.contains(frame.ta.as_str());
    let (joined, _) = joined.split_at(joined.iter().position(leaves).unwrap_or(joined.len()));
    let begins = [ASSOCIATION_REQUEST, REASSOCIATION_REQUEST, AUTHENTICATION];
    // The answer to a message 3 that was repeated before may come late.
    let count = |message| joining.iter().filter(|frame| frame.message == Some(message)).count();
    let mut unanswered = count(3).saturating_sub(count(4));
    let again = joined.iter().find(|frame| match frame.message {
        Some(4) if unanswered > 0 => {
            unanswered -= 1;
            false
        }
        message => message.is_some() || begins.contains(&frame.kind),
    });
    must(again.is_none(), || format!("begins anew: {again:?}"))?;
    let since = frames.iter().skip_while(|frame| frame.kind != ASSOCIATION_REQUEST);
    let gone = since.clone().find(|frame| frame.kind == DEAUTHENTICATION);
    must(gone.is_none_or(|frame| !ours.contains(frame.ta.as_str())), || format!("is sent away: {gone:?}"))
}

/// How far a timer may be off, in microseconds. A beacon that a busy machine lets wait is seen late, never early, so of so
/// many in a row the earliest counts.
const TSF_OFF: f64 = 60_000.0;
const IN_A_ROW: usize = 20;

/// The timer in the beacons of each BSSID that has a client goes on without a jump, whichever radio sends them. That of a
/// BSSID where nobody is begins anew with its node.
pub(crate) fn tsf_goes_on(frames: &[Frame]) -> Verdict {
    let to_clients = frames.iter().filter(|frame| frame.is_data() && !frame.is_to_group());
    let served: BTreeSet<&str> = to_clients.map(|frame| frame.ta.as_str()).collect();
    let of_served =
        |frame: &&Frame| frame.kind == BEACON && !frame.retry && served.contains(frame.ta.as_str());
    let mut offsets: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for beacon in frames.iter().filter(of_served) {
        let tsf = beacon.timestamp.ok_or_else(|| format!("a beacon without a timestamp: {beacon:?}"))?;
        offsets.entry(&beacon.ta).or_default().push(beacon.time.mul_add(1e6, -(tsf as f64)));
    }
    for (bssid, offsets) in offsets {
        let rows = offsets.chunks_exact(IN_A_ROW.min(offsets.len()));
        let mut earliest: Vec<f64> =
            rows.map(|row| row.iter().copied().fold(f64::INFINITY, f64::min)).collect();
        earliest.sort_by(f64::total_cmp);
        let off = earliest.last().zip(earliest.first()).map_or(0.0, |(last, first)| last - first);
        must(off < TSF_OFF, || format!("the timer of {bssid} jumps by up to {off} us"))?;
    }
    Ok(())
}

/// Beacons were sent on each of these frequencies.
pub(crate) fn beacons_on(frames: &[Frame], wanted: &[u16]) -> Verdict {
    let seen: BTreeSet<u16> = frames.iter().filter(|f| f.kind == BEACON).map(|f| f.frequency).collect();
    must(wanted.iter().all(|frequency| seen.contains(frequency)), || {
        format!("{seen:?} instead of {wanted:?}")
    })
}

/// One access point sent protected data to one client on each of these frequencies.
pub(crate) fn data_went_on(frames: &[Frame], wanted: &[u16]) -> Verdict {
    let ours = access_points(frames);
    let mut seen: BTreeMap<(&str, &str), BTreeSet<u16>> = BTreeMap::new();
    for frame in
        frames.iter().filter(|frame| frame.is_data() && frame.protected && ours.contains(frame.ta.as_str()))
    {
        seen.entry((&frame.ta, &frame.ra)).or_default().insert(frame.frequency);
    }
    let on_all = |on: &BTreeSet<u16>| wanted.iter().all(|frequency| on.contains(frequency));
    must(seen.values().any(on_all), || format!("{seen:?} instead of {wanted:?}"))
}
