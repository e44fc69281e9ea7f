//! Connecting a merchant, taking the connection up again, and ending it.
//!
//! [`Integration::connect`](crate::Integration::connect) checks the credentials before anything is kept; they go to the
//! host's [`CredentialVault`](crate::store::CredentialVault) and nowhere else.

mod connector;
mod error;
mod facts;
mod host;

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use mplus_qapi::Client;
use mplus_qapi::branches::GetBranches;
use mplus_qapi::products::{GetProducts, GetProductsRequest};
use mplus_qapi::system::{GetApiVersion, GetApiVersionResponse, GetLicenseInformation};

use crate::branches::Branches;
use crate::merchant::Merchant;
use crate::model::{
    Activity, ActivityLevel, Connection, ConnectionId, ConnectionStatus, Environment, FormerPos, PosIdentity,
    Resource,
};
use crate::pos_call::{LONGEST_MESSAGE, cut_to, pos_advice, unreadable_at};
use crate::report::{Note, RunOutcome, RunReport};
use crate::run::RunOptions;
use crate::store::{Credentials, Store, StoreError, StoreErrorKind, update_connection};

pub use connector::Connector;
#[cfg(feature = "https-no-tls")]
pub use connector::HttpsConnector;
pub use error::{ConnectError, OpenError};
pub use facts::CheckSettingsError;
pub(crate) use facts::check_settings;
pub use host::Host;

use host::make_client;

/// A merchant who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConnection {
    /// The host's identifier of the connection.
    pub id: ConnectionId,
    /// The merchant, as people call it.
    pub name: String,
    /// The POS's host name; `api.mpluskassa.nl` for most.
    pub host: String,
    /// The POS's port: every customer has their own.
    pub port: u16,
    /// Whether real guests are served.
    pub environment: Environment,
}

/// Checks the credentials, keeps them in the vault, and imports the branches.
pub(crate) async fn connect(
    host: &Host,
    new: NewConnection,
    credentials: Credentials,
) -> Result<(Merchant, RunReport), ConnectError> {
    let client = client(host, &new.host, new.port, &credentials).map_err(ConnectError::Address)?;
    let Accepted { version, identity } =
        ask(&client).await.map_err(|error| match error.is_authentication() {
            true => ConnectError::Refused(error),
            false => ConnectError::Pos { error },
        })?;
    if !is_known(&version) {
        return Err(ConnectError::Protocol(protocol(&version)));
    }
    let now = host.runtime().now();
    let mut connection = Connection::new(new.id, new.name, new.host, new.port, now);
    connection.environment = new.environment;
    connection.service_version = service_version(&version);
    connection.pos_identity = identity;
    let left = leave_former_pos(&**host.store(), &connection, now).await?;
    host.vault.save_credentials(&connection.id, credentials).await?;
    let connection = save(host, connection).await?;
    let merchant = host.merchant(&client, &connection);
    let mut report = Branches::new(&merchant).import(&RunOptions::manual()).await;
    if let Some(former) = left {
        let note =
            |message: &str, advice: &str| Note::general(Resource::named("connection"), message, advice);
        report.manual_actions.push(note(
            &format!(
                "connected to another POS than before ({former}); menu, stock and locations of that one were forgotten"
            ),
            "Sync now, then complete the locations and check the order settings",
        ));
        report.manual_actions.push(note(
            "orders that were queued for the POS from before are not sent to this one",
            "Replace or withdraw those that are left to a person",
        ));
    }
    match report.outcome {
        RunOutcome::Failed { message, advice } => Err(ConnectError::Import { message, advice }),
        _ => Ok((merchant, report)),
    }
}

/// What a POS says that accepts the credentials.
struct Accepted {
    version: GetApiVersionResponse,
    identity: Option<PosIdentity>,
}

