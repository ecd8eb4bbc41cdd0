//! A node as a process: from its configuration to its end.

use std::io::{self, Stderr, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, bail};
use drivers::packet::{PacketRadio, PacketRadioConfig};
use drivers::reactor::{self, Reactor, StopSignals};
use drivers::tap::Tap;
use mesh::engine::real::Real;
use mesh::lease::NodeSlot;
use stack::ap::{BssidBlock, NetworkId, RadioConfig};
use stack::mac::{DropReason, TxRange};
use stack::time::Instant as Time;

use super::block::{Blocks, address_of_phy};
use super::cluster::Identity;
use super::crew::{Crew, CrewNetwork, Ending, Post};
use super::inspector::Inspector;
use super::links::{Links, link_address};
use super::log::Log;
use super::member::{Member, Segment, Wish};
use super::outside::Outside;
use super::pins::Pins;
use super::placer::Placer;
use super::random::OsRandom;
use super::worker::WorkerEvent;
use crate::config::{Config, NetworkSettings, RadioSettings};
use crate::control::{Answer, Request, Server};
use crate::escape::escape;
use crate::metrics::{self, Exporter};
use crate::status;

/// The status is this much behind what happens in the cluster, where that is no news.
const INSPECT: Duration = Duration::from_millis(50);

/// What is said while a node runs.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Verbosity {
    /// Tell of power save too
    #[arg(short, long)]
    pub verbose: bool,
    /// Put the time before each line
    #[arg(short, long)]
    pub timestamps: bool,
}

