//! What tills sold and credited, with this back office's items and locations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mplus_sync::model::{ArticleNumber, BranchNumber, ConnectionId};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{Select, Store, StoreError};
use mplus_webhooks::event::{Line, Session, SessionPayment};
use mplus_webhooks::{Credit, SessionKey, Transaction, TransactionError, TransactionSink};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::callbacks::Callbacks;
use crate::records::{Record, Records, RecordsError};

/// Sales and credits of tills.
pub(crate) const SALE: &str = "sale";

/// A finished sale of a till, a part of one, or a credit of one. Amounts are euros, VAT included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sale {
    /// Names it here and in callbacks; unique within the restaurant.
    pub(crate) number: String,
    /// Names the sale at the till; parts and credits of one have the same. Empty where the till gave none.
    pub(crate) session: String,
    pub(crate) status: SaleStatus,
    /// The till's clock, RFC 3339; none where the till did not say.
    pub(crate) completed_at: Option<String>,
    /// The location here; none while the branch is not imported.
    pub(crate) location: Option<String>,
    /// The branch at MplusKASSA.
    pub(crate) branch: Option<i64>,
    pub(crate) workplace: Option<i64>,
    pub(crate) employee: Option<i64>,
    /// The customer, where one was selected.
    pub(crate) relation: Option<Customer>,
    pub(crate) total: Option<Decimal>,
    pub(crate) lines: Vec<SaleLine>,
    pub(crate) payments: Vec<SalePayment>,
    /// What was credited of the sale, all of its parts together.
    pub(crate) credited: Option<Credited>,
    /// The sale as the till sent it.
    pub(crate) as_sent: serde_json::Value,
}

/// Who bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Customer {
    /// The relation at MplusKASSA.
    pub(crate) number: Option<i64>,
    pub(crate) name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SaleLine {
    /// The line's id at the till.
    pub(crate) id: Option<String>,
    /// The article at MplusKASSA; none for what is no article, such as a deposit.
    pub(crate) article: Option<i64>,
    /// The item here; none while the article is not known.
    pub(crate) item: Option<String>,
    pub(crate) text: String,
    /// Below zero for what was taken back.
    pub(crate) quantity: Option<Decimal>,
    pub(crate) price: Option<Decimal>,
    /// The till's own discount.
    pub(crate) discount_percentage: Option<Decimal>,
    pub(crate) discount_amount: Option<Decimal>,
    /// How it is prepared, and what it is made of.
    pub(crate) parts: Vec<SaleLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SalePayment {
    /// The payment method's name at MplusKASSA.
    pub(crate) method: Option<String>,
    /// What the receipt says.
    pub(crate) description: Option<String>,
    pub(crate) amount: Option<Decimal>,
    /// The till's id of it.
    pub(crate) id: Option<String>,
}

/// How much of a sale was credited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Credited {
    /// None when a credit did not say how much it came to.
    pub(crate) amount: Option<Decimal>,
    /// Of how much: what all parts of the sale came to.
    pub(crate) of: Option<Decimal>,
}

