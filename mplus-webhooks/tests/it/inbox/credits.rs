//! Credits that are recorded: the sink can tell one that comes again from one more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mplus_webhooks::event::EventName;
use mplus_webhooks::{
    Credit, EqualParts, MemoryStore, Orchestrator, Refunds, SessionKey, Transaction, TransactionError,
    TransactionSink,
};
use serde_json::json;

use super::{Table, host};
use crate::support::{background, merchant, till};

/// Books every credit by its id, and says the first time that it could not.
#[derive(Debug, Default)]
struct Forgetful(Mutex<Vec<Credit>>);

#[async_trait]
impl TransactionSink for Forgetful {
    async fn create(&self, _: &Transaction) -> Result<(), TransactionError> {
        Ok(())
    }

    async fn cancel(&self, _: &SessionKey) -> Result<(), TransactionError> {
        Ok(())
    }

    async fn refund(&self, credit: &Credit) -> Result<(), TransactionError> {
        let mut credits = self.0.lock().unwrap();
        credits.push(credit.clone());
        if credits.len() == 1 {
            Err(TransactionError("the connection broke after the commit".into()))
        } else {
            Ok(())
        }
    }
}

async fn credit(host: &Orchestrator, counter: u32) {
    let fields = json!({
        "event": { "eventCounter": counter, "eventTimestamp": format!("2026-03-05T19:07:0{counter}.964+01:00") },
        "sender": { "branchNumber": 3, "workplaceNumber": 2, "instanceId": "i" },
        "session": { "sessionId": "s", "totalInclAmount": 10 },
    });
    let credited = till(1).signed(&EventName::CreditSession, fields.to_string().into());
    assert_eq!(host.handle(credited).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_credit_that_comes_again_has_the_same_id_and_one_more_has_another() {
    let (table, sink) = (Arc::new(Table::default()), Arc::new(Forgetful::default()));
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.transactions(sink.clone()).refunds(Refunds::Record).equal_credits(EqualParts::Further)
    });
    let _background = background(&host);
    credit(&host, 1).await;
    while sink.0.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The same line on another occasion.
    credit(&host, 2).await;
    while sink.0.lock().unwrap().len() < 3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let credits = sink.0.lock().unwrap().clone();
    assert_eq!(credits[0], credits[1]);
    assert_ne!(credits[1].id, credits[2].id);
    for credit in credits {
        assert_eq!(credit.key, SessionKey { merchant: merchant(), session_id: "s".to_owned() });
        assert_eq!((credit.branch_number, credit.workplace_number), (Some(3), Some(2)));
        assert_eq!(credit.session.total_incl_amount, Some(10.into()));
    }
}
