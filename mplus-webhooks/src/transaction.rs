//! The host's transactions: what finished sales become.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset};
use rust_decimal::Decimal;

use crate::event::{CompleteSession, CreditSession, Event, Session, SessionPayment};
use crate::inbox::EntryId;
use crate::subscription::MerchantId;

/// Names a sale: the POS's session id, within one merchant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// The merchant at the host.
    pub merchant: MerchantId,
    /// `sessionId`, a UUID.
    pub session_id: String,
}

/// A finished sale of the POS.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transaction {
    /// The entry of the inbox that it came from: the same however often the till tells it, and another one for every part of a
    /// sale. The key to keep it by.
    pub id: EntryId,
    /// Which sale. Several parts of one may have the same; without an id of the till's, `session_id` is empty and names no sale.
    pub key: SessionKey,
    /// The branch of the till, the host's location.
    pub branch_number: Option<i64>,
    /// The workplace of the till.
    pub workplace_number: Option<i64>,
    /// Who was logged in, when sent.
    pub employee_number: Option<i64>,
    /// The till's clock.
    pub completed_at: Option<DateTime<FixedOffset>>,
    /// What the sale came to with VAT, euros: the POS's total, else the sum of its lines when that is certain. `None` when the
    /// POS's total cannot be read: the body has it as it was sent.
    pub total_incl: Option<Decimal>,
    /// How it was paid; possibly empty.
    pub payments: Vec<SessionPayment>,
    /// The sale as it was sent.
    pub session: Session,
}

impl Transaction {
    /// The transaction that a `completeSession` event stands for.
    pub(crate) fn from_event(id: &EntryId, event: &Event<CompleteSession>) -> Self {
        let CompleteSession { session, payments, .. } = &event.payload;
        Self {
            id: id.clone(),
            key: SessionKey {
                merchant: event.origin.merchant().clone(),
                session_id: session.session_id.clone().unwrap_or_default(),
            },
            branch_number: event.sender.branch_number,
            workplace_number: event.sender.workplace_number,
            employee_number: event.sender.employee_number,
            completed_at: event.details.timestamp,
            total_incl: session.total_incl_amount.or_else(|| sum_of_read_lines(event)),
            payments: if payments.is_empty() { session.payments.clone() } else { payments.clone() },
            session: session.clone(),
        }
    }
}

/// A finished sale that was credited, whole or in part.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Credit {
    /// The entry of the inbox that it came from: the same however often the till tells it, and another one when the same is credited
    /// once more. The key to book it by, and the id of what is given back
    /// ([`ExternalPayments::refund_session`](crate::payment::ExternalPayments::refund_session)).
    pub id: EntryId,
    /// Which sale. It always has an id.
    pub key: SessionKey,
    /// The branch of the till, the host's location.
    pub branch_number: Option<i64>,
    /// The workplace of the till.
    pub workplace_number: Option<i64>,
    /// Who was logged in, when sent.
    pub employee_number: Option<i64>,
    /// The till's clock.
    pub credited_at: Option<DateTime<FixedOffset>>,
    /// What was credited, as it was sent.
    pub session: Session,
}

impl Credit {
    /// The credit that a `creditSession` event stands for.
    pub(crate) fn from_event(id: &EntryId, key: SessionKey, event: &Event<CreditSession>) -> Self {
        Self {
            id: id.clone(),
            key,
            branch_number: event.sender.branch_number,
            workplace_number: event.sender.workplace_number,
            employee_number: event.sender.employee_number,
            credited_at: event.details.timestamp,
            session: event.payload.session.clone(),
        }
    }
}

/// The sum of the lines, provided that none of them, and no total, was left out as unreadable.
fn sum_of_read_lines(event: &Event<CompleteSession>) -> Option<Decimal> {
    let counts =
        |path: &str| path.starts_with("session.lines") || path.starts_with("session.totalInclAmount");
    let left_out = event.further_oddities() > 0 || event.oddities().iter().any(|odd| counts(&odd.path));
    if left_out { None } else { event.payload.session.sum_of_lines() }
}

/// The host could not record it. It is tried again, until it succeeds or the event is a dead letter.
#[derive(Debug, thiserror::Error)]
#[error("the transaction could not be recorded: {0}")]
pub struct TransactionError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where finished sales go.
///
/// The orchestrator calls each method until it succeeds, and not again after that, unless a crash comes in between: so each has to
/// be idempotent, `create` by [`Transaction::id`] and `refund` by [`Credit::id`]. When the POS tells of the cancellation before the sale, `cancel` is called
/// before `create` and again after it.
#[async_trait]
pub trait TransactionSink: Debug + Send + Sync {
    /// Records a finished sale (`completeSession`).
    async fn create(&self, transaction: &Transaction) -> Result<(), TransactionError>;

    /// Cancels the sale's transactions (`cancelSession`), all of its parts. A sale that has none is no error: most cancelled
    /// sales never had one. The sale always has an id.
    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError>;

    /// A finished sale was credited (`creditSession`). Called only when the host opted in to refunds. A sale may be credited several
    /// times, also alike: each has an id of its own.
    async fn refund(&self, credit: &Credit) -> Result<(), TransactionError> {
        let _ = credit;
        Ok(())
    }
}

/// How a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionStatus {
    /// Sold.
    Completed,
    /// Cancelled.
    Cancelled,
    /// Sold and credited.
    Refunded,
}

/// Transactions in memory, for tests and examples.
#[derive(Debug, Default)]
pub struct MemoryTransactions {
    sales: Mutex<Sales>,
}

#[derive(Debug, Default)]
struct Sales {
    transactions: BTreeMap<EntryId, Transaction>,
    /// In the order in which they came.
    order: Vec<EntryId>,
    credits: BTreeMap<EntryId, Credit>,
    ended: BTreeMap<SessionKey, TransactionStatus>,
}

impl MemoryTransactions {
    /// No transactions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every transaction and how it stands, in the order in which they came.
    pub fn all(&self) -> Vec<(Transaction, TransactionStatus)> {
        let sales = self.sales();
        let standing = |transaction: &Transaction| {
            let ended = sales.ended.get(&transaction.key).copied();
            (transaction.clone(), ended.unwrap_or(TransactionStatus::Completed))
        };
        sales.order.iter().filter_map(|id| sales.transactions.get(id)).map(standing).collect()
    }

    /// Every credit, each once, ordered by its id.
    pub fn credits(&self) -> Vec<Credit> {
        self.sales().credits.values().cloned().collect()
    }

    fn sales(&self) -> MutexGuard<'_, Sales> {
        self.sales.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TransactionSink for MemoryTransactions {
    async fn create(&self, transaction: &Transaction) -> Result<(), TransactionError> {
        let mut sales = self.sales();
        if sales.transactions.insert(transaction.id.clone(), transaction.clone()).is_none() {
            sales.order.push(transaction.id.clone());
        }
        Ok(())
    }

    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError> {
        self.sales().ended.insert(sale.clone(), TransactionStatus::Cancelled);
        Ok(())
    }

    async fn refund(&self, credit: &Credit) -> Result<(), TransactionError> {
        let mut sales = self.sales();
        sales.credits.insert(credit.id.clone(), credit.clone());
        sales.ended.insert(credit.key.clone(), TransactionStatus::Refunded);
        Ok(())
    }
}
