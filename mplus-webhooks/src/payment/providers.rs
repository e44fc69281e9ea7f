//! How the right provider is found: the host's payment profiles.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use rust_decimal::Decimal;

use super::provider::PaymentProvider;
use super::record::Payment;
use crate::subscription::MerchantId;

/// The till, or the host's kiosk, that starts a payment; decides who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentPlace<'a> {
    /// The merchant at the host.
    pub merchant: &'a MerchantId,
    /// The subscription that the till's event came through; none for a payment that the host started itself.
    pub subscription: Option<&'a str>,
    /// The branch of the till; [`NOT_TOLD`](Self::NOT_TOLD) when the till does not tell it.
    pub branch_number: i64,
    /// The workplace of the till; [`NOT_TOLD`](Self::NOT_TOLD) when the till does not tell it.
    pub workplace_number: i64,
    /// The payment method's name in the POS.
    pub method: &'a str,
    /// What is to be paid, euros; below zero is to be given back to a card.
    pub amount: Decimal,
}

impl<'a> PaymentPlace<'a> {
    /// The number of a branch or a workplace that was not told. No till has it.
    pub const NOT_TOLD: i64 = 0;

    /// Where a payment was started.
    fn of(payment: &'a Payment) -> Self {
        Self {
            merchant: &payment.key.merchant,
            subscription: payment.subscription.as_deref(),
            branch_number: payment.branch_number,
            workplace_number: payment.workplace_number,
            method: &payment.method,
            amount: payment.amount,
        }
    }
}

/// Names an account at a payment provider, once in the whole host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderAccount {
    /// See [`PaymentProvider::name`].
    pub provider: String,
    /// See [`PaymentProvider::account`].
    pub account: String,
}

impl ProviderAccount {
    /// The account with this name at this provider.
    pub fn new(provider: impl Into<String>, account: impl Into<String>) -> Self {
        Self { provider: provider.into(), account: account.into() }
    }

    /// The account that a payment was started on.
    pub fn of(payment: &Payment) -> Self {
        Self::new(payment.provider.as_str(), payment.account.as_str())
    }

    fn is_of(&self, provider: &dyn PaymentProvider) -> bool {
        provider.name() == self.provider && provider.account() == self.account
    }
}

impl std::fmt::Display for ProviderAccount {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} account {}", self.provider, self.account)
    }
}

/// The host could not look its payment profiles up. What was asked is asked again later.
#[derive(Debug, thiserror::Error)]
#[error("the payment profiles could not be looked up: {0}")]
pub struct ProfilesError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A provider that was found.
pub type Found = Result<Option<Arc<dyn PaymentProvider>>, ProfilesError>;

/// The host's payment profiles: who takes the money of which till. [`PaymentProfiles`] is a table of them in memory.
#[async_trait]
pub trait PaymentProviders: Debug + Send + Sync {
    /// The provider for a new payment; `None` when no payment profile is assigned to the location.
    ///
    /// # Errors
    /// [`ProfilesError`]: the payment is not started, and the cashier is told.
    async fn assigned(&self, place: &PaymentPlace<'_>) -> Found;

    /// The provider of a payment that was started earlier: the same name, account **and terminal**
    /// ([`Payment::provider`], [`Payment::account`], [`Payment::terminal`]), also after another one was assigned. Where several
    /// ways to pay share these, the one of the payment's method.
    ///
    /// # Errors
    /// [`ProfilesError`]: the payment is looked at again later.
    async fn started_on(&self, payment: &Payment) -> Found;

    /// Any provider of this account, whatever its terminal: it reads the provider's notices, checks and lists.
    ///
    /// # Errors
    /// [`ProfilesError`].
    async fn of_account(&self, account: &ProviderAccount) -> Found;

    /// The providers of this account that together list all of its payments: one for each
    /// [`ProviderSettings::list`](super::ProviderSettings::list). The default takes [`of_account`](Self::of_account).
    ///
    /// # Errors
    /// [`ProfilesError`].
    async fn listing(
        &self,
        account: &ProviderAccount,
    ) -> Result<Vec<Arc<dyn PaymentProvider>>, ProfilesError> {
        Ok(self.of_account(account).await?.into_iter().collect())
    }
}

/// One provider for every merchant, branch and method.
#[derive(Debug, Clone)]
pub struct OneProvider(pub Arc<dyn PaymentProvider>);

#[async_trait]
impl PaymentProviders for OneProvider {
    async fn assigned(&self, _: &PaymentPlace<'_>) -> Found {
        Ok(Some(self.0.clone()))
    }

