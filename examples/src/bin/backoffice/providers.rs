//! Who takes the money of which restaurant.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mplus_examples::providers::Named;
use mplus_webhooks::payment::{
    Found, Payment, PaymentPlace, PaymentProfiles, PaymentProvider, PaymentProviders, ProfilesError,
    ProviderAccount,
};
use mplus_webhooks::provider::{
    Stripe, StripeMode, StripeRedirect, Viva, VivaCredentials, VivaEndpoints, VivaMode,
};
use mplus_webhooks::{HttpClient, HttpError, ReqwestClient, TokioRuntime};

use crate::demo::Demo;
use crate::restaurant::payment_profile::{Company, PaymentAccounts, Profile, VivaAccount};
use crate::safe::key_ring::KeyError;

/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// What this back office calls itself at a terminal; it has to stay the same while a payment is open.
const CASH_REGISTER: &str = "mplus";

/// The demonstration's terminal at its restaurant; at every other the restaurant's own accounts, or those that flags name where it has
/// none.
pub(crate) struct Providers {
    demo: PaymentProfiles,
    accounts: PaymentAccounts,
    named: Vec<Named>,
    http: Arc<dyn HttpClient>,
    /// Where customers go after paying on a page of a provider's.
    thanks: String,
    /// Viva by the names of accounts, each with the state of the account that it was made of: it keeps an access token.
    viva: Mutex<HashMap<String, (i64, Viva)>>,
}

impl Providers {
    pub(crate) fn new(
        demo: Option<&Demo>,
        accounts: PaymentAccounts,
        named: Vec<Named>,
        public_url: &str,
    ) -> Result<Self, HttpError> {
        Ok(Self {
            demo: demo.map(Demo::profiles).unwrap_or_default(),
            accounts,
            named,
            http: Arc::new(ReqwestClient::new(PATIENCE)?),
            thanks: format!("{public_url}/thanks"),
            viva: Mutex::default(),
        })
    }

    fn find(&self, is_it: impl Fn(&dyn PaymentProvider) -> bool) -> Option<Arc<dyn PaymentProvider>> {
        self.named.iter().find(|(_, provider)| is_it(&**provider)).map(|(_, provider)| provider.clone())
    }

    /// The provider of an account, on this terminal or, without one, on a page.
    fn of_profile(&self, profile: &Profile, terminal: Option<&str>) -> Found {
        let failed = |error: KeyError| ProfilesError(Box::new(error));
        Ok(Some(match &profile.at {
            Company::Stripe { key, webhook_secret, ideal } => {
                let secret = |sealed| self.accounts.open(&profile.account, sealed).map_err(failed);
                let (key, webhook_secret) = (secret(key)?, secret(webhook_secret)?);
                let mode = self.stripe_mode(terminal, *ideal);
                let stripe = Stripe::new(self.http.clone(), key, webhook_secret, mode);
                Arc::new(stripe.with_account(&profile.account))
            }
            Company::Viva(viva) => {
                let mode = viva_mode(terminal, &viva.source);
                Arc::new(self.viva(profile, viva).map_err(failed)?.with_mode(mode))
            }
        }))
    }

    /// Viva by an account, with the access token that it has got already.
    fn viva(&self, profile: &Profile, account: &VivaAccount) -> Result<Viva, KeyError> {
        let mut made = self.viva.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, viva)) = made.get(&profile.account).filter(|(known, _)| *known == profile.revision) {
            return Ok(viva.clone());
        }
        let secret = |sealed| self.accounts.open(&profile.account, sealed);
        let credentials = VivaCredentials {
            client_id: account.client_id.clone(),
            client_secret: secret(&account.client_secret)?,
            merchant_id: account.merchant_id.clone(),
            api_key: secret(&account.api_key)?,
        };
        let endpoints = if account.demo { VivaEndpoints::demo() } else { VivaEndpoints::live() };
        let (runtime, mode) = (Arc::new(TokioRuntime), viva_mode(None, &account.source));
        let viva = Viva::new(self.http.clone(), runtime, endpoints, credentials, mode);
        let viva = viva.with_account(&profile.account);
        made.insert(profile.account.clone(), (profile.revision, viva.clone()));
        Ok(viva)
    }

    fn stripe_mode(&self, reader: Option<&str>, ideal: bool) -> StripeMode {
        let thanks = self.thanks.clone();
        match reader {
            Some(reader) => StripeMode::Terminal { reader: reader.to_owned() },
            None if ideal => StripeMode::Redirect { method: StripeRedirect::Ideal, return_url: thanks },
            None => StripeMode::Checkout { success_url: thanks.clone(), cancel_url: thanks },
        }
    }

    async fn account(&self, account: &ProviderAccount) -> Result<Option<Profile>, ProfilesError> {
        let found = self.accounts.find(&account.account).await;
        let found = found.map_err(|error| ProfilesError(Box::new(error)))?;
        Ok(found.filter(|profile| profile.at.name() == account.provider))
    }
}