/// Runs a node until SIGTERM or SIGINT, or until no radio is left.
pub fn run(config: &Config, verbosity: Verbosity) -> anyhow::Result<ExitCode> {
    // Before all else: the threads inherit that these signals are blocked, and a start that is broken off cleans up.
    let signals = StopSignals::block().context("cannot block signals")?;
    let server = Server::bind(&config.node.control)?;
    let exporter = config.node.metrics.map(Exporter::bind).transpose()?;
    let identity = config.mesh.as_ref().map(Identity::open).transpose()?;
    let networks = open_networks(&config.networks)?;
    let posts = open_radios(&config.radios, identity.as_ref())?;
    let reactor = Reactor::new().context("cannot make the reactor")?;
    let crew = Crew::start(posts, networks, &reactor.bell()).context("cannot start the radios' threads")?;
    let radios: Vec<_> = config.radios.iter().map(|radio| (radio.phy.clone(), radio.channel)).collect();
    let name = identity.as_ref().map_or_else(|| config.node.name.clone(), Identity::name);
    let (wish, wishes) = mpsc::channel();
    let inspector =
        Arc::new(Inspector::new(&name, Arc::clone(crew.switch()), radios).with_cluster(wish, reactor.bell()));
    let answering = Arc::clone(&inspector);
    let _server = server
        .start(move |request| match request {
            Request::Status => Answer::Status(Box::new(answering.status())),
            Request::Move { client, to } => match answering.move_client(&client, &to) {
                Ok(moved) => Answer::Moved(moved),
                Err(why) => Answer::Error(why),
            },
        })
        .context("cannot start the control socket's thread")?;
    if let Some(exporter) = exporter {
        let scraped = Arc::clone(&inspector);
        let page = move || metrics::page(&scraped.status());
        exporter.start(page).context("cannot start the metrics' thread")?;
    }
    let mut log = log_of(config, verbosity);
    greet(config, &mut log);
    // Those that serve the networks are the first ones; clients know of no others.
    let serving: Vec<_> = config.serving().map(|radio| (radio.phy.clone(), radio.channel)).collect();
    let channels: Vec<_> = serving.iter().map(|(_, channel)| *channel).collect();
    let home = identity.as_ref().map_or(NodeSlot::SINGLE, Identity::slot);
    let placer = Placer::new(config.node.placement, (home, channels), Arc::clone(crew.switch()));
    let segments = ids(&config.networks).map(|(id, network)| Segment {
        id,
        ssid: network.ssid.clone(),
        vlan: network.vlan,
    });
    let segments = segments.collect();
    let enter = |identity: Identity| identity.enter(crew.switch(), serving, segments, &reactor.bell());
    let member = identity.map(enter).transpose()?;
    let taps = ids(&config.networks).filter_map(|(id, network)| Some((id, network.tap.clone()?)));
    let pins = member.as_ref().map(|_| Pins::new(taps));
    let parts = Parts { inspector: &inspector, placer, member, pins, wishes, log };
    let failed = attend(crew, parts, reactor, signals)?;
    Ok(if failed == config.radios.len() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tells what happens on the radios, and has them end when a signal says so, until none is left. Yields how many of
/// them failed.
pub fn attend<W: Write>(
    crew: Crew,
    parts: Parts<'_, W>,
    mut reactor: Reactor,
    mut signals: StopSignals,
) -> anyhow::Result<usize> {
    reactor.watch(signals.as_fd(), 0).context("cannot watch signals")?;
    let mut watch = Watch { crew, parts, failed: 0, inspected: Time::ZERO };
    loop {
        let now = reactor::now().context("cannot read the clock")?;
        watch.tell(now);
        if watch.crew.running() == 0 {
            return Ok(watch.failed);
        }
        if signals.taken().context("cannot read signals")? {
            watch.crew.stop();
        }
        watch.attend_cluster(now);
        let left = watch.crew.patience();
        if left == Some(Duration::ZERO) {
            bail!("not all radios have ended: the next start removes what interfaces they leave behind");
        }
        let Parts { member, pins, .. } = &watch.parts;
        let deadlines = [
            left.map(|left| now + left),
            member.as_ref().and_then(Member::poll_timeout),
            pins.as_ref().and_then(Pins::poll_timeout),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        reactor.wait(now, deadline).context("cannot wait")?.for_each(drop);
    }
}

/// Networks are named by their place.
fn ids<T>(networks: &[T]) -> impl Iterator<Item = (NetworkId, &T)> {
    (0..).map(NetworkId).zip(networks)
}

fn log_of(config: &Config, verbosity: Verbosity) -> Log<Stderr> {
    let radios = config.radios.iter().map(|radio| radio.phy.clone()).collect();
    let networks: Vec<_> = ids(&config.networks).map(|(id, network)| (id, &*network.ssid)).collect();
    Log::new(io::stderr(), verbosity.verbose, verbosity.timestamps, radios, &networks)
        .where_only(config.serving().count())
}

fn open_networks(networks: &[NetworkSettings]) -> anyhow::Result<Vec<CrewNetwork>> {
    let open = |(id, network): (NetworkId, &NetworkSettings)| {
        let outside = match &network.tap {
            Some(name) => Some(Box::new(Tap::open(name)?) as Box<dyn Outside>),
            None => None,
        };
        Ok(CrewNetwork { config: network.to_stack(id), outside })
    };
    ids(networks).map(open).collect()
}

fn open_radios(
    radios: &[RadioSettings],
    identity: Option<&Identity>,
) -> anyhow::Result<Vec<Post<PacketRadio>>> {
    let address = |radio: &RadioSettings| (address_of_phy(&radio.phy), radio.bssid);
    let blocks = match identity {
        Some(identity) => identity.blocks(radios.len())?,
        None => Blocks::choose(&radios.iter().map(address).collect::<Vec<_>>()),
    };
    let fresh_keys = identity.map_or(TxRange::ALL, Identity::fresh_keys);
    radios
        .iter()
        .zip(blocks.own)
        .map(|(settings, own)| open_radio(settings, (own, blocks.all), fresh_keys))
        .collect()
}

fn open_radio(
    settings: &RadioSettings,
    (own, all): (BssidBlock, Option<BssidBlock>),
    fresh_keys: TxRange,
) -> anyhow::Result<Post<PacketRadio>> {
    let block = all.unwrap_or(own);
    let config = PacketRadioConfig {
        take: settings.take,
        power: settings.power,
        ..PacketRadioConfig::new(settings.phy.clone(), own.base, block.bits, settings.channel)
    };
    let radio = PacketRadio::open(&config)?;
    let (of_networks, of_links) = settings.parts(own);
    let config = RadioConfig { block, fresh_keys, own: of_networks, ..settings.to_stack(own) };
    Ok(Post {
        inspect: Some(inspect),
        serves: settings.serves,
        links: open_links(settings, &radio, of_links)?,
        ..Post::new(settings.phy.clone(), radio, config)
    })
}

/// The links of a radio, each with an address out of this block and a TAP that has it. `None` without any.
fn open_links(
    settings: &RadioSettings,
    radio: &PacketRadio,
    block: BssidBlock,
) -> anyhow::Result<Option<Links>> {
    if settings.links.is_empty() {
        return Ok(None);
    }
    let now = reactor::now().context("cannot read the clock")?;
    let mut links = Links::new(settings.slots(), now, settings.channel);
    if settings.serves {
        links = links.beside_networks(now);
    }
    for (n, link) in settings.links.iter().enumerate() {
        let address = link_address(&block, n).context("there are more links than addresses")?;
        let mut config = link.to_stack(address);
        for channel in &link.channels {
            radio.check_channel(*channel)?;
        }
        config.channels.retain(|channel| radio.check_channel(*channel).is_ok());
        let behind = match &link.tap {
            Some(name) => Some((name.clone(), Box::new(Tap::open_as(name, address)?) as Box<dyn Outside>)),
            None => None,
        };
        links.add(now, config, behind, Box::new(OsRandom));
    }
    Ok(Some(links))
}

/// What a packet radio knows of what its socket dropped and of what it acknowledges.
fn inspect(radio: &mut PacketRadio, status: &mut status::Radio) {
    if let Ok(counts) = radio.counts() {
        let malformed = DropReason::BadRadiotap.name();
        for (reason, count) in [
            ("receive_ring_full", counts.ring_full),
            (malformed, counts.malformed),
            ("interface_refused", counts.refused),
        ] {
            if count > 0 {
                *status.drops.entry(reason.to_owned()).or_default() += count;
            }
        }
    }
    let acks = radio.acks();
    status.ack_addresses = acks.held.iter().map(ToString::to_string).collect();
    status.ack_failures = acks.failed + acks.over_limit;
    status.ack_failure = acks.last_failure;
}

fn greet(config: &Config, log: &mut Log<Stderr>) {
    for (radio, settings) in config.radios.iter().enumerate() {
        let (channel, frequency) = (settings.channel.number(), settings.channel.frequency());
        for network in config.networks.iter().filter(|_| settings.serves) {
            let ssid = escape(&network.ssid);
            log.line(radio, &format!("AP-ENABLED ssid=\"{ssid}\" channel={channel} freq={frequency}"));
        }
        for link in &settings.links {
            let tap = link.tap.as_deref().map(|tap| format!(" tap={tap}")).unwrap_or_default();
            log.line(radio, &format!("HOP-ENABLED ssid=\"{}\"{tap}", escape(&link.ssid)));
        }
    }
}

/// What attends to a node beside its radios.
pub struct Parts<'a, W> {
    /// Answers how the node is.
    pub inspector: &'a Inspector,
    /// Decides which radio serves whom.
    pub placer: Placer,
    /// The node's part in a cluster, if it is in one.
    pub member: Option<Member<Real>>,
    /// What it says to the bridges of this host, if it is in one.
    pub pins: Option<Pins>,
    /// What people want of the cluster.
    pub wishes: Receiver<Wish>,
    /// Where is said what happens.
    pub log: Log<W>,
}

struct Watch<'a, W> {
    crew: Crew,
    parts: Parts<'a, W>,
    failed: usize,
    /// When the status learnt how the cluster is.
    inspected: Time,
}

impl<W: Write> Watch<'_, W> {
    fn tell(&mut self, now: Time) {
        loop {
            // A radio says how it ended after all else that it has to say.
            let ending = self.crew.poll_ending();
            while let Some((radio, event)) = self.crew.poll_event() {
                self.happened(now, radio, &event);
            }
            match ending {
                Some((radio, ending)) => self.ended(radio, ending),
                None => break,
            }
        }
    }

    fn happened(&mut self, now: Time, radio: usize, event: &WorkerEvent) {
        let Parts { inspector, placer, member, log, pins, .. } = &mut self.parts;
        if let Some(pins) = pins {
            pins.let_go(now, self.crew.switch());
        }
        log.event(radio, event);
        placer.handle_event(now, radio, event);
        if let WorkerEvent::Moved(moved) = event {
            inspector.moved(moved);
        }
        if let Some(member) = member {
            member.handle_event(now, radio, event);
        }
    }

    /// Lets placement and the node's part in its cluster do what there is to do, and tells of it.
    fn attend_cluster(&mut self, now: Time) {
        let Parts { inspector, placer, member, pins, wishes, log } = &mut self.parts;
        while let Ok(wish) = wishes.try_recv() {
            match member {
                Some(member) => member.handle_wish(now, wish),
                None => wish.refuse("this node is in no cluster: [mesh] of its file says which"),
            }
        }
        let Some(member) = member else {
            // Without a cluster nobody is better off with another node.
            placer.turn(now);
            return;
        };
        let (news, _) = placer.attend(now, member);
        for one in &news {
            inspector.cluster_news(one);
            log.news(one);
        }
        // Not for every frame that passes between nodes.
        if !news.is_empty() || now.since(self.inspected) >= INSPECT {
            inspector.others(member);
            self.inspected = now;
        }
        if let Some(pins) = pins {
            pins.turn(now, self.crew.switch());
        }
    }

    fn ended(&mut self, radio: usize, ending: Ending) {
        self.failed += usize::from(ending.is_err());
        let why = ending.err().unwrap_or_else(|| "stopped".to_owned());
        self.parts.inspector.radio_ended(radio, &why);
        self.parts.placer.radio_gone(radio);
        self.parts.log.ended(radio, &why);
    }
}