/// Asks the POS whether it accepts the credentials.
///
/// Which calls look at them is not known: versions, markers and branches may be told to anybody. So what is sold is asked
/// for, too; that an answer cannot be read, or the call is not known, says nothing against the credentials.
async fn ask(client: &Client) -> Result<Accepted, mplus_qapi::Error> {
    let version = client.call(GetApiVersion::default()).await?;
    match client.call(GetBranches::default()).await {
        // The import names what cannot be read.
        Err(error) if unreadable_at(&error).is_none() => return Err(error),
        _ => {}
    }
    // A limit counts only beside a marker; without, the answer is the whole menu.
    let request = GetProductsRequest {
        sync_marker: Some(0),
        sync_marker_limit: Some(1),
        ..GetProductsRequest::default()
    };
    match client.call(GetProducts { request }).await {
        Err(error) if error.is_authentication() || error.is_held() => Err(error),
        _ => Ok(Accepted { version, identity: identity(client).await }),
    }
}

/// Whose licence the POS has. One that does not say is taken for the one that it was.
async fn identity(client: &Client) -> Option<PosIdentity> {
    let told = client.call(GetLicenseInformation::default()).await.ok()?;
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let identity = PosIdentity::new(cut_to(&filled(told.obscured_license_key)?, LONGEST_MESSAGE));
    Some(match filled(told.company_name) {
        Some(company) => identity.of_company(cut_to(&company, LONGEST_MESSAGE)),
        None => identity,
    })
}

/// Starts anew when the merchant was connected to another POS before: answers with that one's address.
async fn leave_former_pos(
    store: &dyn Store,
    new: &Connection,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    let Some(known) = store.connection(&new.id).await? else { return Ok(None) };
    if known.leads_to_same_pos(new) {
        return Ok(None);
    }
    let (former, place) = (pos_of(&known), pos_of(new));
    // From here on no handle of the former POS sends or writes anything, and no order that was queued for it goes to the new
    // one; what breaks off after this leaves the merchant disconnected, and connecting again does the rest.
    let leave = |connection: &mut Connection| {
        connection.status = ConnectionStatus::Disconnected { since: now };
        connection.former_pos = Some(FormerPos::new(&*former, now));
        true
    };
    update_connection(store, &new.id, &leave).await?;
    store.forget_pos(&new.id).await?;
    // Only now: until then the next attempt has to see that it is another POS.
    let forget = |connection: &mut Connection| {
        (connection.last_sync_at, connection.last_menu_at) = (None, None);
        connection.pos_identity = None;
        if connection.other_pos.take().is_some() {
            connection.paused = None;
        }
        true
    };
    update_connection(store, &new.id, &forget).await?;
    let message = format!(
        "connected to {place} in place of {former}: menu, stock and locations of the former POS were forgotten, and orders that \
         were queued for it are left to a person"
    );
    log(store, &new.id, now, ActivityLevel::Info, message).await?;
    Ok(Some(former))
}

/// Which POS a connection leads to, for a person.
fn pos_of(connection: &Connection) -> String {
    let address = format!("{}:{}", connection.host, connection.port);
    match &connection.pos_identity {
        Some(identity) => format!("{address}, {identity}"),
        None => address,
    }
}

