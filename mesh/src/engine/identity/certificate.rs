//! Certificates of a cluster: its own, and those of its nodes.
//!
//! A node's certificate carries a URI, `airloom://CLUSTER/SLOT/NAME`, beside the one DNS name that all nodes of all
//! clusters share, because TLS wants to check one. Who a node is says the URI; that it may say so, the signature of the
//! cluster's authority.

use std::fmt;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SignatureAlgorithm,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use webpki::EndEntityCert;
use zeroize::Zeroizing;

use super::error::IdentityError;
use crate::lease::NodeSlot;

/// How long a node's certificate is valid. It is renewed when a third of that is left.
pub const NODE_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// How long a cluster's is.
const CLUSTER_LIFETIME: Duration = Duration::from_secs(30 * 365 * 86_400);
/// Clocks may be late by that much.
const CLOCK_ERROR: Duration = Duration::from_secs(86_400);
/// The DNS name in every certificate.
pub(in crate::engine) const SERVER_NAME: &str = "node.airloom.internal";
/// A P-256 point, uncompressed (SEC 1, 2.3.3).
pub(in crate::engine) type PublicKey = [u8; 65];
/// What comes before the point in a P-256 SubjectPublicKeyInfo (RFC 5480 2).
const P256_HEADER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The name of a node or cluster: 1 to 32 of a-z, 0-9, `.`, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeName(String);

impl NodeName {
    /// The name that a text is, if it is one.
    pub fn new(text: &str) -> Result<Self, IdentityError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        if (1..=32).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentityError::Name(text.to_owned()))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a node's certificate is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The cluster's name.
    pub cluster: NodeName,
    /// The node's slot, of the whole cluster its alone.
    pub slot: NodeSlot,
    /// The node's name.
    pub name: NodeName,
}

impl Subject {
    /// Reads it out of a certificate. Whether the certificate is valid is another question.
    pub fn of(certificate: &[u8]) -> Result<Self, IdentityError> {
        let der = CertificateDer::from(certificate);
        let certificate = EndEntityCert::try_from(&der).map_err(IdentityError::certificate)?;
        let uri = certificate.valid_uri_names().next();
        uri.and_then(Self::parse).ok_or_else(|| IdentityError::certificate("it names no node"))
    }

    fn parse(uri: &str) -> Option<Self> {
        let mut parts = uri.strip_prefix("airloom://")?.split('/');
        let (cluster, slot, name) = (parts.next()?, parts.next()?, parts.next()?);
        let slot = Some(slot).filter(|slot| slot.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        let (cluster, name) = (NodeName::new(cluster).ok()?, NodeName::new(name).ok()?);
        parts.next().is_none().then_some(Self { cluster, slot: NodeSlot::new(slot)?, name })
    }

    fn uri(&self) -> String {
        format!("airloom://{}/{}/{}", self.cluster, self.slot.number(), self.name)
    }
}

/// The name of the cluster that a cluster's certificate is about.
pub(super) fn cluster_of(certificate: &[u8]) -> Result<NodeName, IdentityError> {
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).map_err(IdentityError::certificate)?;
    let uri = certificate.valid_uri_names().next().and_then(|uri| uri.strip_prefix("airloom://"));
    NodeName::new(uri.unwrap_or_default()).map_err(|_| IdentityError::certificate("it names no cluster"))
}

/// What a node proves itself with.
#[derive(Clone)]
pub struct Credentials {
    /// The cluster's certificate (DER).
    pub authority: Vec<u8>,
    /// Its own (DER).
    pub certificate: Vec<u8>,
    /// The key to it (PKCS #8, DER).
    pub key: Zeroizing<Vec<u8>>,
    /// Until when the certificate is valid, in seconds since 1970.
    pub until: u64,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A new key pair, as PKCS #8.
pub(in crate::engine) fn new_key() -> Result<(Zeroizing<Vec<u8>>, PublicKey), IdentityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(IdentityError::certificate)?;
    let public = key.public_key_raw().try_into().map_err(|_| IdentityError::certificate("no P-256 key"))?;
    Ok((Zeroizing::new(key.serialize_der()), public))
}

