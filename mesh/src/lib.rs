//! Nodes that share virtual APs: whose each one is, how it changes hands, and where everybody is.
//!
//! A single node needs one thing of it, the [`lease`]: the layout of packet numbers that lets a virtual AP change its
//! owner without two owners ever encrypting under the same key and packet number. Every transmit key starts inside a
//! lease from the first day, so that nothing changes for a client when its virtual AP begins to move.
//!
//! In a cluster each node runs the same few machines, all of them sans-IO:
//!
//! | | knows | goes in | comes out |
//! |---|---|---|---|
//! | [`Cluster`] | who owns which virtual AP, by which right | packets of other nodes, rows, how peers are, what the radios report | [`handover::Action`]s: packets, rows, records for the journal, orders to the radios |
//! | [`claim::Claims`] | behind which node each station is | claims of others, joins and handovers here | claims to announce, [`claim::Lookup`] for the frame path |
//! | [`table::Table`] | what the radios of all nodes hear, and how busy they are | rows | answers, for placement |
//! | [`announce`] | who may be believed | announcements | the same, checked: signed, cheap to check, open to all |
//!
//! # A node around a [`Cluster`]
//! One thread owns it. After each `handle_*` call it takes all that [`Cluster::poll_action`] has and carries it out in
//! order, and it calls [`Cluster::handle_timeout`] when [`Cluster::poll_timeout`] says so.
//!
//! ```text
//!  engine    message, notice -> handle_message        Send, Notify         -> engine
//!            row             -> handle_row            WriteRow, RemoveRow  -> engine
//!            up, suspect, down -> handle_peer
//!  journal   synced, failed  -> journal_done, _failed Journal              -> write, then sync
//!  radios    made, changed, left -> handle_created, _changed, _gone
//!            drained         -> handle_drained        Drain, Resume        -> `ApRadio::drain`, `resume`
//!            out of it       -> handle_taken          Take, Stop           -> `ApRadio::take`, then its context
//!            has it, or not  -> handle_adopted, _refused  Activate         -> a virtual AP from the context, `adopt`
//!            lease nearly over -> handle_lease_low    Extend, Rekey        -> longer ranges, new keys
//!            stray           -> handle_stray          Stray, Merge         -> to the virtual AP, as if heard here
//!            heard on the air  -> handle_heard        Invite               -> deauthentication, by who hears the client
//!  people    move            -> handle_move           (poll_event)         -> log, status, placement
//! ```
//! What it must keep: orders to one virtual AP stay in order; a radio that has answered `handle_taken` transmits nothing
//! more for that virtual AP; and no record counts as written before it is synced. Then no packet number is used twice,
//! whatever crashes and whatever is cut off from what: `mesh/handover.md` has the protocol and the argument, and
//! `tests/tests/model_cluster` the model that tries to break it.

#![forbid(unsafe_code)]

pub mod announce;
pub mod claim;
pub mod engine;
pub mod handover;
pub mod lease;
pub mod placement;
pub mod table;

pub use handover::Cluster;
