use std::path::Path;

use stack::ap::{BssidBlock, VirtualApKind};
use stack::sta::{LinkConfig, LinkSecurity};
use stack::wire::MacAddr;

use ::mesh::announce::Profile;

use super::*;

const GOOD: &str = r#"
[node]
name = "north"
state = "state"
control = "/run/north.sock"
metrics = "127.0.0.1:9450"

[[radio]]
phy = "phy0"
channel = 36
take = true
country = "DE"
power = 17.5
bssid = "02:00:00:00:01:00"

[[radio]]
phy = "phy1"

[[network]]
ssid = "café"
security = "wpa2"
passphrase_file = "office.pass"
virtual_ap = "shared"
tap = "air0"
hidden = true
isolate = true
max_stations = 20
inactivity = "1m"
beacon_interval = 200
dtim_period = 3
group_rekey = 0
pairwise_rekey = 600
fragmentation = 512

[[network]]
ssid = "guests"
security = "open"
"#;

/// All that has to be said.
const SMALL: &str = "[[radio]]\nphy = \"phy0\"\n[[network]]\nssid = \"x\"\nsecurity = \"open\"\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("office.pass"), "correct horse\n").unwrap();
    std::fs::write(folder.path().join("short.pass"), "short\n").unwrap();
    folder
}

fn parsed(text: &str) -> Result<Config, ConfigError> {
    let folder = folder();
    parse(&folder.path().join("north.toml"), text)
}

#[test]
fn all_that_can_be_said_is_taken() {
    let config = parsed(GOOD).unwrap();
    assert_eq!((&*config.node.name, &config.node.control), ("north", &PathBuf::from("/run/north.sock")));
    assert_eq!(config.node.metrics, "127.0.0.1:9450".parse().ok());
    assert!(config.node.state.ends_with("state") && config.node.state.is_absolute());
    let [first, second] = &config.radios[..] else { panic!("two radios") };
    assert_eq!((first.channel.number(), first.take, first.country), (36, true, Some(*b"DE")));
    assert_eq!((first.power, first.bssid), (Some(1750), Some(MacAddr([2, 0, 0, 0, 1, 0]))));
    assert_eq!((second.channel.number(), second.take, second.power), (6, false, None));
    let [office, guests] = &config.networks[..] else { panic!("two networks") };
    let stack = office.to_stack(NetworkId(3));
    assert_eq!(
        (stack.id, &*stack.ssid, stack.hidden, stack.isolate),
        (NetworkId(3), "café".as_bytes(), true, true)
    );
    assert_eq!(
        (stack.max_stations, stack.inactivity, stack.beacon_interval),
        (20, Duration::from_secs(60), 200)
    );
    assert_eq!((stack.dtim_period, stack.fragmentation_threshold), (3, Some(512)));
    assert_eq!(
        (stack.kind, guests.to_stack(NetworkId(0)).kind),
        (VirtualApKind::Shared, VirtualApKind::PerClient)
    );
    assert_eq!((stack.group_rekey, stack.pairwise_rekey), (None, Some(Duration::from_secs(600))));
    let pmk = stack::rsn::Pmk::from_passphrase("correct horse", "café".as_bytes()).unwrap();
    assert_eq!(office.security, Security::Wpa2(pmk));
    assert_eq!(
        (&guests.security, guests.virtual_ap, &guests.tap),
        (&Security::Open, VirtualAp::PerClient, &None)
    );
}

#[test]
fn networks_of_a_cluster_are_told_apart_by_their_vlans() {
    let rest = "listen = \"10.9.0.1:7450\"\nidentity = \"north.id\"";
    let other = "[[network]]\nssid = \"y\"\nsecurity = \"open\"\nvlan = 4094";
    let networks = with_mesh(&format!("{rest}\n{other}")).unwrap().networks;
    assert_eq!(networks.iter().map(|network| network.vlan).collect::<Vec<_>>(), [0, 4094]);
}

