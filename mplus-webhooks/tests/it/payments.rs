//! External payments from start to end, as a till sees them.

use rust_decimal::Decimal;

use crate::support::{Host, till};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[tokio::test]
async fn a_payment_is_pending_until_the_provider_confirms_it() {
    let (host, till) = (Host::new(), till(1));
    let payment = till.start_payment(euros(270));

    let started = payment.start(&host.orchestrator).await.unwrap();
    assert_eq!(started.started, Some(true));

    let pending = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(pending.status.as_deref(), Some("pending"));
    assert_eq!((pending.confirmed, pending.cancelled), (Some(false), Some(false)));
    assert!(!pending.finished());

    assert!(host.provider.confirm(&payment.id));
    host.refresh(&payment.id).await;

    let confirmed = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!(confirmed.status.as_deref(), Some("confirmed"));
    assert_eq!((confirmed.confirmed, confirmed.cancelled), (Some(true), Some(false)));
    assert_eq!(confirmed.final_amount, Some(euros(270)));
    assert!(confirmed.finished());
}