fn viva_mode(terminal: Option<&str>, source: &str) -> VivaMode {
    match terminal {
        Some(terminal) => VivaMode::Terminal {
            terminal_id: terminal.to_owned(),
            cash_register_id: CASH_REGISTER.to_owned(),
        },
        None => VivaMode::Checkout { source_code: source.to_owned() },
    }
}

fn is_of(provider: &dyn PaymentProvider, account: &ProviderAccount) -> bool {
    ProviderAccount::new(provider.name(), provider.account()) == *account
}

impl fmt::Debug for Providers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Providers").field("demo", &self.demo).finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentProviders for Providers {
    async fn assigned(&self, place: &PaymentPlace<'_>) -> Found {
        if let Some(terminal) = self.demo.assigned(place).await? {
            return Ok(Some(terminal));
        }
        let fits = |method: &Option<String>| method.as_deref().is_none_or(|method| method == place.method);
        let own = self.accounts.in_use(place.merchant.as_str()).await;
        let own = own.map_err(|error| ProfilesError(Box::new(error)))?;
        // Whoever has accounts of its own is paid there, or not at all.
        if !own.is_empty() {
            return match own.iter().find(|profile| fits(&profile.method)) {
                Some(profile) => {
                    let terminal = profile.terminal_at(place.branch_number, place.workplace_number);
                    self.of_profile(profile, terminal)
                }
                None => Ok(None),
            };
        }
        Ok(self.named.iter().find(|(method, _)| fits(method)).map(|(_, provider)| provider.clone()))
    }

    async fn started_on(&self, payment: &Payment) -> Found {
        if let Some(terminal) = self.demo.started_on(payment).await? {
            return Ok(Some(terminal));
        }
        let account = ProviderAccount::of(payment);
        // The terminal may be another one by now, and the payment is on the one that it was started on.
        if let Some(profile) = self.account(&account).await? {
            return self.of_profile(&profile, payment.terminal.as_deref());
        }
        Ok(self.find(|known| is_of(known, &account) && known.terminal() == payment.terminal.as_deref()))
    }

    async fn of_account(&self, account: &ProviderAccount) -> Found {
        if let Some(terminal) = self.demo.of_account(account).await? {
            return Ok(Some(terminal));
        }
        match self.account(account).await? {
            Some(profile) => self.of_profile(&profile, profile.terminal.as_deref()),
            None => Ok(self.find(|known| is_of(known, account))),
        }
    }
}

#[cfg(test)]
mod tests {
    use mplus_webhooks::payment::{OwnPayment, PaymentKey};
    use mplus_webhooks::testkit::ManualProvider;
    use mplus_webhooks::{FixedSubscriptions, MemoryStore, MerchantId, Orchestrator};
    use rust_decimal::Decimal;

    use super::*;
    use crate::demo;
    use crate::records::{Records, Sqlite};
    use crate::restaurant::payment_profile::ProfileError;
    use crate::safe::key_ring::KeyRing;

    /// Accounts of nobody yet, in a database of their own.
    async fn accounts(folder: &tempfile::TempDir, keys: Arc<KeyRing>) -> PaymentAccounts {
        let records = Records::open(Sqlite::open(&folder.path().join("a.sqlite")).unwrap()).await.unwrap();
        PaymentAccounts::new(records, keys)
    }

    fn stripe(accounts: &PaymentAccounts, account: &str, terminal: Option<&str>) -> Profile {
        let sealed = |secret| accounts.seal(account, secret).unwrap();
        Profile {
            account: account.to_owned(),
            revision: 0,
            method: Some("K_CARD".to_owned()),
            terminal: terminal.map(str::to_owned),
            terminals: Default::default(),
            at: Company::Stripe { key: sealed("sk_1"), webhook_secret: sealed("whsec_1"), ideal: true },
        }
    }

