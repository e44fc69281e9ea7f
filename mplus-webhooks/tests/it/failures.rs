//! Providers that fail: what the log says of it, and how often.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use mplus_webhooks::payment::ProviderAccount;
use rust_decimal::Decimal;

use crate::support::{Host, Log, Paused, till};

fn about<'a>(lines: &'a [String], what: &str) -> Vec<&'a String> {
    lines.iter().filter(|line| line.contains(what)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_away_is_told_with_the_cause_and_does_not_fill_the_log() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let host = Host::on(Arc::new(Paused::new()));
    host.provider.set_unreachable(true);
    let till = till(1);
    for _ in 0..60 {
        till.start_payment(Decimal::ONE).start(&host.orchestrator).await.unwrap();
    }
    let lines = log.lines();
    let told = about(&lines, "asked again later");
    assert_eq!(told.len(), 20, "{lines:#?}");
    for line in told {
        assert!(line.contains("merchant=merchant-1") && line.contains("error="), "{line}");
        assert!(line.contains("manual") && line.contains("left_out=0"), "{line}");
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    till.start_payment(Decimal::ONE).start(&host.orchestrator).await.unwrap();
    let lines = log.lines();
    let told = about(&lines, "asked again later");
    assert_eq!(told.len(), 21);
    assert!(told[20].contains("left_out=40"), "{}", told[20]);
}

#[tokio::test(start_paused = true)]
async fn strangers_who_call_a_providers_address_do_not_fill_the_log() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let host = Host::on(Arc::new(Paused::new()));
    let payments = host.orchestrator.payments().unwrap();
    let account = ProviderAccount::new("nobody", "here");
    for _ in 0..60 {
        let call = Request::post("/payments/nobody/here").body(bytes::Bytes::new()).unwrap();
        assert_eq!(payments.answer_provider(&account, call).await.status(), 404);
    }
    assert_eq!(about(&log.lines(), "was refused").len(), 20);
}
