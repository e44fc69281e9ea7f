//! The host's transactions: what finished sales become.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset};
use rust_decimal::Decimal;

use crate::event::{CompleteSession, Event, Session, SessionPayment};
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
    /// Which sale.
    pub key: SessionKey,
    /// The branch of the till, the host's location.
    pub branch_number: Option<i64>,
    /// The workplace of the till.
    pub workplace_number: Option<i64>,
    /// Who was logged in, when sent.
    pub employee_number: Option<i64>,
    /// The till's clock.
    pub completed_at: Option<DateTime<FixedOffset>>,
    /// What the sale came to with VAT, euros: the POS's total, else the sum of its lines when that is certain.
    pub total_incl: Option<Decimal>,
    /// How it was paid; possibly empty.
    pub payments: Vec<SessionPayment>,
    /// The sale as it was sent.
    pub session: Session,
}

impl Transaction {
    /// The transaction that a `completeSession` event stands for.
    pub fn from_event(event: &Event<CompleteSession>) -> Self {
        let CompleteSession { session, payments, .. } = &event.payload;
        Self {
            key: SessionKey {
                merchant: event.origin.merchant().clone(),
                session_id: session.session_id.clone().unwrap_or_default(),
            },
            branch_number: event.sender.branch_number,
            workplace_number: event.sender.workplace_number,
            employee_number: event.sender.employee_number,
            completed_at: event.details.timestamp,
            total_incl: session.total_incl_amount.or_else(|| session.sum_of_lines()),
            payments: if payments.is_empty() { session.payments.clone() } else { payments.clone() },
            session: session.clone(),
        }
    }
}

/// The host could not record it. The POS gets an error, and a repeat of the event tries again.
#[derive(Debug, thiserror::Error)]
#[error("the transaction could not be recorded: {0}")]
pub struct TransactionError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where finished sales go.
///
/// The orchestrator calls each method once per sale. After a crash in between it may call again, so both have to be
/// idempotent by the key; and as the POS gives no promise about order, a `cancel` that comes before its `create` must win
/// as well.
#[async_trait]
pub trait TransactionSink: Debug + Send + Sync {
    /// Records a finished sale (`completeSession`).
    async fn create(&self, transaction: &Transaction) -> Result<(), TransactionError>;

    /// Cancels the sale's transaction (`cancelSession`). A sale that has none is no error: most cancelled sales never had one.
    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError>;

    /// A finished sale was credited (`creditSession`). Called only when the host opted in to refunds.
    async fn refund(&self, sale: &SessionKey, credited: &Session) -> Result<(), TransactionError> {
        let _ = (sale, credited);
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
    sales: Mutex<BTreeMap<SessionKey, (Option<Transaction>, TransactionStatus)>>,
}

impl MemoryTransactions {
    /// No transactions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every transaction and how it stands, in the order of their keys.
    pub fn all(&self) -> Vec<(Transaction, TransactionStatus)> {
        let sales = self.sales.lock().unwrap_or_else(PoisonError::into_inner);
        sales.values().filter_map(|(transaction, status)| Some((transaction.clone()?, *status))).collect()
    }

    fn change(&self, key: &SessionKey, change: impl FnOnce(&mut (Option<Transaction>, TransactionStatus))) {
        let mut sales = self.sales.lock().unwrap_or_else(PoisonError::into_inner);
        change(sales.entry(key.clone()).or_insert((None, TransactionStatus::Completed)));
    }
}

#[async_trait]
impl TransactionSink for MemoryTransactions {
    async fn create(&self, transaction: &Transaction) -> Result<(), TransactionError> {
        self.change(&transaction.key, |(known, _)| {
            known.get_or_insert_with(|| transaction.clone());
        });
        Ok(())
    }

    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError> {
        self.change(sale, |(_, status)| *status = TransactionStatus::Cancelled);
        Ok(())
    }

    async fn refund(&self, sale: &SessionKey, _: &Session) -> Result<(), TransactionError> {
        self.change(sale, |(_, status)| *status = TransactionStatus::Refunded);
        Ok(())
    }
}
