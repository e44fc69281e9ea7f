//! Everything that a host awaits may be awaited in a task.

#![cfg(all(
    feature = "mysql",
    feature = "postgres",
    feature = "stripe",
    feature = "viva",
    feature = "testkit"
))]

#[path = "../../../tests/public_futures.rs"]
mod public_futures;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDate;
use futures_util::Stream;
use http::request::Parts;
use http::{HeaderMap, Request};
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::{EntryFilter, EntryId};
use mplus_webhooks::payment::{
    ExternalPayments, GivenUp, OwnPayment, Payment, PaymentFilter, PaymentKey, ProviderAccount,
};
use mplus_webhooks::provider::{Stripe, Viva};
use mplus_webhooks::testkit::{Till, TillLine, TillPayment, conformance::store};
use mplus_webhooks::{
    HttpClient, Inbox, MerchantId, MysqlOptions, MysqlStore, Orchestrator, PostgresOptions, PostgresStore,
    Store,
};
use rust_decimal::Decimal;
use serde_json::Value;

use public_futures::{assert_complete, assert_small, send_futures};

send_futures! {
    Orchestrator::handle(orchestrator: &Orchestrator, request: Request<Bytes>);
    [B: Stream<Item = Result<Bytes, E>> + Send, E: Send]
    Orchestrator::receive(orchestrator: &Orchestrator, parts: Parts, body: B);
    [D: Stream<Item = Result<Bytes, F>> + Send, F: Send]
    Orchestrator::receive_from_provider(orchestrator: &Orchestrator, parts: Parts, body: D);
    [C: Future<Output = ()> + Send]
    Orchestrator::run(orchestrator: &Orchestrator, cancel: C);
    ExternalPayments::payment(payments: &ExternalPayments, key: &PaymentKey);
    ExternalPayments::refresh(payments: &ExternalPayments, key: &PaymentKey);
    ExternalPayments::refresh_due(payments: &ExternalPayments);
    ExternalPayments::settled(payments: &ExternalPayments, patience: Duration);
    ExternalPayments::receive_notice(
        payments: &ExternalPayments,
        account: &ProviderAccount,
        headers: &HeaderMap,
        body: &Bytes,
    );
    ExternalPayments::answer_provider(
        payments: &ExternalPayments,
        account: &ProviderAccount,
        request: Request<Bytes>,
    );
    ExternalPayments::check(payments: &ExternalPayments, account: &ProviderAccount);
    ExternalPayments::start_own(payments: &ExternalPayments, own: &OwnPayment);
    ExternalPayments::cancel_own(payments: &ExternalPayments, key: &PaymentKey);
    ExternalPayments::capture(payments: &ExternalPayments, key: &PaymentKey, amount: Option<Decimal>);
    ExternalPayments::refund(payments: &ExternalPayments, key: &PaymentKey, id: &str, amount: Option<Decimal>);
    ExternalPayments::refund_session(
        payments: &ExternalPayments,
        merchant: &MerchantId,
        session_id: &str,
        id: &str,
        amount: Option<Decimal>,
    );
    ExternalPayments::list(payments: &ExternalPayments, filter: &PaymentFilter);
    ExternalPayments::reconcile(payments: &ExternalPayments, account: &ProviderAccount, day: NaiveDate);
    GivenUp::is_given_up(given_up: &GivenUp);
    Stripe::client_secret(stripe: &Stripe, payment: &Payment);
    Viva::webhook_key(viva: &Viva);
    PostgresStore::connect(url: &str);
    PostgresStore::open(options: PostgresOptions);
    MysqlStore::connect(url: &str);
    MysqlStore::open(options: MysqlOptions);
    Inbox::list(inbox: &Inbox, filter: &EntryFilter);
    Inbox::entry(inbox: &Inbox, id: &EntryId);
    Inbox::replay(inbox: &Inbox, id: &EntryId);
    Inbox::discard(inbox: &Inbox, id: &EntryId);
    store(store_: Arc<dyn Store>);
    Till::send_request(till: &Till, to: &dyn HttpClient, event: &EventName, request: Request<Bytes>);
    Till::send(till: &Till, to: &dyn HttpClient, event: &EventName, fields: Value);
    Till::ring_up(till: &Till, to: &dyn HttpClient, lines: &[TillLine]);
    Till::sell(till: &Till, to: &dyn HttpClient, lines: &[TillLine]);
    Till::complete(till: &Till, to: &dyn HttpClient, session: &Value);
    Till::cancel(till: &Till, to: &dyn HttpClient, session: &Value);
    TillPayment::send(payment: &TillPayment<'_>, to: &dyn HttpClient, event: &EventName);
    TillPayment::start(payment: &TillPayment<'_>, to: &dyn HttpClient);
    TillPayment::poll(payment: &TillPayment<'_>, to: &dyn HttpClient);
    TillPayment::request_cancel(payment: &TillPayment<'_>, to: &dyn HttpClient);
    TillPayment::cancel(payment: &TillPayment<'_>, to: &dyn HttpClient);
    [P: Future<Output = ()> + Send, F: FnMut() -> P + Send]
    TillPayment::poll_until_finished(payment: &TillPayment<'_>, to: &dyn HttpClient, polls: usize, pause: F);
}

#[test]
fn every_public_future_is_send() {
    assert_complete(env!("CARGO_MANIFEST_DIR"), LISTED);
}

#[test]
fn every_public_future_is_small() {
    assert_small(sizes());
}