/// A line that is wrong, and words of the sentence that says so.
#[test]
fn what_is_wrong_is_told_with_its_line_and_what_was_meant() {
    for (wrong, words) in [
        ("chanel = 6", "did you mean `channel`?"),
        ("colour = 6", "there is no key `colour`; there is phy, channel"),
        ("channel = \"6\"", "invalid type: string \"6\""),
        ("channel = 15", "there is no channel 15"),
        ("channel = -1", "there is no channel -1"),
        ("channel = 300", "there is no channel 300"),
        ("take = 1", "invalid type: integer `1`, expected a boolean"),
        ("country = \"de\"", "not a country code"),
        ("country = \"DEU\"", "not a country code"),
        ("power = 41.0", "0 to 40"),
        ("power = nan", "0 to 40"),
        ("bssid = \"02:00\"", "is not an address"),
        ("bssid = \"03:00:00:00:00:01\"", "lowest bit"),
        ("phy = \"phy1\"", "duplicate key"),
        ("channel = ", "string values must be quoted"),
    ] {
        let text =
            format!("[[radio]]\nphy = \"phy0\"\n{wrong}\n[[network]]\nssid = \"x\"\nsecurity = \"open\"\n");
        told(&text, 3, words);
    }
    for (wrong, words) in [
        ("0.0.0.0:9450", "others would reach 0.0.0.0: name a local address"),
        ("10.9.0.1:9450", "others would reach 10.9.0.1"),
        ("[fd00::1]:9450", "others would reach fd00::1"),
        ("127.0.0.1", "is not an address with a port"),
        ("9450", "is not an address with a port"),
    ] {
        told(&format!("[node]\nmetrics = \"{wrong}\"\n{SMALL}"), 2, words);
    }
    for (wrong, words) in [
        ("ssid = \"\"", "1 to 32 bytes, this one has 0"),
        ("ssid = \"123456789012345678901234567890123\"", "this one has 33"),
        ("ssid = \"x\"\nsecurity = \"wpa3\"", "WPA3 is not in this version"),
        ("ssid = \"x\"\nsecurity = \"wpa2+wpa3\"", "WPA3 is not in this version"),
        ("ssid = \"x\"\nsecurity = \"wpa\"", "did you mean `wpa2`?"),
        ("ssid = \"x\"\nsecurity = \"wep\"", "there is open, wpa2, wpa3, wpa2+wpa3"),
        ("ssid = \"x\"\nsecurity = \"wpa2\"", "wpa2 needs a passphrase_file"),
        ("ssid = \"x\"\npassphrase = \"correct horse\"", "a secret does not stand here"),
        ("ssid = \"x\"\npassphrase_file = \"nosuch.pass\"", "nosuch.pass"),
        ("ssid = \"x\"\npassphrase_file = \"short.pass\"", "8 to 63 characters"),
        ("security = \"open\"\nssid = \"x\"\nfragmentation = 100", "256 to 2346 bytes"),
        ("security = \"open\"\nssid = \"x\"\nmax_stations = 2008", "1 to 2007 clients"),
        ("security = \"open\"\nssid = \"x\"\nmax_stations = 0", "1 to 2007 clients"),
        ("security = \"open\"\nssid = \"x\"\ninactivity = 0", "1 second to a day"),
        ("security = \"open\"\nssid = \"x\"\ninactivity = \"soon\"", "not a length of time"),
        ("security = \"open\"\nssid = \"x\"\ninactivity = true", "expected a length of time"),
        ("security = \"open\"\nssid = \"x\"\npairwise_rekey = \"20ms\"", "or 0 for never"),
        ("security = \"open\"\nssid = \"x\"\nbeacon_interval = 3", "15 to 65535 time units"),
        ("security = \"open\"\nssid = \"x\"\ndtim_period = 256", "1 to 255"),
        ("security = \"open\"\nssid = \"x\"\ngroup_rekey = -5", "expected a length of time"),
        ("security = \"open\"\nssid = \"x\"\nvirtual_ap = \"per-clients\"", "did you mean `per-client`?"),
        ("security = \"open\"\nssid = \"x\"\ntap = \"a/b\"", "not an interface name"),
        (
            "security = \"open\"\nssid = \"x\"\npassphrase_file = \"office.pass\"",
            "an open network has no passphrase",
        ),
    ] {
        let text = format!("[[radio]]\nphy = \"phy0\"\n[[network]]\n{wrong}\n");
        told(&text, 3 + wrong.lines().count(), words);
    }
}

