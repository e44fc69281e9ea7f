//! TLS to Postgres, for a URL that asks for it.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connects to whoever proves to be the host of the URL, by a certificate of one of these authorities or, without a file, of the
/// platform's. The text says what is wrong.
pub(super) fn connector(authorities: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    // The crypto that the host installed for its whole process, else ours.
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let unusable = |error: rustls::Error| format!("TLS cannot be used: {error}");
    let begun = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let trusting = match authorities {
        Some(path) => begun.with_root_certificates(certificates(path)?),
        None => {
            let platform = Verifier::new(provider).map_err(unusable)?;
            begun.dangerous().with_custom_certificate_verifier(Arc::new(platform))
        }
    };
    let mut config = trusting.with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn certificates(path: &Path) -> Result<RootCertStore, String> {
    let unreadable = |why: String| format!("the file of root certificates cannot be used: {why}");
    let mut store = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unreadable("there is no certificate in it".to_owned()));
    }
    Ok(store)
}
