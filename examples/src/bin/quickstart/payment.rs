//! One external payment: the till starts it and asks, the guest pays, the till goes on.

use std::{error::Error, sync::Arc, time::Duration};

use mplus_webhooks::{
    FixedSubscriptions, MemoryStore, MemoryTransactions, MerchantId, Orchestrator, Subscription,
    SubscriptionSecret, TokioRuntime,
    payment::{OneProvider, PaymentKey},
    testkit::{ManualProvider, Till, TillLine},
};
use rust_decimal::Decimal;

use crate::summary::PaymentStory;

/// Lets a till sell a coffee, and answers it.
pub(crate) async fn take() -> Result<PaymentStory, Box<dyn Error>> {
    let secret = SubscriptionSecret::from_bytes(b"known to this process only")?;
    let merchant = MerchantId::new("quickstart");
    let provider = Arc::new(ManualProvider::new());
    let transactions = Arc::new(MemoryTransactions::new());
    let subscription = Subscription::new("quickstart", merchant.clone(), secret.clone());
    let host = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        Arc::new(MemoryStore::new()),
        Arc::new(TokioRuntime),
    )
    .transactions(transactions.clone())
    .payments(Arc::new(OneProvider(provider.clone())))
    .build();

    let till = Till::in_process("quickstart", secret, 1);
    let price = Decimal::new(270, 2);
    let session = till.ring_up(&host, &[TillLine::new(1, "Koffie", price)]).await?;
    let payment = till.start_payment(price);
    let mut replies = vec![payment.start(&host).await?.body, payment.poll(&host).await?.body];

    provider.confirm(&payment.id);
    if let Some(payments) = host.payments() {
        payments.refresh(&PaymentKey { merchant, id: payment.id.clone() }).await?;
    }
    let pause = || tokio::time::sleep(Duration::from_millis(20));
    replies.push(payment.poll_until_finished(&host, 50, pause).await?.body);

    till.complete(&host, &session).await?;
    let replies = replies.iter().map(|body| serde_json::from_slice(body)).collect::<Result<_, _>>()?;
    Ok(PaymentStory { replies, transactions: transactions.all().len() })
}
