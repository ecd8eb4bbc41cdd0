//! TLS 1.3 between nodes: both sides prove themselves by a certificate of the cluster's authority.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::engine::identity::{Credentials, IdentityError, Token};

/// The protocol between nodes, and that of a machine which joins.
pub(super) const MESH: &[u8] = b"airloom/1";
pub(super) const JOIN: &[u8] = b"airloom-join/1";
/// The largest UDP payload: a whole Ethernet frame, where the path carries it.
const UDP_PAYLOAD: u16 = 1800;
/// Frames that wait for the network, in bytes.
const DATAGRAMS: usize = 512 * 1024;

/// How this end of sessions is to be.
pub(super) fn server(
    credentials: &Credentials,
    joins: bool,
    idle: Duration,
) -> Result<ServerConfig, IdentityError> {
    let roots = Arc::new(roots(&credentials.authority)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let verifier = if joins { verifier.allow_unauthenticated() } else { verifier };
    let verifier = verifier.build().map_err(IdentityError::certificate)?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(IdentityError::certificate)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(credentials), key(credentials))
        .map_err(IdentityError::certificate)?;
    tls.alpn_protocols = if joins { vec![MESH.to_vec(), JOIN.to_vec()] } else { vec![MESH.to_vec()] };
    let crypto = QuicServerConfig::try_from(tls).map_err(IdentityError::certificate)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(transport(idle)?).max_incoming(256);
    Ok(config)
}

/// How the other end is.
pub(super) fn client(credentials: &Credentials, idle: Duration) -> Result<ClientConfig, IdentityError> {
    let mut tls = client_builder()?
        .with_root_certificates(roots(&credentials.authority)?)
        .with_client_auth_cert(chain(credentials), key(credentials))
        .map_err(IdentityError::certificate)?;
    tls.alpn_protocols = vec![MESH.to_vec()];
    quic(tls, idle)
}

/// How a machine joins: it knows the cluster by its token only, and has no certificate yet.
pub(super) fn joining(token: &Token, idle: Duration) -> Result<ClientConfig, IdentityError> {
    let verifier = Arc::new(ByToken { token: token.clone(), provider: provider() });
    let mut tls =
        client_builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    tls.alpn_protocols = vec![JOIN.to_vec()];
    quic(tls, idle)
}

/// How a socket is used.
pub(super) fn endpoint() -> Result<EndpointConfig, IdentityError> {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(UDP_PAYLOAD).map_err(IdentityError::certificate)?;
    Ok(config)
}

fn client_builder()
-> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, IdentityError> {
    rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(IdentityError::certificate)
}

fn quic(tls: rustls::ClientConfig, idle: Duration) -> Result<ClientConfig, IdentityError> {
    let crypto = QuicClientConfig::try_from(tls).map_err(IdentityError::certificate)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(transport(idle)?);
    Ok(config)
}

/// A session breaks after `idle` without a packet; four times in it something is said.
fn transport(idle: Duration) -> Result<Arc<TransportConfig>, IdentityError> {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(UDP_PAYLOAD);
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(IdleTimeout::try_from(idle).map_err(IdentityError::certificate)?))
        .keep_alive_interval(Some(idle / 4))
        .mtu_discovery_config(Some(mtu))
        .max_concurrent_uni_streams(VarInt::from_u32(32))
        .max_concurrent_bidi_streams(VarInt::from_u32(4))
        .datagram_receive_buffer_size(Some(DATAGRAMS))
        .datagram_send_buffer_size(DATAGRAMS);
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(authority: &[u8]) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.to_vec())).map_err(IdentityError::certificate)?;
    Ok(roots)
}

fn chain(credentials: &Credentials) -> Vec<CertificateDer<'static>> {
    [&credentials.certificate, &credentials.authority].map(|der| CertificateDer::from(der.clone())).to_vec()
}

fn key(credentials: &Credentials) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(credentials.key.to_vec()))
}

/// Believes a server whose authority is the one that the token names.
#[derive(Debug)]
struct ByToken {
    token: Token,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ByToken {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates.iter().find(|certificate| self.token.is_for(certificate));
        let unknown = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let roots = authority.and_then(|authority| roots(authority).ok()).ok_or_else(unknown)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
        let verifier = verifier.build().map_err(|_| unknown())?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
