//! Lists: to find what an answer got lost about, and to reconcile.

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use super::{Stripe, StripeMode};
use crate::event::json::{DataError, Fields, RawJson};
use crate::payment::{Payment, ProviderError, ProviderNews, ProviderRecord, ProviderStatus};
use crate::provider::call::{detail, escape, field, inside};

/// The most pages of a hundred that are read.
const MOST_PAGES: usize = 100;
/// How much earlier than ours Stripe's clock may be.
const CLOCKS: TimeDelta = TimeDelta::minutes(2);

impl Stripe {
    /// Looks for a payment of which no answer came, by what was written into it. One that was begun in another way than the one
    /// that is set now is not found, and was shown to nobody.
    pub(super) async fn look_up(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let pages = matches!(self.mode, StripeMode::Checkout { .. });
        let list = if pages { "/v1/checkout/sessions" } else { "/v1/payment_intents" };
        match self.find_object(list, payment).await? {
            Some(session) if pages => self.session_news(&session),
            Some(intent) => self.news(&intent),
            None => Ok(ProviderNews::new(ProviderStatus::Absent)),
        }
    }

    async fn find_object(
        &self,
        list: &str,
        payment: &Payment,
    ) -> Result<Option<bytes::Bytes>, ProviderError> {
        let since = (payment.started_at - CLOCKS).timestamp();
        let query = format!("created[gte]={since}&");
        let mut found = None;
        self.each(list, &query, |object, fields| {
            let mut fields = fields;
            let ours = inside(&mut fields, "metadata")?.is_some_and(|mut metadata| {
                let id: Option<String> = detail(&mut metadata, "externalPaymentId");
                let merchant: Option<String> = detail(&mut metadata, "merchant");
                id.as_deref() == Some(&payment.key.id)
                    && merchant.as_deref() == Some(payment.key.merchant.as_str())
            });
            if ours {
                found = Some(bytes::Bytes::copy_from_slice(object.as_str().as_bytes()));
            }
            Ok(found.is_none())
        })
        .await?;
        Ok(found)
    }

    /// The payments of a UTC day, and of the days beside it: an intent is made after its payment was started, a page's when the
    /// customer pays.
    pub(super) async fn records_of(&self, day: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        let mut records = Vec::new();
        for listed in [Some(day), day.pred_opt(), day.succ_opt()].into_iter().flatten() {
            let beside = listed != day;
            let of_day = self.intents_of(listed).await?;
            records.extend(of_day.into_iter().map(|record| ProviderRecord { beside, ..record }));
        }
        Ok(records)
    }

    async fn intents_of(&self, day: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        let begins = day.and_time(NaiveTime::MIN).and_utc().timestamp();
        let query = format!("created[gte]={begins}&created[lt]={}&", begins + 86_400);
        let mut records = Vec::new();
        self.each("/v1/payment_intents", &query, |object, fields| {
            let mut fields = fields;
            let payment_id = inside(&mut fields, "metadata")?
                .and_then(|mut metadata| detail(&mut metadata, "externalPaymentId"));
            let opened = Fields::open_body(object.as_str().as_bytes());
            let Ok(Ok(intent)) = opened else { return Ok(true) };
            let news = self.read_intent(intent)?;
            if let Some(reference) = news.reference {
                let captured = match news.status {
                    ProviderStatus::Captured(amount) => Some(amount),
                    _ => None,
                };
                records.push(ProviderRecord { payment_id, captured, ..ProviderRecord::new(reference) });
            }
            Ok(true)
        })
        .await?;
        Ok(records)
    }

    /// Visits every object of a list, page by page, as long as the visitor wants more.
    pub(super) async fn each(
        &self,
        list: &str,
        query: &str,
        mut visit: impl FnMut(&RawJson, Fields<'_>) -> Result<bool, DataError> + Send,
    ) -> Result<(), ProviderError> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let rest = after.map(|id| format!("&starting_after={}", escape(&id))).unwrap_or_default();
            let page = self.read_call(&format!("{list}?{query}limit=100{rest}")).await?;
            let (objects, more) = self.api.read(&page, |mut page| {
                let objects: Vec<RawJson> = field(&mut page, "data")?.unwrap_or_default();
                Ok((objects, field::<bool>(&mut page, "has_more")?.unwrap_or(false)))
            })?;
            after = None;
            for object in &objects {
                let Ok(opened) = Fields::open_body(object.as_str().as_bytes()) else { continue };
                let goes_on = opened.and_then(|mut fields| {
                    after = detail(&mut fields, "id");
                    visit(object, fields)
                });
                match goes_on {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(error) => {
                        return Err(self.api.unreachable(format!("its answer cannot be read: {error}")));
                    }
                }
            }
            if !more || after.is_none() {
                return Ok(());
            }
        }
        Err(self.api.unreachable("its list does not end".to_owned()))
    }
}
