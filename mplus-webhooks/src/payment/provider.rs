//! Whoever really takes the money: one small trait.

use std::fmt::Debug;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use super::given_up::GivenUp;
use super::news::ProviderNews;
use super::record::Payment;
use super::refund::{Refund, RefundNews};

/// A provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The provider refused, and nothing happened. Asking again is of no use.
    #[error("the payment provider {provider} refused: {message}")]
    Refused {
        /// The provider's name.
        provider: String,
        /// Its reason, without secrets.
        message: String,
    },
    /// Nothing happened, and nobody can pay: it was provably not carried out. Asking again later may succeed.
    #[error("the payment provider {provider} cannot take it now: {message}")]
    Unavailable {
        /// The provider's name.
        provider: String,
        /// What went wrong, without secrets.
        message: String,
    },
    /// No usable answer: what was asked may or may not have happened. It is looked up before it is asked again.
    #[error("the payment provider {provider} cannot be reached or does not answer: {message}")]
    Unreachable {
        /// The provider's name.
        provider: String,
        /// What went wrong, without secrets.
        message: String,
    },
}

impl ProviderError {
    /// What went wrong, without secrets.
    pub fn message(&self) -> &str {
        match self {
            Self::Refused { message, .. }
            | Self::Unavailable { message, .. }
            | Self::Unreachable { message, .. } => message,
        }
    }
}

/// A call to the provider webhook's address that is not the provider's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's call was refused: {0}")]
pub struct NoticeRefused(pub String);

/// A payment provider, as one account at it and, for payments in person, one terminal: Stripe, Viva Wallet, or the host's own.
///
/// Two terminals are two values of the same account. A payment is judged ever after by the one whose name, account and terminal
/// it was started on.
#[async_trait]
pub trait PaymentProvider: Debug + Send + Sync {
    /// A name that never changes; it is stored with every payment.
    fn name(&self) -> &str;

    /// The host's name for the account at the provider; never changes, and is stored with every payment. One name per account
    /// in the whole host: notices of the provider are sorted by it.
    fn account(&self) -> &str {
        "default"
    }

    /// The terminal or reader; `None` for payments that need none. Never changes, and is stored with every payment.
    fn terminal(&self) -> Option<&str> {
        None
    }

    /// What tells it from other values of the same account: so profiles notice what contradicts itself. The default tells nothing.
    fn settings(&self) -> ProviderSettings {
        ProviderSettings::default()
    }

    /// The provider's id of a payment that was not created yet, where the host chooses it. Then a notice of the provider finds its
    /// payment even when the answer to [`create`](Self::create) got lost.
    fn reference(&self, payment: &Payment) -> Option<String> {
        let _ = payment;
        None
    }

    /// Begins a payment, and shows it to the customer. It is called again for the same payment only after
    /// [`get`](Self::get) has said that there is none, or after it was [`ProviderError::Unavailable`], with the next [`Payment::attempt`]. After a minute it is dropped, as are the
    /// other calls.
    ///
    /// An amount below zero is to be given back to the card that the customer presents; a provider that cannot do that refuses.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] ends the payment as failed; [`ProviderError::Unavailable`] has it tried again;
    /// [`ProviderError::Unreachable`] has it looked up.
    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError>;

    /// [`create`](Self::create), of a payment whose end may be asked for before the customer sees it. This is what is called; the default
    /// creates without asking, which is right where one call does it.
    ///
    /// Who needs several calls asks whether the payment [is given up](GivenUp::is_given_up) right before the one that shows it, and then
    /// shows it to nobody: what was made so far is cancelled, and the answer is [`ProviderError::Unavailable`]. It is created anew when it
    /// was merely not told.
    ///
    /// # Errors
    /// As `create`.
    async fn create_unless(
        &self,
        payment: &Payment,
        given_up: &GivenUp,
    ) -> Result<ProviderNews, ProviderError> {
        let _ = given_up;
        self.create(payment).await
    }

    /// How the payment stands now. The provider's word is final. Shows nothing to anybody.
    ///
    /// Without a [`Payment::provider_reference`] the answer to an attempt to create it got lost: it is looked for by its own id,
    /// and [`ProviderStatus::Absent`](super::ProviderStatus::Absent) says that the provider does not have it.
    ///
    /// # Errors
    /// [`ProviderError`]; the payment stays as it is.
    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError>;

    /// Asks for the end of a payment, and tells how it stands then: cancelled, or captured after all, or still open.
    ///
    /// # Errors
    /// [`ProviderError`]; the payment stays as it is, and the request is repeated later.
    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError>;

