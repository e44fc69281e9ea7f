//! From a verified body to a reply: repeats, dispatch, time-outs.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use super::Inner;
use super::builder::Refunds;
use super::once::{event_key, session_key};
use crate::error::Refusal;
use crate::event::{self, AnyEvent, EventName, Origin, Received, Session};
use crate::handler;
use crate::reply::{Body, PaymentAnswer, PaymentWord, Polling, Reply as _};
use crate::reply::{PollExternalPaymentReply, StartExternalPaymentReply};
use crate::store::StoredReply;
use crate::transaction::{SessionKey, Transaction, TransactionError};
use crate::verified::Verified;

impl Inner {
    /// Answers a verified body.
    pub(super) async fn answer(
        self: &Arc<Self>,
        name: EventName,
        body: &Verified<Bytes>,
    ) -> Result<StoredReply, Refusal> {
        if let (EventName::PollExternalPayment, Some(payments)) = (&name, &self.payments)
            && let Some(id) = event::polled_payment(body.value())
        {
            // Read-only and frequent: nothing is kept, no claim, no task.
            let answer = payments.poll(&body.subscription().merchant, id);
            return match select(pin!(answer), pin!(self.out_of_time())).await {
                Either::Left((reply, _)) => Ok(written(&reply?)),
                Either::Right(_) => Ok(written(&asks_again(id))),
            };
        }
        let event = match event::read(&name, body)? {
            Received::Event(event) => event,
            Received::Error(report) => {
                tracing::error!(event = %report.event.as_str(), code = %report.code, message = %report.message, "the POS complains about a reply");
                self.handler.error_reported(&report).await;
                return Ok(StoredReply { status: 200, body: Bytes::from_static(b"{}") });
            }
        };
        let sane = if_late(&event);
        let (tell, told) = oneshot::channel();
        let work = self.clone().work(name, event);
        self.once.runtime.spawn(Box::pin(async move {
            // The till may be gone; the work is not undone by that.
            let _ = tell.send(work.await);
        }));
        match select(told, pin!(self.out_of_time())).await {
            Either::Left((Ok(reply), _)) => reply,
            Either::Left((Err(_), _)) => Err(Refusal::internal()),
            Either::Right(_) => Ok(written(&sane)),
        }
    }

    async fn out_of_time(&self) {
        self.once.runtime.sleep(self.time_out).await;
    }

    /// Does the work of an event once, and keeps the reply for repeats.
    async fn work(self: Arc<Self>, name: EventName, event: AnyEvent) -> Result<StoredReply, Refusal> {
        let key = event_key(&name, &event);
        // What changes state, or what nobody waits for, goes on until it is done.
        let may_be_cut_off = event.details().blocking && !name.changes_state();
        let work = async {
            let dispatched = AssertUnwindSafe(self.dispatch(&name, &event)).catch_unwind();
            let dispatched = if may_be_cut_off {
                match select(pin!(dispatched), pin!(self.out_of_time())).await {
                    Either::Left((dispatched, _)) => dispatched,
                    Either::Right(_) => {
                        tracing::warn!(event = name.as_str(), "the handler took too long and was cut off");
                        Ok(Ok(if_late(&event)))
                    }
                }
            } else {
                dispatched.await
            };
            match dispatched {
                Ok(reply) => Ok(written(&reply?)),
                Err(_) => {
                    tracing::error!(event = name.as_str(), "the handler panicked");
                    Err(Refusal::internal())
                }
            }
        };
        match key {
            Some(key) => self.once.run(&key, work).await,
            None => work.await,
        }
    }