/// Keeps a connection in place of what is known of it. Since when it exists, when it was synced last and whether the host
/// has it rest stays; which operations the POS lacks is learnt anew.
async fn save(host: &Host, new: Connection) -> Result<Connection, StoreError> {
    let store = &**host.store();
    let replace = |known: &mut Connection| {
        let mut next = new.clone();
        let former = known.pos_identity.take();
        next.pos_identity = next.pos_identity.map(|found| found.completed_by(former.as_ref())).or(former);
        // That the POS is the one from before, after all, ends the rest that another one led to.
        next.paused = known.paused.filter(|_| known.other_pos.is_none());
        next.connected_at = known.connected_at;
        (next.last_sync_at, next.last_menu_at) = (known.last_sync_at, known.last_menu_at);
        next.former_pos = known.former_pos.take();
        next.revision = known.revision;
        *known = next;
        true
    };
    for _ in 0..2 {
        if let Some(connection) = update_connection(store, &new.id, &replace).await? {
            return Ok(connection);
        }
        match store.save_connection(&new).await {
            Ok(revision) => return Ok(Connection { revision, ..new }),
            // Somebody else connected it meanwhile.
            Err(error) if error.kind() == StoreErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::new(StoreErrorKind::Conflict, format!("connect {}", new.id)))
}

/// Takes up a connection that was made before.
pub(crate) async fn open(host: &Host, id: ConnectionId) -> Result<Merchant, OpenError> {
    let connection = host.store().connection(&id).await?;
    let credentials = host.vault.credentials(&id).await?;
    let (Some(connection), Some(credentials)) = (connection, credentials) else {
        return Err(OpenError::NotConnected(id));
    };
    if matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
        return Err(OpenError::NotConnected(id));
    }
    let client = client(host, &connection.host, connection.port, &credentials).map_err(OpenError::Address)?;
    Ok(host.merchant(&client, &connection))
}

/// Asks the POS whether it still accepts the credentials, and keeps the answer. Of a connection that is paused or
/// disconnected nothing is asked.
///
/// Another database than before has the connection rest, and nothing is forgotten: that is for a person to say.
pub(crate) async fn verify(merchant: &Merchant) -> Result<ConnectionStatus, StoreError> {
    let answer = ask(merchant.client()).await;
    let now = merchant.runtime().now();
    let rests = AtomicBool::new(false);
    let change = |connection: &mut Connection| {
        rests.store(false, Ordering::Relaxed);
        match &answer {
            _ if connection.is_held() => return false,
            Ok(Accepted { identity: Some(found), .. }) if is_another(connection, found) => {
                rests.store(true, Ordering::Relaxed);
                connection.status = connection.status.failed(other_pos(connection, found), now);
                connection.paused = Some(now);
                connection.other_pos = Some(found.clone());
            }
            Ok(Accepted { version, identity }) => {
                let known = connection.pos_identity.take();
                connection.pos_identity =
                    identity.clone().map(|found| found.completed_by(known.as_ref())).or(known);
                let told = service_version(version);
                if told.is_some() && told != connection.service_version {
                    // Another version may know what the earlier one lacked.
                    connection.lacking.clear();
                    connection.service_version = told;
                }
                connection.status = ConnectionStatus::Connected;
            }
            Err(error) if error.is_held() => return false,
            Err(error) => {
                let message = cut_to(&format!("{error}. {}", pos_advice(error)), LONGEST_MESSAGE);
                connection.status = connection.status.failed(message, now);
            }
        }
        true
    };
    let (store, id) = (&**merchant.store(), merchant.connection());
    let Some(connection) = update_connection(store, id, &change).await? else {
        return Ok(ConnectionStatus::Disconnected { since: now });
    };
    if let ConnectionStatus::Failing { last_error, .. } = &connection.status
        && rests.into_inner()
    {
        log(store, id, now, ActivityLevel::Warning, last_error.clone()).await?;
    }
    Ok(connection.status)
}

/// Whether a database is another one than the connection's.
fn is_another(connection: &Connection, found: &PosIdentity) -> bool {
    connection.pos_identity.as_ref().is_some_and(|known| !known.is_same_as(found))
}

/// What a person is told of another database at the address.
fn other_pos(connection: &Connection, found: &PosIdentity) -> String {
    let message = format!(
        "another database answers: {found}, in place of {}; paused, and nothing was forgotten. If the merchant has another POS \
         now, connect again, which starts anew; if it is the same POS, resume",
        pos_of(connection)
    );
    cut_to(&message, LONGEST_MESSAGE)
}

