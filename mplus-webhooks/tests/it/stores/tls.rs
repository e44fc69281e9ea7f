//! TLS to the databases: what is behind the URL's host has to prove it, and nothing is said before.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mplus_webhooks::testkit::conformance;
use mplus_webhooks::{MysqlOptions, MysqlStore, PostgresOptions, PostgresStore, StoreError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::postgres;

/// The authority that the doors' certificate comes from.
fn authority() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/stores/certificates/authority.pem").into()
}

/// Who proves to be `localhost`.
fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from(include_bytes!("certificates/localhost.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("certificates/localhost-key.der").as_slice());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A door with TLS before a Postgres that has none. Returns its port.
async fn postgres_door(behind: String) -> u16 {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let behind = behind.clone();
            tokio::spawn(async move {
                let mut request = [0; 8];
                caller.read_exact(&mut request).await.unwrap();
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "the question for TLS comes first");
                caller.write_all(b"S").await.unwrap();
                // Who does not trust the certificate hangs up.
                let Ok(mut secured) = acceptor().accept(caller).await else { return };
                let mut database = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut secured, &mut database).await;
            });
        }
    });
    port
}

fn text(error: &StoreError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

#[tokio::test]
async fn a_postgres_that_proves_who_it_is_is_spoken_to_with_tls_and_no_other() {
    let Some(url) = postgres("tls").await else { return };
    let (before, host) = url.split_once('@').unwrap();
    let (host, after) = host.split_once('/').unwrap();
    let port = postgres_door(host.to_owned()).await;
    let secured = |host: &str| format!("{before}@{host}:{port}/{after}&sslmode=require");

    let mut options = PostgresOptions::new(secured("localhost"));
    options.root_certificates = Some(authority());
    let store = PostgresStore::open(options).await.unwrap();
    conformance::store(Arc::new(store)).await.unwrap();

    // Its certificate is for another name, or comes from an authority that this machine does not know.
    let mut elsewhere = PostgresOptions::new(secured("127.0.0.1"));
    elsewhere.root_certificates = Some(authority());
    for options in [elsewhere, PostgresOptions::new(secured("localhost"))] {
        let error = PostgresStore::open(options).await.unwrap_err();
        assert!(text(&error).contains("certificate"), "{}", text(&error));
    }
    // The database itself has no TLS: it is not spoken to without.
    let plain = PostgresStore::connect(&format!("{}&sslmode=require", &*url)).await;
    assert!(plain.is_err());

    let mut options = PostgresOptions::new(secured("localhost"));
    options.root_certificates = Some("/nowhere/authority.pem".into());
    let error = PostgresStore::open(options).await.unwrap_err();
    assert!(text(&error).contains("the file of root certificates cannot be used"), "{}", text(&error));
}

/// A MySQL server as far as the login, which it remembers and does not answer. Returns its port.
async fn mysql_door(logins: Arc<Mutex<Vec<Vec<u8>>>>) -> u16 {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            caller.write_all(&greeting()).await.unwrap();
            // The question for TLS: a header, capabilities, sizes and nothing of the user.
            let mut request = [0; 36];
            if caller.read_exact(&mut request).await.is_err() {
                continue;
            }
            assert_eq!(&request[..4], [32, 0, 0, 1], "the question for TLS comes first");
            let Ok(mut secured) = acceptor().accept(caller).await else { continue };
            let mut login = vec![0; 1024];
            let length = secured.read(&mut login).await.unwrap_or_default();
            login.truncate(length);
            logins.lock().unwrap().push(login);
        }
    });
    port
}

/// What a MySQL server says first: that it speaks the protocol of 4.1 and TLS.
fn greeting() -> Vec<u8> {
    const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x800 | 0x2000 | 0x8000 | 0x8_0000;
    let [low, lower, high, higher] = CAPABILITIES.to_le_bytes();
    let mut said = vec![10];
    said.extend(b"8.0.30\0");
    said.extend([1, 0, 0, 0]);
    said.extend(b"12345678\0");
    said.extend([low, lower, 45, 2, 0, high, higher, 21]);
    said.extend([0; 10]);
    said.extend(b"123456789012\0mysql_native_password\0");
    let mut packet = vec![said.len() as u8, 0, 0, 0];
    packet.extend(said);
    packet
}

#[tokio::test]
async fn a_mysql_that_does_not_prove_who_it_is_hears_no_login() {
    let logins = Arc::new(Mutex::new(Vec::new()));
    let port = mysql_door(logins.clone()).await;
    let secured = |host: &str| {
        MysqlOptions::new(format!("mysql://host:word@{host}:{port}/restaurant?require_ssl=true"))
    };

    let mut elsewhere = secured("127.0.0.1");
    elsewhere.root_certificates = Some(authority());
    for options in [secured("localhost"), elsewhere] {
        let error = MysqlStore::open(options).await.unwrap_err();
        assert!(text(&error).contains("certificate"), "{}", text(&error));
    }
    assert!(logins.lock().unwrap().is_empty());

    let mut options = secured("localhost");
    options.root_certificates = Some(authority());
    // The door does not answer.
    assert!(MysqlStore::open(options).await.is_err());
    let logins = logins.lock().unwrap();
    assert!(logins.iter().any(|login| login.windows(4).any(|text| text == b"host")), "{logins:?}");
}