fn told(text: &str, line: usize, words: &str) {
    let error = parsed(text).expect_err(text);
    assert_eq!(error.line(), Some(line), "{error}");
    let error = error.to_string();
    assert!(error.contains(words), "{error}");
    assert!(error.contains(&format!("north.toml:{line}: ")), "{error}");
}

/// A file with this [mesh], whose first key is in line 5, in a folder with an identity and a cluster.
fn with_mesh(keys: &str) -> Result<Config, ConfigError> {
    let folder = folder();
    for (name, file) in [("north.id", "node.redb"), ("cluster", "authority.key")] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join(file), "").unwrap();
    }
    let text = format!(
        "[[network]]\nssid = \"x\"\nsecurity = \"open\"\n[mesh]\n{keys}\n[[radio]]\nphy = \"phy0\"\n"
    );
    parse(&folder.path().join("north.toml"), &text)
}

#[test]
fn a_cluster_is_taken_as_it_is_written() {
    let listen = "listen = \"10.9.0.1:7450\"";
    let config = with_mesh(&format!("{listen}\nidentity = \"north.id\"")).unwrap();
    let mesh = config.mesh.unwrap();
    assert_eq!(
        (mesh.listen, &mesh.peers[..], &mesh.authority),
        ("10.9.0.1:7450".parse().unwrap(), &[][..], &None)
    );
    assert!(mesh.identity.is_absolute() && mesh.identity.ends_with("north.id"));
    let more = "peers = [\"10.9.0.2:7450\", \"[fd00::1]:7450\"]\nauthority = \"cluster\"";
    let mesh = with_mesh(&format!("{listen}\nidentity = \"north.id\"\n{more}")).unwrap().mesh.unwrap();
    assert_eq!(mesh.peers, ["10.9.0.2:7450".parse().unwrap(), "[fd00::1]:7450".parse().unwrap()]);
    assert!(mesh.authority.unwrap().ends_with("cluster"));
    assert!(
        !mesh.flood
            && with_mesh(&format!("{listen}\nidentity = \"north.id\"\nflood = true"))
                .unwrap()
                .mesh
                .unwrap()
                .flood
    );
    assert_eq!(mesh.announce, None);
    for (name, profile) in [("ed25519", Profile::ED25519), ("h16", Profile::H16), ("b16", Profile::B16)] {
        let mesh = with_mesh(&format!("{listen}\nidentity = \"north.id\"\nannounce = \"{name}\""));
        assert_eq!(mesh.unwrap().mesh.unwrap().announce, Some(profile));
    }
    assert_eq!(parsed(GOOD).unwrap().mesh, None);
}

