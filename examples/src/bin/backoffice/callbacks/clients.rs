//! Programs that may call the API, and where they want to be called.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::sign::new_secret;
use crate::records::{Record, Records, RecordsError};
use crate::safe::key_ring::{KeyError, KeyRing};
use crate::safe::random_text;

const KIND: &str = "client";

/// A program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Where callbacks go; none for a program that wants none.
    pub(crate) url: Option<String>,
    /// What its callbacks are signed with, sealed.
    sealed_secret: String,
}

/// What a new client is told once.
pub(crate) struct Told {
    pub(crate) token: String,
    pub(crate) secret: String,
}

/// Why there is no new client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewClientError {
    #[error("callbacks go to an https address, or to http on this machine")]
    Address,
    #[error("no random numbers")]
    Random,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Makes a client with a token and a secret of its own.
pub(crate) async fn make(
    records: &Records,
    keys: &KeyRing,
    name: &str,
    url: Option<&str>,
) -> Result<Told, NewClientError> {
    if url.is_some_and(|url| !is_address(url)) {
        return Err(NewClientError::Address);
    }
    let random = |text: Result<String, _>| text.map_err(|_| NewClientError::Random);
    let id = random(random_text::<9>())?;
    let token = format!("mbo_{}", random(random_text::<32>())?);
    let secret = random(new_secret())?;
    let sealed_secret = keys.seal(&place(&id), &secret)?;
    let client = Client { id: id.clone(), name: name.to_owned(), url: url.map(str::to_owned), sealed_secret };
    records.put(&Record::new(KIND, id).about(hash(&token)).with(&client)?).await?;
    Ok(Told { token, secret })
}

fn is_address(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.username().is_empty() && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

/// All clients.
pub(crate) async fn all(records: &Records) -> Result<Vec<Client>, RecordsError> {
    records.newest(KIND, "", None, 1000).await?.iter().map(Record::read).collect()
}

/// The client with this token.
pub(crate) async fn of_token(records: &Records, token: &str) -> Result<Option<Client>, RecordsError> {
    records.about(KIND, "", &hash(token)).await?.first().map(Record::read).transpose()
}

/// One client, and what its callbacks are signed with.
pub(super) async fn with_secret(
    records: &Records,
    keys: &KeyRing,
    id: &str,
) -> Result<Option<(Client, String)>, NewClientError> {
    let Some(record) = records.get(KIND, id).await? else { return Ok(None) };
    let client: Client = record.read()?;
    let secret = keys.open(&place(id), &client.sealed_secret)?;
    Ok(Some((client, secret)))
}

/// Takes a client's token and callbacks away, those that wait as well.
pub(crate) async fn remove(records: &Records, id: &str) -> Result<(), RecordsError> {
    records.remove(KIND, id).await?;
    for waiting in [super::KIND, super::DEAD] {
        records.remove_about(waiting, id).await?;
    }
    Ok(())
}

/// Seals anew what an older key sealed.
pub(crate) async fn rotate(records: &Records, keys: &KeyRing) -> Result<(), NewClientError> {
    for record in records.newest(KIND, "", None, 1000).await? {
        let mut client: Client = record.read()?;
        if !keys.is_newest(&client.sealed_secret) {
            let secret = keys.open(&place(&client.id), &client.sealed_secret)?;
            client.sealed_secret = keys.seal(&place(&client.id), &secret)?;
            records.replace(&record.with(&client)?).await?;
        }
    }
    Ok(())
}

fn place(id: &str) -> String {
    format!("{KIND}/{id}")
}

fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_go_over_https_or_stay_on_this_machine() {
        assert!(is_address("https://shop.example/hook") && is_address("http://127.0.0.1:9000/"));
        for other in
            ["http://shop.example/", "https://user@shop.example/", "ftp://localhost/", "shop.example"]
        {
            assert!(!is_address(other), "{other}");
        }
    }
}
