//! What happens when a payment or the inbox has something to tell: all of it before the notice counts as told.
//!
//! The library takes a notice away when the handler has returned. So a handler returns when everything that the notice causes is
//! stored, and not before: a database that is away for a moment is waited for. One that stays away ends with the process or with
//! the library's patience, and the notice comes again.

use std::sync::Arc;
use std::time::Duration;

use mplus_sync::runtime::Runtime;
use mplus_webhooks::Handlers;
use mplus_webhooks::inbox::InboxNotice;
use mplus_webhooks::payment::PaymentNotice;

use crate::callbacks::Callbacks;
use crate::records::Records;
use crate::restaurant::attention;
use crate::restaurant::baskets::{Baskets, NotNow};

/// How long a database rests that did not do what it was asked.
const REST: Duration = Duration::from_secs(1);

/// Those who are told.
#[derive(Clone)]
pub(crate) struct Notices {
    pub(crate) baskets: Baskets,
    pub(crate) callbacks: Callbacks,
    pub(crate) records: Records,
    pub(crate) runtime: Arc<dyn Runtime>,
}

impl Notices {
    pub(crate) fn handlers(self) -> Handlers {
        let (of_payments, of_inbox) = (self.clone(), self);
        Handlers::new()
            .on_payment_changed(move |notice| {
                let notices = of_payments.clone();
                async move { notices.until_done(|| notices.payment(&notice)).await }
            })
            .on_inbox_notice(move |notice| {
                let notices = of_inbox.clone();
                async move { notices.until_done(|| notices.inbox(&notice)).await }
            })
    }

    /// Everything that a notice of a payment causes, each part of it once however often it comes.
    async fn payment(&self, notice: &PaymentNotice) -> Result<(), NotNow> {
        self.baskets.told(notice).await?;
        attention::keep_payment(&self.records, notice, self.runtime.now()).await?;
        Ok(self.callbacks.payment(notice).await?)
    }

    async fn inbox(&self, notice: &InboxNotice) -> Result<(), NotNow> {
        Ok(attention::keep_event(&self.records, notice, self.runtime.now()).await?)
    }

    async fn until_done<F: Future<Output = Result<(), NotNow>>>(&self, work: impl Fn() -> F) {
        while let Err(error) = work().await {
            tracing::error!(%error, "what was told waits for the database");
            self.runtime.sleep(REST).await;
        }
    }
}