impl Credited {
    /// Whether all of the sale was credited, as far as anybody knows.
    pub(crate) fn is_all(&self) -> bool {
        match (self.amount, self.of) {
            (Some(amount), Some(of)) => amount >= of,
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SaleStatus {
    Completed,
    Cancelled,
    /// This is a credit: what was taken back of a sale.
    Credit,
}

/// Keeps sales and credits in the records.
#[derive(Clone)]
pub(crate) struct Sales {
    records: Records,
    runtime: Arc<dyn Runtime>,
    store: Arc<dyn Store>,
    callbacks: Callbacks,
}

/// Why a sale is told again later.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotKept> for TransactionError {
    fn from(error: NotKept) -> Self {
        Self(Box::new(error))
    }
}

/// Where a sale was made, as the till tells it.
#[derive(Default)]
struct Place {
    branch: Option<i64>,
    workplace: Option<i64>,
    employee: Option<i64>,
}

impl Sales {
    pub(crate) fn new(
        records: Records,
        runtime: Arc<dyn Runtime>,
        store: Arc<dyn Store>,
        callbacks: Callbacks,
    ) -> Self {
        Self { records, runtime, store, callbacks }
    }

    /// A session in this back office's words.
    async fn understood(
        &self,
        restaurant: &ConnectionId,
        number: String,
        status: SaleStatus,
        place: Place,
        session: &Session,
    ) -> Result<Sale, NotKept> {
        let branch = place.branch.and_then(|branch| i32::try_from(branch).ok()).map(BranchNumber::new);
        let location = match branch {
            Some(branch) => self.store.locations(restaurant, Select::PosIds(vec![branch])).await?.pop(),
            None => None,
        };
        let mut articles = Vec::new();
        session.lines.iter().for_each(|line| collect_articles(line, &mut articles));
        let items = self.store.items_of_articles(restaurant, &articles).await?;
        let items = items.into_iter().map(|(article, item)| (article.get(), item.to_string())).collect();
        Ok(Sale {
            number,
            session: session.session_id.clone().unwrap_or_default(),
            status,
            completed_at: None,
            location: location.map(|location| location.record.id.to_string()),
            branch: place.branch,
            workplace: place.workplace,
            employee: place.employee,
            relation: session
                .relation
                .as_ref()
                .map(|relation| Customer { number: relation.relation_number, name: relation.name.clone() }),
            total: session.total_incl_amount,
            lines: session.lines.iter().map(|line| sale_line(line, &items)).collect(),
            payments: session.payments.iter().map(payment).collect(),
            credited: None,
            as_sent: serde_json::to_value(session).unwrap_or_default(),
        })
    }

    /// Keeps a sale or a credit, and tells of it. The same told again is the same record, and the same callback.
    async fn keep(&self, restaurant: &str, sale: &Sale) -> Result<(), NotKept> {
        let record = Record::new(SALE, format!("{restaurant}/{}", sale.number))
            .of(restaurant)
            .about(&sale.session)
            .at(self.runtime.now().timestamp_micros());
        self.records.insert(&record.with(sale)?).await?;
        self.credit(restaurant, &sale.session).await?;
        Ok(self.callbacks.sale(restaurant, sale).await?)
    }

    /// All parts and credits of a sale.
    async fn parts(&self, restaurant: &str, session: &str) -> Result<Vec<(Record, Sale)>, RecordsError> {
        // Without an id it is not known which sale it was.
        if session.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.records.about(SALE, restaurant, session).await?;
        found.into_iter().map(|record| Ok((record.clone(), record.read()?))).collect()
    }

    /// Writes at a sale's parts what was credited of it.
    async fn credit(&self, restaurant: &str, session: &str) -> Result<(), RecordsError> {
        loop {
            let known = self.parts(restaurant, session).await?;
            let (credits, parts): (Vec<_>, Vec<_>) =
                known.into_iter().partition(|(_, sale)| sale.status == SaleStatus::Credit);
            if credits.is_empty() {
                return Ok(());
            }
            let credited = Credited {
                amount: credits.iter().map(|(_, credit)| Some(credit.total?.abs())).sum(),
                of: parts.iter().map(|(_, part)| part.total).sum(),
            };
            let mut is_written = true;
            for (record, mut part) in parts {
                if part.credited.as_ref() != Some(&credited) {
                    part.credited = Some(credited.clone());
                    is_written &= self.records.replace(&record.with(&part)?).await?;
                }
            }
            // Whoever wrote meanwhile may not have seen every credit.
            if is_written {
                return Ok(());
            }
        }
    }
}

fn collect_articles(line: &Line, articles: &mut Vec<ArticleNumber>) {
    articles.extend(line.article_number.map(ArticleNumber::new));
    parts_of(line).for_each(|part| collect_articles(part, articles));
}

fn parts_of(line: &Line) -> impl Iterator<Item = &Line> {
    line.preparation_methods.iter().chain(&line.component_articles)
}

fn sale_line(line: &Line, items: &BTreeMap<i64, String>) -> SaleLine {
    SaleLine {
        id: line.line_id.clone(),
        article: line.article_number,
        item: line.article_number.and_then(|article| items.get(&article).cloned()),
        text: line.text.clone().unwrap_or_default(),
        quantity: line.quantity,
        price: line.price_incl,
        discount_percentage: line.discount_percentage,
        discount_amount: line.discount_amount,
        parts: parts_of(line).map(|part| sale_line(part, items)).collect(),
    }
}

fn payment(payment: &SessionPayment) -> SalePayment {
    SalePayment {
        method: payment.method.clone(),
        description: payment.description.clone(),
        amount: payment.amount,
        id: payment.payment_id.clone(),
    }
}

impl fmt::Debug for Sales {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sales").finish_non_exhaustive()
    }
}

#[async_trait]
impl TransactionSink for Sales {
    async fn create(&self, transaction: &Transaction) -> Result<(), TransactionError> {
        let restaurant = ConnectionId::from(transaction.key.merchant.as_str());
        let place = Place {
            branch: transaction.branch_number,
            workplace: transaction.workplace_number,
            employee: transaction.employee_number,
        };
        let (number, completed) = (transaction.id.to_string(), SaleStatus::Completed);
        let understood = self.understood(&restaurant, number, completed, place, &transaction.session).await?;
        let sale = Sale {
            completed_at: transaction.completed_at.map(|at| at.to_rfc3339()),
            total: transaction.total_incl,
            payments: transaction.payments.iter().map(payment).collect(),
            ..understood
        };
        Ok(self.keep(restaurant.as_str(), &sale).await?)
    }

    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError> {
        let restaurant = sale.merchant.as_str();
        let cancelled = async {
            for (record, mut part) in self.parts(restaurant, &sale.session_id).await? {
                if part.status == SaleStatus::Completed {
                    part.status = SaleStatus::Cancelled;
                    self.callbacks.sale(restaurant, &part).await?;
                    self.records.put(&record.with(&part)?).await?;
                }
            }
            Ok::<(), NotKept>(())
        };
        Ok(cancelled.await?)
    }

    /// A credit is a record of its own, also when the sale was made before anything was kept here.
    async fn refund(&self, credit: &Credit) -> Result<(), TransactionError> {
        let (sale, credited) = (&credit.key, &credit.session);
        let restaurant = ConnectionId::from(sale.merchant.as_str());
        let place = Place {
            branch: credit.branch_number,
            workplace: credit.workplace_number,
            employee: credit.employee_number,
        };
        let (number, status) = (credit.id.to_string(), SaleStatus::Credit);
        let mut kept = self.understood(&restaurant, number, status, place, credited).await?;
        // Where it was credited the till need not say: then it was where it was sold.
        let known = self.parts(restaurant.as_str(), &sale.session_id).await.map_err(NotKept::from)?;
        if kept.branch.is_none()
            && let Some((_, part)) = known.iter().find(|(_, part)| part.status != SaleStatus::Credit)
        {
            (kept.branch, kept.workplace) = (part.branch, part.workplace);
            kept.location.clone_from(&part.location);
        }
        kept.completed_at = credit.credited_at.map(|at| at.to_rfc3339());
        kept.session.clone_from(&sale.session_id);
        kept.total = credited.total_incl_amount.or_else(|| credited.sum_of_lines());
        Ok(self.keep(restaurant.as_str(), &kept).await?)
    }
}