#[test]
fn what_is_wrong_with_a_cluster_is_told_with_its_line() {
    let rest = "listen = \"10.9.0.1:7450\"\nidentity = \"north.id\"";
    for (keys, line, words) in [
        ("listen = 7\nidentity = \"north.id\"".to_owned(), 5, "invalid type"),
        ("listen = \"10.9.0.1\"\nidentity = \"north.id\"".to_owned(), 5, "not an address with a port"),
        ("listen = \"0.0.0.0:7450\"\nidentity = \"north.id\"".to_owned(), 5, "cannot reach 0.0.0.0"),
        ("listen = \"10.9.0.1:0\"\nidentity = \"north.id\"".to_owned(), 5, "not an address with a port"),
        ("listen = \"10.9.0.1:7450\"".to_owned(), 4, "missing field `identity`"),
        ("identity = \"north.id\"".to_owned(), 4, "missing field `listen`"),
        ("listen = \"10.9.0.1:7450\"\nidentity = \"nosuch.id\"".to_owned(), 6, "airloom mesh node"),
        (format!("{rest}\nauthority = \"north.id\""), 7, "airloom mesh init"),
        (format!("{rest}\npeers = [\"north\"]"), 7, "`north` is not an address"),
        (format!("{rest}\npeers = [\"10.9.0.2:1\", \"10.9.0.2:1\"]"), 7, "is there already"),
        (format!("{rest}\npeer = \"10.9.0.2:1\""), 7, "did you mean `peers`?"),
        (format!("{rest}\nflood = \"yes\""), 7, "expected a boolean"),
        (format!("{rest}\nannounce = \"b12\""), 7, "did you mean `b16`?"),
        (format!("{rest}\n[[network]]\nssid = \"y\"\nsecurity = \"open\""), 7, "`x` is VLAN 0 already"),
        (format!("{rest}\n[[network]]\nssid = \"y\"\nsecurity = \"open\"\nvlan = 4095"), 10, "0 to 4094"),
    ] {
        let error = with_mesh(&keys).expect_err(&keys);
        assert_eq!(error.line(), Some(line), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn nothing_is_there_twice() {
    let network = |ssid: &str, tap: &str| {
        format!("[[network]]\nssid = \"{ssid}\"\nsecurity = \"open\"\ntap = \"{tap}\"\n")
    };
    let radio = "[[radio]]\nphy = \"phy0\"\n";
    told(&[radio, radio, &network("x", "t")].concat(), 4, "the phy `phy0` is there already, in line 2");
    told(
        &[radio, &network("x", "t"), &network("x", "u")].concat(),
        8,
        "the network `x` is there already, in line 4",
    );
    told(
        &[radio, &network("x", "t"), &network("y", "t")].concat(),
        10,
        "the TAP `t` is there already, in line 6",
    );
}

#[test]
fn radios_with_addresses_in_common_are_refused() {
    let radio = |n: u8, bssid: &str| format!("[[radio]]\nphy = \"phy{n}\"\nbssid = \"{bssid}\"\n");
    let network = "[[network]]\nssid = \"x\"\nsecurity = \"open\"\n";
    let first = radio(0, "02:00:00:00:01:07");
    told(&[&first, &radio(1, "02:00:00:00:01:47"), network].concat(), 6, "around 02:00:00:00:01:07 already");
    assert!(parsed(&[&first, &radio(1, "02:00:00:00:02:07"), network].concat()).is_ok());
}

const CAFE: &str = "[[link]]\nphy = \"phy1\"\nssid = \"cafe\"\nsecurity = \"open\"\n";

#[test]
fn a_radio_of_links_is_named_by_them_alone_and_comes_after_those_that_serve() {
    let link = "[[link]]\nphy = \"phy7\"\nssid = \"home\"\npassphrase_file = \"office.pass\"\ntap = \"home0\"\n\
                bssid = \"02:00:00:00:07:00\"\nchannels = [36, 6]\n";
    let own = "[[radio]]\nphy = \"phy1\"\nnetworks = false\ntake = true\ncycle = \"80ms\"\n";
    let config = parsed(&[CAFE, link, own, CAFE.replace("cafe", "bar").as_str(), SMALL].concat()).unwrap();
    let phys: Vec<_> = config.radios.iter().map(|radio| (radio.phy.as_str(), radio.serves)).collect();
    assert_eq!(phys, [("phy0", true), ("phy1", false), ("phy7", false)]);
    assert_eq!(config.serving().count(), 1);
    let ssids: Vec<_> = config.links().map(|link| &*link.ssid).collect();
    assert_eq!(ssids, [&b"cafe"[..], b"bar", b"home"]);
    let (cafes, home) = (&config.radios[1], &config.radios[2]);
    assert!(cafes.take && cafes.slots().cycle == Duration::from_millis(80));
    assert_eq!(cafes.slots().longest_cycle, Duration::from_millis(160));
    assert_eq!(home.slots(), stack::slot::SlotConfig::default());
    // Where the first is looked for first.
    assert_eq!((cafes.channel.number(), home.channel.number()), (1, 36));
    let address = MacAddr([2, 0, 0, 0, 1, 1]);
    let (cafe, home) = (cafes.links[0].to_stack(address), home.links[0].to_stack(address));
    let usual = LinkConfig::new(address, b"cafe");
    assert_eq!(cafe, usual);
    let pmk = stack::rsn::Pmk::from_passphrase("correct horse", b"home").unwrap();
    assert_eq!((home.address, home.security), (address, LinkSecurity::Wpa2(pmk)));
    assert_eq!(home.bssid, Some(MacAddr([2, 0, 0, 0, 7, 0])));
    assert_eq!(home.channels.iter().map(|channel| channel.number()).collect::<Vec<_>>(), [36, 6]);
    assert_eq!(
        (config.radios[1].links[0].tap.as_deref(), config.radios[2].links[0].tap.as_deref()),
        (None, Some("home0"))
    );
}

#[test]
fn links_alone_are_enough() {
    let config = parsed(CAFE).unwrap();
    assert_eq!((config.radios.len(), config.networks.len(), config.serving().count()), (1, 0, 0));
    let own = "[[radio]]\nphy = \"phy1\"\nchannel = 11\n";
    let config = parsed(&[own, CAFE].concat()).unwrap();
    assert_eq!((config.radios[0].serves, config.radios[0].channel.number()), (false, 11));
}

#[test]
fn what_is_wrong_with_a_link_is_told_with_its_line() {
    for (wrong, words) in [
        ("ssid = \"\"", "1 to 32 bytes, this one has 0"),
        ("ssid = \"x\"\nsecurity = \"wpa2\"", "wpa2 needs a passphrase_file"),
        ("ssid = \"x\"\nsecurity = \"wpa3\"", "WPA3 is not in this version"),
        ("ssid = \"x\"\nsecurty = \"open\"", "did you mean `security`?"),
        ("ssid = \"x\"\npassphrase = \"correct horse\"", "a secret does not stand here"),
        ("ssid = \"x\"\npassphrase_file = \"short.pass\"", "8 to 63 characters"),
        ("security = \"open\"\nssid = \"x\"\ntap = \"a/b\"", "not an interface name"),
        ("security = \"open\"\nssid = \"x\"\nbssid = \"cafe\"", "is not an address"),
        ("security = \"open\"\nssid = \"x\"\nbssid = \"03:00:00:00:00:01\"", "lowest bit"),
        ("security = \"open\"\nssid = \"x\"\nchannels = []", "looked for nowhere"),
        ("security = \"open\"\nssid = \"x\"\nchannels = [1, 15]", "there is no channel 15"),
        ("security = \"open\"\nssid = \"x\"\nchannels = [1, 1]", "channel 1 (2412 MHz) is there already"),
        ("security = \"open\"\nssid = \"x\"\nchannels = 6", "invalid type"),
        ("security = \"open\"\nssid = \"x\"\nvlan = 7", "there is no key `vlan`"),
    ] {
        told(&format!("[[link]]\nphy = \"phy1\"\n{wrong}\n"), 2 + wrong.lines().count(), words);
    }
    told("[[link]]\nphy = \"phy1\"\nssid = \"x\"\n", 1, "say security = \"open\"");
    told("[[link]]\nssid = \"x\"\nsecurity = \"open\"\n", 1, "missing field `phy`");
    told(&[CAFE, CAFE].concat(), 7, "phy1 has a link to `cafe` already");
    let tap = "tap = \"t\"\n";
    told(&[SMALL, tap, CAFE, tap].concat(), 11, "the TAP `t` is there already, in line 6");
    let many: String = (0..65).map(|n| CAFE.replace("cafe", &format!("cafe{n}"))).collect();
    told(&many, 257, "phy1 has 64 links already");
}

#[test]
fn a_radio_may_serve_and_hop_and_shares_out_its_addresses() {
    let config = parsed(&[SMALL, &CAFE.replace("phy1", "phy0")].concat()).unwrap();
    let [radio] = &config.radios[..] else { panic!("{:?}", config.radios) };
    assert!(radio.serves && radio.links.len() == 1 && config.serving().count() == 1);
    let own = BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 0]), bits: 8 };
    let (networks, links) = radio.parts(own);
    assert_eq!((networks, networks.bits), (BssidBlock { bits: 7, ..own }, 7));
    assert_eq!(links, BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 0x80]), bits: 7 });
    assert!(radio.to_stack(own).hops);
    let alone = &parsed(SMALL).unwrap().radios[0];
    assert!(alone.parts(own) == (own, own) && !alone.to_stack(own).hops);
}

