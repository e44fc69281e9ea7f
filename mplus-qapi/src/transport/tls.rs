//! TLS by rustls: who is trusted, and who we are.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

use super::{Fingerprint, TransportError, TransportErrorKind};
use crate::Secret;

/// Whose certificates are trusted, besides those that are added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// Those of the platform.
    #[default]
    Platform,
    /// Mozilla's, compiled in: for a container that has none.
    #[cfg(feature = "webpki-roots")]
    Webpki,
    /// Nobody's: only what is added is trusted.
    None,
}

/// Settings of TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct Tls {
    pub(super) roots: Roots,
    /// PEM.
    pub(super) added: Vec<String>,
    /// PEM: certificates and key.
    pub(super) client: Option<Secret>,
    pub(super) pins: Option<(Vec<Fingerprint>, Pinning)>,
}

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
    chain: Option<Arc<dyn ServerCertVerifier>>,
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
fn provider() -> Result<Arc<CryptoProvider>, TransportError> {
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
        Err(TransportError::new(TransportErrorKind::Setup, what))
    }
}

impl Tls {
    pub(super) fn config(&self) -> Result<ClientConfig, TransportError> {
        let provider = provider()?;
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
        match &self.client {
            None => Ok(config.with_no_client_auth()),
            Some(pem) => {
                let chain = certificates(pem.expose(), "the client certificate")?;
                let key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
                    .map_err(|_| setup("there is no private key in the PEM of the client certificate"))?;
                config.with_client_auth_cert(chain, key).map_err(unusable)
            }
        }
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
        match &self.pins {
            None => self.chain(provider),
            Some((pins, pinning)) => {
                let chain = match pinning {
                    Pinning::InsteadOfChain => None,
                    Pinning::WithChain => Some(self.chain(provider.clone())?),
                };
                Ok(Arc::new(PinnedVerifier { pins: pins.clone(), chain, provider }))
            }
        }
    }

    /// Verifies that a certificate is the host's and comes from somebody who is trusted.
    fn chain(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
        let mut added = Vec::new();
        for pem in &self.added {
            added.extend(certificates(pem, "the added root certificates")?);
        }
        let mut store = RootCertStore::empty();
        match self.roots {
            Roots::Platform => {
                return Ok(Arc::new(Verifier::new_with_extra_roots(added, provider).map_err(unusable)?));
            }
            #[cfg(feature = "webpki-roots")]
            Roots::Webpki => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::None => {}
        }
        for certificate in added {
            store.add(certificate).map_err(unusable)?;
        }
        match WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build() {
            Ok(verifier) => Ok(verifier),
            Err(error) => Err(setup("nobody's certificates are trusted").with_source(error)),
        }
    }
}

fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(setup(&format!("{what} are not PEM (`-----BEGIN CERTIFICATE-----`)"))),
    }
}

fn setup(what: &str) -> TransportError {
    TransportError::new(TransportErrorKind::Setup, what)
}

fn unusable(error: rustls::Error) -> TransportError {
    setup("TLS cannot start").with_source(error)
}