    /// Takes money that is held, all of it or a part, and tells how the payment stands then.
    ///
    /// # Errors
    /// [`ProviderError`]; the payment stays as it is. The default refuses.
    async fn capture(
        &self,
        payment: &Payment,
        amount: Option<Decimal>,
    ) -> Result<ProviderNews, ProviderError> {
        let _ = (payment, amount);
        Err(unsupported(self.name(), "it holds no money to be captured"))
    }

    /// Gives money back, all that was captured or a part. Repeating it with the same [`Refund::id`] has to be the same refund,
    /// and tells how it stands; it is repeated until it is not open any more, and once more when a notice of the provider names the
    /// payment. With [`Refund::looks_only`] nothing is begun.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] ends the refund as failed, unless it may have been begun before: then it says nothing about that, and
    /// the refund is asked about again. Anything else has it repeated. The default refuses.
    async fn refund(&self, payment: &Payment, refund: &Refund) -> Result<RefundNews, ProviderError> {
        let _ = (payment, refund);
        Err(unsupported(self.name(), "it gives no money back through this host"))
    }

    /// Checks a call of the provider's own webhook, and returns the provider's ids of the payment that it may be about. An empty
    /// list is a genuine call about something else.
    ///
    /// Whatever else such a call says may be late, repeated or out of order, so it is not read: the provider is asked.
    ///
    /// # Errors
    /// [`NoticeRefused`] when the call is not the provider's.
    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused>;

    /// What a `GET` of the webhook's address is answered with, as JSON, for a provider that verifies addresses so. `None` for
    /// others, which is the default.
    ///
    /// # Errors
    /// [`ProviderError`].
    async fn verification(&self) -> Result<Option<Bytes>, ProviderError> {
        Ok(None)
    }

    /// Asks the provider whether it accepts the credentials, and how the terminal is. Changes nothing. The default knows nothing.
    ///
    /// # Errors
    /// [`ProviderError`] says what does not work.
    async fn check(&self) -> Result<ProviderCheck, ProviderError> {
        Ok(ProviderCheck::default())
    }

    /// All payments of one UTC day in [its list](ProviderSettings::list), for reconciliation. A provider whose days are not
    /// UTC's, or that lists a payment when it is paid, reads the days beside it as well, see [`ProviderRecord::beside`]. The default refuses.
    ///
    /// # Errors
    /// [`ProviderError`].
    async fn payments_of(&self, day: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        let _ = day;
        Err(unsupported(self.name(), "it lists no payments"))
    }
}

fn unsupported(provider: &str, message: &str) -> ProviderError {
    ProviderError::Refused { provider: provider.to_owned(), message: message.to_owned() }
}

/// What tells a provider's value from others of its account. Nothing of it is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderSettings {
    /// Short for the credentials, see [`of_credentials`](Self::of_credentials). One account has one.
    pub credentials: Option<String>,
    /// What has to stay the same for open payments, besides account and terminal.
    pub conduct: Option<String>,
    /// Which of the account's lists [`PaymentProvider::payments_of`] reads. Values with the same one are asked once.
    pub list: Option<String>,
}

impl ProviderSettings {
    /// With a digest of the credentials, which cannot be turned back.
    #[must_use]
    pub fn of_credentials(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self { credentials: Some(STANDARD.encode(hash.finalize())), ..Self::default() }
    }

    /// With what has to stay the same for open payments.
    #[must_use]
    pub fn with_conduct(mut self, conduct: &str) -> Self {
        self.conduct = Some(conduct.to_owned());
        self
    }

    /// With the list of payments that it reads.
    #[must_use]
    pub fn with_list(mut self, list: &str) -> Self {
        self.list = Some(list.to_owned());
        self
    }
}

/// What a check of a provider's account found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderCheck {
    /// Whether the credentials were accepted; `None` when it was not asked.
    pub accepted: Option<bool>,
    /// Whether the terminal can take payments as far as the provider knows; `None` when it was not asked or is not known.
    pub terminal_ready: Option<bool>,
    /// What else the provider said, for a person.
    pub remarks: Vec<String>,
}

/// A payment as it stands in the provider's list of a day.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProviderRecord {
    /// The provider's id of it.
    pub reference: String,
    /// The host's id of it, when the provider tells.
    pub payment_id: Option<String>,
    /// What was captured, euros; none when it was not.
    pub captured: Option<Decimal>,
    /// Whether it stands in the list of the day before or after, of a provider whose days are not UTC's. It is compared with what is
    /// known here, and not reported when it is not known.
    pub beside: bool,
}

impl ProviderRecord {
    /// A payment of which nothing was captured.
    pub fn new(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), payment_id: None, captured: None, beside: false }
    }
}