#[test]
fn a_radio_has_something_to_do() {
    let radio = |keys: &str| format!("[[radio]]\nphy = \"phy2\"\n{keys}\n");
    told(
        &[SMALL, &radio("networks = false")].concat(),
        6,
        "phy2 has nothing to do: no [[link]] names it, and it says",
    );
    told(&[CAFE, &radio("")].concat(), 5, "no [[link]] names it, and there is no [[network]]");
    told(&[SMALL, &radio("cycle = \"100ms\"")].concat(), 8, "phy2 stays on its channel");
    for (cycle, words) in [
        ("\"19ms\"", "20 milliseconds to a second"),
        ("2", "20 milliseconds to a second"),
        ("true", "length of time"),
    ] {
        let own = format!("[[radio]]\nphy = \"phy1\"\ncycle = {cycle}\n");
        told(&[&own, CAFE].concat(), 3, words);
    }
    let error = parsed(&SMALL.replace("[[network]]", "networks = false\n[[network]]")).unwrap_err();
    assert!(error.to_string().contains("no [[radio]] that serves the networks"), "{error}");
    told(
        &[CAFE, "[mesh]\nlisten = \"10.9.0.1:7450\"\nidentity = \"north.id\"\n"].concat(),
        5,
        "a cluster shares networks",
    );
}

