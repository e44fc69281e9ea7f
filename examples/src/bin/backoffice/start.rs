//! Puts everything together, says where it is, and ends in an orderly way.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mplus_sync::cancel::CancelToken;
use mplus_sync::media::FsMediaStore;
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{MySqlStore, Page, PostgresStore, SqliteStore, Store};
use mplus_sync::{Host, model::ConnectionId};
use mplus_webhooks::Orchestrator;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

use crate::app::{App, Inner};
use crate::callbacks::{Callbacks, clients};
use crate::demo::{self, Demo};
use crate::flags::Flags;
use crate::notices::Notices;
use crate::providers::Providers;
use crate::records::{Mysql, Postgres, Records, Sqlite};
use crate::restaurant::Restaurants;
use crate::restaurant::baskets::Baskets;
use crate::restaurant::payment_profile::PaymentAccounts;
use crate::safe::key_ring::KeyRing;
use crate::safe::password::{SHORTEST, StoredPassword};
use crate::safe::throttle::Throttle;
use crate::safe::vault::SealedVault;
use crate::safe::{random_text, session};
use crate::sales::Sales;
use crate::webhooks::Subscriptions;
use crate::{server, work};

/// How long everything may take to end when the program has to: what is under way, what is cut off after that, and giving back what is
/// held. Whoever stops the program from outside has to wait longer: `TimeoutStopSec`, `docker stop --time`.
const END: Duration = Duration::from_secs(30);
/// How long a page waits for a menu that has to be read first. Then it says so, and comes again.
const PATIENCE: Duration = Duration::from_millis(50);

/// What is kept in the database, by whom.
struct Database {
    store: Arc<dyn Store>,
    inbox: Arc<dyn mplus_webhooks::Store>,
    records: Records,
}

/// Runs until it is told to stop.
pub(crate) async fn run(flags: Flags) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((flags.bind, flags.port)).await.map_err(|error| {
        format!("{}:{} cannot be listened on: {error}; --port takes another one", flags.bind, flags.port)
    })?;
    let address = listener.local_addr()?;
    let (app, new_password) = prepare(&flags, &format!("http://{address}"), PATIENCE).await?;
    let router = server::router(app.clone());
    if let Some(demo) = &app.demo {
        demo.start(&app).await?;
    }

    println!("Back office: {}", app.public_url);
    match (new_password, &flags.admin_password) {
        (Some(password), _) => {
            println!(
                "Password:    {} (made just now; --admin-password sets another)",
                password.expose_secret()
            );
        }
        (None, Some(_)) => println!("Password:    as given"),
        (None, None) => println!("Password:    that of the first start (--admin-password sets another)"),
    }
    if is_file(&flags.database) {
        println!("Kept in:     {} and what is named like it", file(&flags.database));
    }
    if app.demo.is_some() {
        println!(
            "Demo:        a test till runs in this program and the restaurant \"demo\" is connected to it;"
        );
        println!(
            "             both start anew each time, and stay away once a restaurant of your own is connected."
        );
    }

    let background = tokio::spawn(work::run(app.clone()));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let asked = app.stopping.clone();
    let served =
        axum::serve(listener, service).with_graceful_shutdown(async move { asked.cancelled().await });
    let served = tokio::spawn(async move { served.await });
    stop_signal().await;
    println!("Stopping: what is under way ends first.");
    app.stopping.cancel();
    let abort = served.abort_handle();
    let both = async { (served.await, background.await) };
    match tokio::time::timeout(END, both).await {
        Ok((served, background)) => {
            served??;
            background?;
        }
        Err(_) => {
            // Whoever keeps a connection open does not keep the program; what was not given back is taken up when its claim ends.
            abort.abort();
            eprintln!(
                "Not everything ended in {} s. Nothing is lost: the rest is taken up again.",
                END.as_secs()
            );
        }
    }
    Ok(())
}