/// Disconnects the merchant: the credentials are forgotten, everything else is kept. Repeating it is safe.
pub(crate) async fn disconnect(host: &Host, merchant: &Merchant) -> Result<(), StoreError> {
    let now = merchant.runtime().now();
    host.vault.forget_credentials(merchant.connection()).await?;
    let message = "disconnected; nothing is synced until the merchant connects again";
    note_change(merchant, message, &|connection| {
        let is_connected = !matches!(connection.status, ConnectionStatus::Disconnected { .. });
        if is_connected {
            connection.status = ConnectionStatus::Disconnected { since: now };
        }
        is_connected
    })
    .await
}

/// Has the connection rest. Repeating it is safe.
pub(crate) async fn pause(merchant: &Merchant) -> Result<(), StoreError> {
    let now = merchant.runtime().now();
    let message = "paused; nothing is synced and orders wait until it is resumed";
    note_change(merchant, message, &|connection| {
        let was_paused = connection.paused.is_some();
        connection.paused = connection.paused.or(Some(now));
        !was_paused
    })
    .await
}

/// Ends the rest. Another database that had the connection rest is taken for the same POS from now on. Repeating it is safe.
pub(crate) async fn resume(merchant: &Merchant) -> Result<(), StoreError> {
    note_change(merchant, "resumed", &Connection::end_rest).await
}

/// Removes everything of the merchant, credentials first. Repeating it is safe.
pub(crate) async fn remove(host: &Host, merchant: &Merchant) -> Result<(), StoreError> {
    host.vault.forget_credentials(merchant.connection()).await?;
    merchant.store().remove_connection(merchant.connection()).await
}

/// Changes the record, and says so in the activity log when there was something to change.
async fn note_change(
    merchant: &Merchant,
    message: &str,
    change: &(dyn Fn(&mut Connection) -> bool + Sync),
) -> Result<(), StoreError> {
    let changed = AtomicBool::new(false);
    let noting = |connection: &mut Connection| {
        let changes = change(connection);
        changed.store(changes, Ordering::Relaxed);
        changes
    };
    let (store, id) = (&**merchant.store(), merchant.connection());
    update_connection(store, id, &noting).await?;
    match changed.into_inner() {
        true => log(store, id, merchant.runtime().now(), ActivityLevel::Info, message.to_owned()).await,
        false => Ok(()),
    }
}

async fn log(
    store: &dyn Store,
    id: &ConnectionId,
    at: DateTime<Utc>,
    level: ActivityLevel,
    message: String,
) -> Result<(), StoreError> {
    let topic = "connection".to_owned();
    store.log(id, &[Activity { at, level, topic, message, subject: None }]).await
}

fn client(host: &Host, name: &str, port: u16, credentials: &Credentials) -> Result<Client, String> {
    make_client(&*host.connector, name, port, credentials)
}

/// Protocol 0.9.9 to 1.x: within a major number nothing is removed.
fn is_known(version: &GetApiVersionResponse) -> bool {
    let protocol = (version.major_number, version.minor_number, version.revision_number);
    ((0, 9, 9)..(2, 0, 0)).contains(&protocol)
}

fn protocol(version: &GetApiVersionResponse) -> String {
    format!("{}.{}.{}", version.major_number, version.minor_number, version.revision_number)
}

fn service_version(version: &GetApiVersionResponse) -> Option<String> {
    let numbers =
        (version.service_major_number?, version.service_minor_number?, version.service_revision_number?);
    Some(format!("{}.{}.{}", numbers.0, numbers.1, numbers.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_of_the_known_major_number_are_accepted() {
        let version = |major_number, minor_number, revision_number| GetApiVersionResponse {
            major_number,
            minor_number,
            revision_number,
            ..GetApiVersionResponse::default()
        };
        for known in [version(0, 9, 9), version(1, 0, 0), version(1, 7, 3)] {
            assert!(is_known(&known));
        }
        for unknown in [version(0, 9, 8), version(2, 0, 0), version(0, 0, 0)] {
            assert!(!is_known(&unknown));
        }
    }
}