#[test]
fn what_is_missing_or_not_in_this_version_is_said() {
    let radio = "[[radio]]\nphy = \"phy0\"\n";
    let network = "[[network]]\nssid = \"x\"\n";
    told(&[radio, network].concat(), 3, "say security = \"open\"");
    told(
        "[node]\nname = \"\"\n[[radio]]\nphy = \"p\"\n[[network]]\nssid = \"x\"\nsecurity = \"open\"\n",
        2,
        "not empty",
    );
    told("[nodes]\n", 1, "did you mean `node`?");
    told("[[radio]]\nchannel = 6\n", 1, "missing field `phy`");
    let nothing = "no [[network]] and no [[link]]";
    let open = "[[network]]\nssid = \"x\"\nsecurity = \"open\"\n";
    for (text, words) in [("", nothing), (radio, nothing), (open, "no [[radio]]")] {
        let error = parsed(text).unwrap_err();
        assert!(error.line().is_none() && error.to_string().contains(words), "{error}");
    }
    let error = read(Path::new("/nonexistent/north.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/north.toml: cannot be read"), "{error}");
}

#[test]
fn no_text_makes_it_panic() {
    let good =
        GOOD.replace("security = \"wpa2\"\npassphrase_file = \"office.pass\"\n", "security = \"open\"\n");
    let parsed = |text: &str| parse(Path::new("north.toml"), text);
    assert!(parsed(&good).is_ok());
    for end in 0..good.len() {
        let (Some(head), Some(tail)) = (good.get(..end), good.get(end + 1..)) else { continue };
        for text in [head.to_owned(), [head, tail].concat(), [head, "\"", tail].concat()] {
            let _ = parsed(&text);
        }
    }
}