    /// Payments that nobody has started at a provider yet.
    fn payments(providers: Providers) -> Orchestrator {
        Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([])),
            Arc::new(MemoryStore::new()),
            Arc::new(mplus_webhooks::TokioRuntime),
        )
        .payments(Arc::new(providers))
        .build()
    }

    fn named(account: &str) -> Arc<dyn PaymentProvider> {
        Arc::new(ManualProvider::new().with_account(account))
    }

    #[tokio::test]
    async fn the_demonstrations_terminal_takes_its_payments_and_the_named_providers_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = accounts(&folder, Arc::new(KeyRing::forgetful().unwrap())).await;
        let others = vec![(Some("K_IDEAL".to_owned()), named("ideal")), (None, named("rest"))];
        let demo = Demo::new(None);
        let webhooks = payments(Providers::new(Some(&demo), accounts, others, "https://a.example").unwrap());
        for (merchant, method, account) in
            [(demo::ID, "K_IDEAL", "default"), ("cafe", "K_IDEAL", "ideal"), ("cafe", "K_CARD", "rest")]
        {
            let key = PaymentKey::new(MerchantId::new(merchant), method);
            let own = OwnPayment::new(key, Decimal::ONE, method);
            let payment = webhooks.payments().unwrap().start_own(&own).await.unwrap();
            assert_eq!(payment.account, account, "{merchant} {method}");
        }
    }

    #[tokio::test]
    async fn a_restaurant_with_an_account_of_its_own_is_paid_there_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = accounts(&folder, Arc::new(KeyRing::forgetful().unwrap())).await;
        let providers =
            Providers::new(None, accounts.clone(), vec![(None, named("all"))], "https://a.example").unwrap();
        accounts.save(&"cafe".into(), &stripe(&accounts, "cafe-1", Some("tmr_1"))).await.unwrap();
        let taken = accounts.save(&"bar".into(), &stripe(&accounts, "cafe-1", None)).await;
        assert!(matches!(taken, Err(ProfileError::Taken)));

        // A payment of the bar, whose provider is the installation's, tells the place of each.
        let webhooks = payments(
            Providers::new(None, accounts.clone(), vec![(None, named("all"))], "https://a.example").unwrap(),
        );
        let start = |merchant: &'static str, method: &'static str| {
            let key = PaymentKey::new(MerchantId::new(merchant), format!("{merchant}-{method}"));
            let (webhooks, own) = (webhooks.clone(), OwnPayment::new(key, Decimal::ONE, method));
            async move { webhooks.payments().unwrap().start_own(&own).await.unwrap() }
        };
        assert_eq!(start("bar", "K_CARD").await.account, "all");
        let nobody = start("cafe", "K_IDEAL").await;
        assert_eq!(
            (nobody.account.as_str(), nobody.state.name()),
            ("", "failed"),
            "it has none for this method"
        );

        // A payment stays on the reader that it was started on, whatever became of the account.
        let mut payment = start("bar", "K_CARD").await;
        payment.key = PaymentKey::new(MerchantId::new("cafe"), "1");
        (payment.provider, payment.account) = (Stripe::NAME.to_owned(), "cafe-1".to_owned());
        payment.terminal = Some("tmr_1".to_owned());
        let other = stripe(&accounts, "cafe-1", Some("tmr_2"));
        let late = accounts.save(&"cafe".into(), &other).await;
        assert!(matches!(late, Err(ProfileError::Meanwhile)), "it was made of no state that is there");
        let revision = accounts.find("cafe-1").await.unwrap().unwrap().revision;
        accounts.save(&"cafe".into(), &Profile { revision, ..other }).await.unwrap();
        accounts.retire(&"bar".into(), "cafe-1").await.unwrap();
        assert_eq!(accounts.in_use("cafe").await.unwrap().len(), 1, "it is not the bar's");
        accounts.retire(&"cafe".into(), "cafe-1").await.unwrap();
        assert!(accounts.in_use("cafe").await.unwrap().is_empty());
        let found = providers.started_on(&payment).await.unwrap().unwrap();
        assert_eq!((found.account(), found.terminal()), ("cafe-1", Some("tmr_1")));
        let account = ProviderAccount::new("stripe", "cafe-1");
        assert_eq!(providers.of_account(&account).await.unwrap().unwrap().terminal(), Some("tmr_2"));
        let other = ProviderAccount::new("viva", "cafe-1");
        assert!(providers.of_account(&other).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn secrets_are_sealed_anew_and_open_for_their_account_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = |text: &str| Arc::new(KeyRing::read(text).unwrap());
        let (old, new) = (demo::random_secret().unwrap(), demo::random_secret().unwrap());
        let before = accounts(&folder, keys(&old)).await;
        before.save(&"cafe".into(), &stripe(&before, "cafe-1", None)).await.unwrap();
        let both = accounts(&folder, keys(&format!("{new},{old}"))).await;
        both.rotate().await.unwrap();
        let after = accounts(&folder, keys(&new)).await;
        let Some(Profile { at: Company::Stripe { key, .. }, .. }) = after.find("cafe-1").await.unwrap()
        else {
            panic!("it is gone");
        };
        assert_eq!(after.open("cafe-1", &key).unwrap().expose(), "sk_1");
        assert!(after.open("bar-1", &key).is_err());
    }

    #[tokio::test]
    async fn each_workplace_is_paid_on_its_own_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = accounts(&folder, Arc::new(KeyRing::forgetful().unwrap())).await;
        let mut profile = stripe(&accounts, "cafe-1", Some("tmr_all"));
        for (place, terminal) in [("2", "tmr_branch"), ("2_1", "tmr_bar")] {
            profile.terminals.insert(place.to_owned(), terminal.to_owned());
        }
        let at = |branch, workplace| profile.terminal_at(branch, workplace);
        assert_eq!((at(1, 1), at(2, 2)), (Some("tmr_all"), Some("tmr_branch")));
        // What the kiosk of a branch starts is at no workplace.
        assert_eq!((at(2, 1), at(2, 0)), (Some("tmr_bar"), Some("tmr_branch")));
    }
}