    async fn started_on(&self, payment: &Payment) -> Found {
        Ok(started_it(&*self.0, payment).then(|| self.0.clone()))
    }

    async fn of_account(&self, account: &ProviderAccount) -> Found {
        Ok(account.is_of(&*self.0).then(|| self.0.clone()))
    }
}

fn started_it(provider: &dyn PaymentProvider, payment: &Payment) -> bool {
    ProviderAccount::of(payment).is_of(provider) && provider.terminal() == payment.terminal.as_deref()
}

/// Payment profiles in memory: rules, the first that fits decides. What is taken out of the rules stays known for its payments.
///
/// ```
/// # use std::sync::Arc;
/// # use mplus_webhooks::payment::{PaymentProfiles, PaymentRule, PaymentProvider};
/// # use mplus_webhooks::MerchantId;
/// # fn profiles(bar: Arc<dyn PaymentProvider>, ideal: Arc<dyn PaymentProvider>) -> PaymentProfiles {
/// let merchant = MerchantId::new("merchant-1");
/// PaymentProfiles::new()
///     .assign(PaymentRule::of(&merchant).at_workplace(1, 2).for_method("K_CARD"), bar)
///     .assign(PaymentRule::of(&merchant).for_method("K_IDEAL"), ideal)
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct PaymentProfiles {
    rules: Vec<(PaymentRule, Arc<dyn PaymentProvider>)>,
    kept: Vec<(MerchantId, Arc<dyn PaymentProvider>)>,
    credentials: HashMap<ProviderAccount, String>,
    conduct: HashMap<(MerchantId, ProviderAccount, Option<String>), String>,
    clashes: Vec<ProfileClash>,
}

/// What contradicts itself in payment profiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileClash {
    /// One name for two accounts: the provider's notices of one are judged by the secret of the other.
    #[error("{0} has two different credentials: give each account a name of its own")]
    Credentials(ProviderAccount),
    /// One account and terminal of a merchant with two settings that open payments depend on: a payment that was started with one
    /// may be cancelled with the other, in vain.
    #[error("{account} has two different settings for terminal {terminal:?} of merchant {merchant}")]
    Conduct {
        /// Whose.
        merchant: MerchantId,
        /// The account.
        account: ProviderAccount,
        /// The terminal, when there is one.
        terminal: Option<String>,
    },
    /// A rule for branch 0 or workplace 0, which stand for a place that was not told: it fits no payment.
    #[error("a rule of merchant {} is for a branch or a workplace of 0, which no till has: it fits no payment", .0.merchant)]
    NoPlace(PaymentRule),
}

/// Which tills a payment profile is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentRule {
    /// The merchant.
    pub merchant: MerchantId,
    /// Only this branch; 0 is none, and fits nothing.
    pub branch_number: Option<i64>,
    /// Only this workplace; 0 is none, and fits nothing.
    pub workplace_number: Option<i64>,
    /// Only this payment method of the POS.
    pub method: Option<String>,
}

impl PaymentRule {
    /// Every till and method of a merchant.
    pub fn of(merchant: &MerchantId) -> Self {
        Self { merchant: merchant.clone(), branch_number: None, workplace_number: None, method: None }
    }

    /// Only the tills of this branch. 0 stands for a branch that was not told, and no till is there: [`ProfileClash::NoPlace`].
    #[must_use]
    pub fn at_branch(mut self, branch_number: i64) -> Self {
        self.branch_number = Some(branch_number);
        self
    }

    /// Only this till; with a 0 it is none, as with [`at_branch`](Self::at_branch).
    #[must_use]
    pub fn at_workplace(mut self, branch_number: i64, workplace_number: i64) -> Self {
        (self.branch_number, self.workplace_number) = (Some(branch_number), Some(workplace_number));
        self
    }

    /// Only this payment method of the POS.
    #[must_use]
    pub fn for_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Whether it is for a place that stands for one that was not told.
    fn is_nowhere(&self) -> bool {
        [self.branch_number, self.workplace_number].contains(&Some(PaymentPlace::NOT_TOLD))
    }

    fn fits(&self, place: &PaymentPlace<'_>) -> bool {
        self.merchant == *place.merchant
            && !self.is_nowhere()
            && self.branch_number.is_none_or(|number| number == place.branch_number)
            && self.workplace_number.is_none_or(|number| number == place.workplace_number)
            && self.method.as_deref().is_none_or(|method| method == place.method)
    }
}

