//! TLS that knows the server by the fingerprint of its certificate.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

use super::{Fingerprint, TransportError, TransportErrorKind};

/// What a pinned certificate has to be besides pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pinning {
    /// Nothing: the fingerprint alone decides. For a server with a certificate of its own making; name, dates and issuer
    /// do not matter.
    InsteadOfChain,
    /// Valid for the host's name and from an issuer that the platform trusts, as without pinning.
    WithChain,
}

/// Knows the server by its certificate. That the server holds the certificate's key is always verified.
struct PinnedVerifier {
    pins: Vec<Fingerprint>,
    chain: Option<Verifier>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for PinnedVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedVerifier").field("pins", &self.pins).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.pins.iter().any(|pin| pin.matches(certificate)) {
            return Err(rustls::Error::General("the server's certificate is not the pinned one".to_owned()));
        }
        match &self.chain {
            Some(chain) => chain.verify_server_cert(certificate, intermediates, name, ocsp, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The crypto provider that the host installed, else ours.
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TransportError> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(installed.clone());
    }
    #[cfg(feature = "rustls")]
    {
        Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
    }
    #[cfg(not(feature = "rustls"))]
    {
        let what = "no crypto provider is installed in rustls; install one, or use the feature `rustls`";
        Err(TransportError::new(TransportErrorKind::Connect, what))
    }
}

pub(super) fn tls_config(pins: Vec<Fingerprint>, pinning: Pinning) -> Result<ClientConfig, TransportError> {
    let provider = provider()?;
    let chain = match pinning {
        Pinning::InsteadOfChain => None,
        Pinning::WithChain => Some(Verifier::new(provider.clone()).map_err(unusable)?),
    };
    let verifier = PinnedVerifier { pins, chain, provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn unusable(error: rustls::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Connect, format!("TLS cannot start: {error}"))
}