/// Opens the database and makes everything of it; with the password, when it was made just now.
pub(crate) async fn prepare(
    flags: &Flags,
    own_url: &str,
    patience: Duration,
) -> Result<(App, Option<SecretString>), Box<dyn Error>> {
    let Database { store, inbox, records } = open(&flags.database).await?;
    let keys = Arc::new(keys(flags)?);
    let vault = Arc::new(SealedVault::new(records.clone(), keys.clone()));
    let subscriptions = Subscriptions::new(records.clone(), keys.clone(), store.clone());
    vault.rotate().await?;
    subscriptions.rotate().await?;
    clients::rotate(&records, &keys).await?;
    let payment_accounts = PaymentAccounts::new(records.clone(), keys.clone());
    payment_accounts.rotate().await?;
    let new_password = password(&records, flags.admin_password.as_ref()).await?;

    let known = store.connections(Page::first(2)).await?;
    let has_own = known.iter().any(|connection| !demo::is_of_demo(connection));
    let demo = (flags.demo || !has_own).then(|| Demo::new(flags.products));
    let runtime = Arc::new(TokioRuntime);
    let pictures = flags.pictures.clone().unwrap_or_else(|| beside(&flags.database, "pictures"));
    let host = Host::new(store, vault, demo::connector(demo.as_ref()), runtime.clone())
        .with_media(Arc::new(FsMediaStore::new(&pictures, "/pictures")));
    let callbacks = Callbacks::new(records.clone(), keys.clone(), runtime.clone());
    let restaurants = Restaurants::new(host, records.clone(), &callbacks, patience);
    let left = restaurants.store().connection(&ConnectionId::from(demo::ID)).await?;
    if demo.is_none()
        && let Some(left) = left.filter(demo::is_of_demo)
    {
        // What an earlier demonstration left leads to a till that is gone.
        restaurants.remove(&left.id).await?;
    }
    let sales = Sales::new(records.clone(), runtime.clone(), restaurants.store().clone(), callbacks.clone());
    let baskets = Baskets::new(records.clone(), restaurants.store().clone(), runtime.clone());
    let named = flags.providers.named()?;
    let takes_payments = !named.is_empty();
    let public_url = flags.public_url.as_deref().unwrap_or(own_url).trim_end_matches('/').to_owned();
    let providers = Providers::new(demo.as_ref(), payment_accounts.clone(), named, &public_url)?;
    let notices = Notices {
        baskets: baskets.clone(),
        callbacks: callbacks.clone(),
        records: records.clone(),
        runtime: runtime.clone(),
    };
    let webhooks = Orchestrator::builder(
        Arc::new(subscriptions.clone()),
        inbox.clone(),
        Arc::new(mplus_webhooks::TokioRuntime),
    )
    .handler(notices.handlers())
    .transactions(Arc::new(sales))
    .refunds(mplus_webhooks::Refunds::Record)
    // Without a provider a till's payment is refused with a message, and what was paid before is still shown.
    .payments(Arc::new(providers));
    let inner = Inner {
        restaurants,
        records,
        keys,
        webhooks: webhooks.build(),
        inbox,
        subscriptions,
        baskets,
        callbacks,
        payment_accounts,
        takes_payments,
        trusted_proxies: flags.trusted_proxy.clone(),
        throttle: Throttle::default(),
        checks: tokio::sync::Semaphore::new(2),
        demo,
        stopping: CancelToken::new(),
        pictures,
        public_url,
    };
    Ok((App::new(inner), new_password))
}

async fn open(database: &str) -> Result<Database, Box<dyn Error>> {
    Ok(if database.starts_with("postgres:") || database.starts_with("postgresql:") {
        Database {
            store: Arc::new(PostgresStore::connect(database).await?),
            inbox: Arc::new(mplus_webhooks::PostgresStore::connect(database).await?),
            records: Records::open(Postgres::connect(database)?).await?,
        }
    } else if database.starts_with("mysql:") {
        Database {
            store: Arc::new(MySqlStore::connect(database).await?),
            inbox: Arc::new(mplus_webhooks::MysqlStore::connect(database).await?),
            records: Records::open(Mysql::connect(database)?).await?,
        }
    } else {
        let file = Path::new(file(database));
        Database {
            store: Arc::new(SqliteStore::open(file).await?),
            inbox: Arc::new(mplus_webhooks::SqliteStore::open(file)?),
            records: Records::open(Sqlite::open(file)?).await?,
        }
    })
}

fn file(database: &str) -> &str {
    database.trim_start_matches("sqlite:")
}

fn is_file(database: &str) -> bool {
    !database.starts_with("postgres") && !database.starts_with("mysql:")
}

/// A path beside a SQLite database, in the current directory for others.
fn beside(database: &str, what: &str) -> PathBuf {
    let file = if is_file(database) { file(database) } else { "backoffice" };
    let mut path = PathBuf::from(file).into_os_string();
    path.push(format!(".{what}"));
    path.into()
}

fn keys(flags: &Flags) -> Result<KeyRing, Box<dyn Error>> {
    Ok(match &flags.key {
        Some(text) => KeyRing::read(text)?,
        None if is_file(&flags.database) => KeyRing::in_file(&beside(&flags.database, "key"))?,
        None => {
            return Err("set MPLUS_BACKOFFICE_KEY to the key that secrets are sealed with: \
                        export MPLUS_BACKOFFICE_KEY=$(openssl rand -base64 32), and keep it"
                .into());
        }
    })
}

/// Sets the password that is given, or makes the first one, with which it answers.
async fn password(
    records: &Records,
    given: Option<&SecretString>,
) -> Result<Option<SecretString>, Box<dyn Error>> {
    let known = StoredPassword::kept(records).await?;
    let made = match (given, known) {
        (Some(given), Some(known)) if known.is(given.expose_secret()) => return Ok(None),
        (None, Some(_)) => return Ok(None),
        (Some(given), _) if given.expose_secret().chars().count() < SHORTEST => {
            return Err(
                format!("the administrator's password has to have {SHORTEST} characters or more").into()
            );
        }
        (Some(_), _) => None,
        (None, None) => Some(SecretString::from(random_text::<12>()?)),
    };
    let Some(password) = made.as_ref().or(given) else { return Err("no password".into()) };
    StoredPassword::of(password)?.keep(records).await?;
    session::end_all(records).await?;
    Ok(made)
}

/// Waits for the wish to stop: Ctrl-C, or SIGTERM.
async fn stop_signal() {
    let interrupted = async {
        // Without a handler it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
