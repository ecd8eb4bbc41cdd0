//! tshark as the independent witness of what went over the air.

use std::path::{Path, PathBuf};
use std::process::Command;

const KEY: &str = "uat:80211_keys:\"wpa-pwd\",\"correct horse battery:airloom-lab\"";
/// Data that carries something, is not protected, and is no handshake.
const PLAIN: &str = "wlan.fc.type == 2 && wlan.fc.protected == 0 && !(wlan.fc.subtype == 4) \
                     && !(wlan.fc.subtype == 12) && !eapol";
const PROTECTED: &str = "wlan.fc.type == 2 && wlan.fc.protected == 1";
/// Our station and our AP.
const STATION: &str = "02:a1:00:00:01:00";
const AP: &str = "02:a1:00:00:00:40";
/// How the addresses of hwsim's own radios begin: what hostapd and wpa_supplicant have.
const PEERS: &str = "02:00:00";
const NONE: [String; 0] = [];

/// Checks the recordings of the joins in both roles.
pub(super) fn check(air: &Path) {
    let recording = |name: &str| Recording(air.join(name).with_extension("pcap"));
    recording("a_link_joins_hostapd_open").is_open();
    recording("wpa_supplicant_joins_open").is_open();
    recording("a_link_joins_hostapd_by_wpa2").joined_by_wpa2(STATION);
    recording("wpa_supplicant_joins_by_wpa2").joined_by_wpa2(AP);
    recording("a_link_with_the_wrong_passphrase_does_not_get_in").stayed_out();
    let second_try = recording("a_wrong_passphrase_is_refused_and_the_ap_lives");
    assert_eq!(second_try.messages()[..4], ["1", "2", "1", "2"], "a wrong passphrase is tried again");
    second_try.is_protected(AP);
}

struct Recording(PathBuf);

impl Recording {
    fn is_open(&self) {
        self.pings_answered();
        assert_eq!(self.seen("eapol", "frame.number"), NONE, "a handshake on an open network");
        assert_eq!(self.seen(PROTECTED, "frame.number"), NONE, "protected data on an open network");
    }

    fn joined_by_wpa2(&self, ours: &str) {
        assert_eq!(self.messages(), ["1", "2", "3", "4"], "the 4-way handshake");
        self.is_protected(ours);
    }

    /// One handshake came to its end; all data is protected, after it and under packet numbers that rise.
    fn is_protected(&self, ours: &str) {
        let messages = self.messages();
        assert!(messages.ends_with(&["1", "2", "3", "4"].map(str::to_owned)), "{messages:?}");
        assert_eq!(messages.iter().filter(|n| *n == "3").count(), 1, "{messages:?}");
        assert_eq!(self.seen(PLAIN, "frame.number"), NONE, "unprotected data");
        let third = self.frames("wlan_rsna_eapol.keydes.msgnr == 3");
        assert!(self.frames(PROTECTED).first() > third.first(), "protected data before the handshake");
        self.pings_answered();
        let sent =
            format!("wlan.ta == {ours} && wlan.ra[0:3] == {PEERS} && wlan.ccmp.extiv && wlan.fc.retry == 0");
        let numbers: Vec<u64> = self.seen(&sent, "wlan.ccmp.extiv").iter().map(|n| hexadecimal(n)).collect();
        assert!(numbers.len() >= 200, "only {} packet numbers", numbers.len());
        assert!(numbers.is_sorted_by(|a, b| a < b), "packet numbers do not rise: {numbers:?}");
    }

    fn stayed_out(&self) {
        let messages = self.messages();
        assert!(messages.iter().any(|n| n == "2"), "no message 2: {messages:?}");
        assert!(!messages.iter().any(|n| n == "3" || n == "4"), "got further: {messages:?}");
        assert_eq!(self.seen(PROTECTED, "frame.number"), NONE, "protected data");
    }

    /// Both directions, as tshark reads (and, with keys, decrypts) them.
    fn pings_answered(&self) {
        for (filter, what) in [("icmp.type == 8", "pings"), ("icmp.type == 0", "answers")] {
            let mut sequence = self.seen(filter, "icmp.seq");
            sequence.dedup();
            assert_eq!(sequence.len(), 200, "{what} in {}", self.0.display());
        }
    }

    /// The handshake messages, repetitions left out.
    fn messages(&self) -> Vec<String> {
        let mut messages = self.seen("eapol.type == 3", "wlan_rsna_eapol.keydes.msgnr");
        messages.dedup();
        messages
    }

    fn frames(&self, filter: &str) -> Vec<u64> {
        self.seen(filter, "frame.number").iter().map(|n| n.parse().expect("a frame number")).collect()
    }

    /// One field of all frames that a filter picks; keys are found by the lab's passphrase.
    fn seen(&self, filter: &str, field: &str) -> Vec<String> {
        let tshark = Command::new("tshark")
            .args(["-r", &self.0.display().to_string(), "-o", "wlan.enable_decryption:TRUE", "-o", KEY])
            .args(["-Y", filter, "-T", "fields", "-e", field])
            .output()
            .expect("tshark starts");
        assert!(tshark.status.success(), "tshark: {}", String::from_utf8_lossy(&tshark.stderr));
        String::from_utf8_lossy(&tshark.stdout).lines().map(str::to_owned).collect()
    }
}

fn hexadecimal(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a hexadecimal packet number")
}