/// The public key in a certificate.
pub(in crate::engine) fn public_key_of(certificate: &[u8]) -> Result<PublicKey, IdentityError> {
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).map_err(IdentityError::certificate)?;
    let info = certificate.subject_public_key_info();
    let point = info.as_ref().strip_prefix(&P256_HEADER).and_then(|point| point.try_into().ok());
    point.ok_or_else(|| IdentityError::certificate("its key is not of P-256"))
}

/// The key of a cluster's authority.
pub(super) struct AuthorityKey(Issuer<'static, KeyPair>);

impl AuthorityKey {
    /// Out of its PKCS #8 bytes.
    pub(super) fn read(cluster: &NodeName, pkcs8: &[u8]) -> Result<Self, IdentityError> {
        let key = KeyPair::try_from(pkcs8).map_err(IdentityError::certificate)?;
        Ok(Self(Issuer::new(cluster_params(cluster), key)))
    }

    /// A new one, as PKCS #8, with the certificate of its cluster.
    pub(super) fn draw(cluster: &NodeName, now: u64) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(IdentityError::certificate)?;
        let mut params = cluster_params(cluster);
        validity(&mut params, now, CLUSTER_LIFETIME)?;
        let certificate = params.self_signed(&key).map_err(IdentityError::certificate)?;
        Ok((Zeroizing::new(key.serialize_der()), certificate.der().to_vec()))
    }

    /// A certificate for the holder of a key, and until when it is valid.
    pub(super) fn certify(
        &self,
        subject: &Subject,
        key: &PublicKey,
        now: u64,
        lifetime: Duration,
    ) -> Result<(Vec<u8>, u64), IdentityError> {
        let uri = subject.uri().try_into().map_err(IdentityError::certificate)?;
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.distinguished_name = common_name(subject.name.as_str());
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign_certificate(params, key, now, lifetime)
    }

    /// One for who lets machines in, a day long.
    pub(super) fn certify_doorkeeper(
        &self,
        key: &PublicKey,
        now: u64,
    ) -> Result<(Vec<u8>, u64), IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("doorkeeper");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign_certificate(params, key, now, CLOCK_ERROR)
    }

    fn sign_certificate(
        &self,
        mut params: CertificateParams,
        key: &PublicKey,
        now: u64,
        lifetime: Duration,
    ) -> Result<(Vec<u8>, u64), IdentityError> {
        let dns = SERVER_NAME.to_owned().try_into().map_err(IdentityError::certificate)?;
        params.subject_alt_names.push(SanType::DnsName(dns));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let until = validity(&mut params, now, lifetime)?;
        let signed = params.signed_by(&Holder(key), &self.0).map_err(IdentityError::certificate)?;
        Ok((signed.der().to_vec(), until))
    }

    /// A signature over a message, ECDSA with SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IdentityError> {
        rcgen::SigningKey::sign(self.0.key(), message).map_err(IdentityError::certificate)
    }
}

/// Whether the authority with this certificate has signed a message.
pub(super) fn is_signed(authority: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let der = CertificateDer::from(authority);
    EndEntityCert::try_from(&der).is_ok_and(|certificate| {
        certificate.verify_signature(webpki::ring::ECDSA_P256_SHA256, message, signature).is_ok()
    })
}

struct Holder<'a>(&'a PublicKey);

impl PublicKeyData for Holder<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn cluster_params(cluster: &NodeName) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name = common_name(cluster.as_str());
    // A name is ASCII, so it always fits.
    params.subject_alt_names =
        format!("airloom://{cluster}").try_into().map(SanType::URI).into_iter().collect();
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn validity(params: &mut CertificateParams, now: u64, lifetime: Duration) -> Result<u64, IdentityError> {
    let until = now.saturating_add(lifetime.as_secs());
    let time = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).map_err(IdentityError::certificate)
    };
    params.not_before = time(now.saturating_sub(CLOCK_ERROR.as_secs()))?;
    params.not_after = time(until)?;
    Ok(until)
}