    async fn dispatch(&self, name: &EventName, event: &AnyEvent) -> Result<Body, Refusal> {
        match event {
            AnyEvent::CompleteSession(event) => {
                if let Some(sink) = &self.transactions {
                    let transaction = Transaction::from_event(event);
                    self.end_session(name, &transaction.key, sink.create(&transaction)).await?;
                }
            }
            AnyEvent::CancelSession(event) => {
                if let Some(sink) = &self.transactions {
                    let sale = sale(&event.origin, &event.payload.session);
                    self.end_session(name, &sale, sink.cancel(&sale)).await?;
                }
            }
            AnyEvent::CreditSession(event) => {
                if let (Some(sink), Refunds::Record) = (&self.transactions, self.refunds) {
                    let sale = sale(&event.origin, &event.payload.session);
                    self.end_session(name, &sale, sink.refund(&sale, &event.payload.session)).await?;
                }
            }
            _ => {}
        }
        if let Some(payments) = &self.payments {
            match event {
                AnyEvent::StartExternalPayment(event) => return Ok(payments.start(event).await?.into_body()),
                AnyEvent::PollExternalPayment(event) => {
                    let id = &event.payload.external_payment.external_payment_id;
                    return payments.poll(event.origin.merchant(), id).await;
                }
                AnyEvent::RequestCancelExternalPayment(event) => {
                    return Ok(payments.request_cancel(event).await?.into_body());
                }
                AnyEvent::CancelExternalPayment(event) => {
                    return Ok(payments.cancel(event).await?.into_body());
                }
                _ => {}
            }
        }
        handler::dispatch(&*self.handler, event).await
    }

    /// Tells the sink once per sale and kind of end.
    async fn end_session(
        &self,
        name: &EventName,
        sale: &SessionKey,
        tell_sink: impl Future<Output = Result<(), TransactionError>>,
    ) -> Result<(), Refusal> {
        let work = async {
            match tell_sink.await {
                Ok(()) => Ok(StoredReply { status: 200, body: Bytes::new() }),
                Err(error) => {
                    tracing::error!(session = %sale.session_id, error = %error, "the host failed");
                    Err(Refusal::internal())
                }
            }
        };
        self.once.run(&session_key(name, sale), work).await.map(drop)
    }
}

fn sale(origin: &Origin, session: &Session) -> SessionKey {
    SessionKey {
        merchant: origin.merchant().clone(),
        session_id: session.session_id.clone().unwrap_or_default(),
    }
}

/// The reply when there is no time left to find a better one: nothing is decided, ask again.
fn if_late(event: &AnyEvent) -> Body {
    match event {
        AnyEvent::StartExternalPayment(event) => {
            let answer = undecided(&event.payload.external_payment.external_payment_id).started(true);
            StartExternalPaymentReply::acknowledge().payment(answer).into_body()
        }
        AnyEvent::PollExternalPayment(event) => {
            asks_again(&event.payload.external_payment.external_payment_id)
        }
        AnyEvent::RequestCancelExternalPayment(event) => {
            asks_again(&event.payload.external_payment.external_payment_id)
        }
        event if event.details().polling => {
            PollExternalPaymentReply::acknowledge().polling(Polling::new(false)).into_body()
        }
        _ => Body::default(),
    }
}

fn undecided(id: &str) -> PaymentAnswer {
    PaymentAnswer::new(id).confirmed(false).cancelled(false).status(PaymentWord::Pending)
}

fn asks_again(id: &str) -> Body {
    PollExternalPaymentReply::acknowledge().payment(undecided(id)).polling(Polling::new(false)).into_body()
}

/// The reply's JSON.
fn written(body: &Body) -> StoredReply {
    match serde_json::to_vec(body) {
        Ok(json) => StoredReply { status: 200, body: json.into() },
        Err(error) => {
            tracing::error!(error = %error, "a reply could not be written");
            refused(&Refusal::internal())
        }
    }
}

/// An error's JSON.
pub(super) fn refused(refusal: &Refusal) -> StoredReply {
    let json = serde_json::json!({
        "error": { "code": refusal.code.as_str(), "message": refusal.message }
    });
    StoredReply { status: 400, body: json.to_string().into() }
}