impl PaymentProfiles {
    /// No profiles: every start is refused with a message to the cashier.
    pub fn new() -> Self {
        Self::default()
    }

    /// Assigns a provider to tills. Rules that were assigned earlier come first. What [contradicts](Self::clashes) them is logged.
    #[must_use]
    pub fn assign(mut self, rule: PaymentRule, provider: Arc<dyn PaymentProvider>) -> Self {
        self.compare(&rule.merchant, &*provider);
        if rule.is_nowhere() {
            self.note(&rule.merchant, ProfileClash::NoPlace(rule.clone()));
        }
        self.rules.push((rule, provider));
        self
    }

    /// Keeps a provider for the payments of a merchant that were started on it, without assigning it to any till.
    #[must_use]
    pub fn keep(mut self, merchant: &MerchantId, provider: Arc<dyn PaymentProvider>) -> Self {
        self.compare(merchant, &*provider);
        self.kept.push((merchant.clone(), provider));
        self
    }

    /// What contradicts itself; nothing, in profiles that are in order. Every one was logged as an error.
    pub fn clashes(&self) -> &[ProfileClash] {
        &self.clashes
    }

    /// Looks whether a new provider contradicts those that are there.
    fn compare(&mut self, merchant: &MerchantId, provider: &dyn PaymentProvider) {
        let account = ProviderAccount::new(provider.name(), provider.account());
        let terminal = provider.terminal().map(str::to_owned);
        let settings = provider.settings();
        let mut found = Vec::new();
        if let Some(credentials) = settings.credentials
            && *self.credentials.entry(account.clone()).or_insert_with(|| credentials.clone()) != credentials
        {
            found.push(ProfileClash::Credentials(account.clone()));
        }
        let which = (merchant.clone(), account.clone(), terminal.clone());
        if let Some(conduct) = settings.conduct
            && *self.conduct.entry(which).or_insert_with(|| conduct.clone()) != conduct
        {
            found.push(ProfileClash::Conduct { merchant: merchant.clone(), account, terminal });
        }
        for clash in found {
            self.note(merchant, clash);
        }
    }

    /// Logs a clash once, and keeps it.
    fn note(&mut self, merchant: &MerchantId, clash: ProfileClash) {
        if !self.clashes.contains(&clash) {
            tracing::error!(%merchant, "payment profiles contradict themselves: {clash}");
            self.clashes.push(clash);
        }
    }

    fn all(&self) -> impl Iterator<Item = (&MerchantId, &Arc<dyn PaymentProvider>)> {
        let assigned = self.rules.iter().map(|(rule, provider)| (&rule.merchant, provider));
        assigned.chain(self.kept.iter().map(|(merchant, provider)| (merchant, provider)))
    }
}

#[async_trait]
impl PaymentProviders for PaymentProfiles {
    async fn assigned(&self, place: &PaymentPlace<'_>) -> Found {
        Ok(self.rules.iter().find(|(rule, _)| rule.fits(place)).map(|(_, provider)| provider.clone()))
    }

    async fn started_on(&self, payment: &Payment) -> Found {
        let place = PaymentPlace::of(payment);
        let assigned =
            self.rules.iter().find(|(rule, provider)| rule.fits(&place) && started_it(&**provider, payment));
        if let Some((_, provider)) = assigned {
            return Ok(Some(provider.clone()));
        }
        let found = self.all().find(|(merchant, provider)| {
            **merchant == payment.key.merchant && started_it(&***provider, payment)
        });
        Ok(found.map(|(_, provider)| provider.clone()))
    }

    async fn of_account(&self, account: &ProviderAccount) -> Found {
        let found = self.all().find(|(_, provider)| account.is_of(&***provider));
        Ok(found.map(|(_, provider)| provider.clone()))
    }

    async fn listing(
        &self,
        account: &ProviderAccount,
    ) -> Result<Vec<Arc<dyn PaymentProvider>>, ProfilesError> {
        let mut lists = HashSet::new();
        let of_account = self.all().filter(|(_, provider)| account.is_of(&***provider));
        let first_of_a_list = of_account.filter(|(_, provider)| lists.insert(provider.settings().list));
        Ok(first_of_a_list.map(|(_, provider)| provider.clone()).collect())
    }
}
