//! An external payment in one page: the till starts it and asks, the customer pays, the till goes on; then a part is given back.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use mplus_examples::ending;
use mplus_webhooks::payment::{PaymentKey, PaymentProfiles, PaymentRule};
use mplus_webhooks::testkit::{ManualProvider, Till, TillLine};
use mplus_webhooks::{
    FixedSubscriptions, MemoryStore, MemoryTransactions, MerchantId, Orchestrator, Subscription,
    SubscriptionSecret, TokioRuntime,
};
use rust_decimal::Decimal;

/// Takes an external payment and gives a part of it back, all in this process.
#[derive(Parser)]
struct Options {}

#[tokio::main]
async fn main() -> ExitCode {
    let Options {} = Options::parse();
    ending::of(pay().await)
}

async fn pay() -> Result<(), Box<dyn Error>> {
    // The host: who may send, what is remembered, who takes the money, where finished sales go.
    let secret = SubscriptionSecret::from_bytes(b"a key that only this example knows")?;
    let merchant = MerchantId::new("merchant");
    let terminal =
        |name: &str| Arc::new(ManualProvider::new().with_account("our-account").with_terminal(name));
    let (bar, terrace) = (terminal("bar"), terminal("terrace"));
    let profiles = PaymentProfiles::new()
        .assign(PaymentRule::of(&merchant).at_workplace(1, 1), bar.clone())
        .assign(PaymentRule::of(&merchant).at_workplace(1, 2), terrace);
    let transactions = Arc::new(MemoryTransactions::new());
    let subscription = Subscription::new("restaurant", merchant.clone(), secret.clone());
    let host = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        Arc::new(MemoryStore::new()),
        Arc::new(TokioRuntime),
    )
    .transactions(transactions.clone())
    .payments(Arc::new(profiles))
    .build();

    // The till: rings up a coffee, and chooses the payment method that is linked to the webhook.
    let till = Till::in_process("restaurant", secret, 1);
    let price = Decimal::new(270, 2);
    let session = till.ring_up(&host, &[TillLine::new(1, "Coffee", price)]).await?;
    let payment = till.start_payment(price);
    println!("start: {}", text(&payment.start(&host).await?.body));
    println!("poll:  {}", text(&payment.poll(&host).await?.body));

    // The customer pays; a provider's webhook or the background refresh brings the news.
    bar.confirm(&payment.id);
    let payments = host.payments().ok_or("the host has no payments")?;
    let key = PaymentKey::new(merchant, payment.id.as_str());
    if let Some(paid) = payments.refresh(&key).await? {
        println!("paid on terminal {:?} of {}", paid.terminal.unwrap_or_default(), paid.account);
    }

    let pause = || tokio::time::sleep(Duration::from_millis(50));
    let paid = payment.poll_until_finished(&host, 10, pause).await?;
    println!("poll:  {}", text(&paid.body));

    // The till finishes the sale, which becomes a transaction.
    till.complete(&host, &session).await?;
    for (transaction, status) in transactions.all() {
        let total = transaction.total_incl.unwrap_or_default();
        println!("{status:?}: session {}, {total} euros", transaction.key.session_id);
    }

    // The guest complains about the coffee: a euro goes back. Asked for twice, it is given back once.
    for _ in 0..2 {
        let refund = payments.refund(&key, "complaint-1", Some(Decimal::ONE)).await?;
        println!("refund: {} euro, {:?}", refund.amount, refund.state);
    }
    println!(
        "left to give back: {} euros",
        payments.payment(&key).await?.map_or(Decimal::ZERO, |paid| paid.refundable())
    );
    Ok(())
}

fn text(body: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(body)
}
