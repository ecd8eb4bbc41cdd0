//! The table of a cluster.

use std::net::SocketAddr;
use std::path::Path;

use super::error::ConfigError;
use super::file::Checker;
use super::tables::MeshTable;
use super::{MeshSettings, value};

/// A file that every identity has, and one that every cluster's folder has.
const OF_IDENTITY: &str = "node.redb";
const OF_AUTHORITY: &str = "authority.key";

/// Checks a table and yields what it says.
pub(super) fn check(checker: &Checker<'_>, table: &MeshTable) -> Result<MeshSettings, ConfigError> {
    let listen = checker.value(&table.listen, |text| listen(text))?;
    let mut peers: Vec<SocketAddr> = Vec::new();
    for given in &table.peers {
        let peer = checker.value(given, |text| value::address(text))?;
        if peers.contains(&peer) {
            return Err(checker.wrong(given.span(), format!("the peer {peer} is there already")));
        }
        peers.push(peer);
    }
    let folder = |given: &toml::Spanned<std::path::PathBuf>, file: &str, make: &str| {
        let path = checker.beside(given.get_ref());
        checker.value(given, |_| holds(&path, file, make))?;
        Ok(path)
    };
    let identity = folder(
        &table.identity,
        OF_IDENTITY,
        "a node's identity: make one with `airloom mesh node` or `mesh join`",
    )?;
    let authority = table.authority.as_ref();
    let authority = authority
        .map(|given| folder(given, OF_AUTHORITY, "a cluster's folder: make one with `airloom mesh init`"))
        .transpose()?;
    let silence = checker.option(table.silence.as_ref(), |time| value::silence(time.0))?;
    let (flood, announce) = (table.flood, table.announce.profile());
    Ok(MeshSettings { listen, peers, identity, authority, silence, flood, announce })
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let address = value::address(text)?;
    if address.ip().is_unspecified() {
        return Err(format!("the other nodes cannot reach {}: name an address of this host", address.ip()));
    }
    Ok(address)
}

fn holds(path: &Path, file: &str, what: &str) -> Result<(), String> {
    if path.join(file).is_file() { Ok(()) } else { Err(format!("{} is not {what}", path.display())) }
}
