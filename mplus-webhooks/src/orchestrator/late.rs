//! Replies that need no work: what is answered when there is no time left, and how a reply becomes JSON.

use crate::error::Refusal;
use crate::event::AnyEvent;
use crate::inbox::StoredReply;
use crate::reply::{Body, PaymentAnswer, PaymentWord, Polling, Reply as _};
use crate::reply::{PollExternalPaymentReply, StartExternalPaymentReply};

/// The reply when there is no time left to find a better one: nothing is decided, ask again.
pub(super) fn if_late(event: &AnyEvent) -> Body {
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

pub(super) fn asks_again(id: &str) -> Body {
    PollExternalPaymentReply::acknowledge().payment(undecided(id)).polling(Polling::new(false)).into_body()
}

/// The answer to a poll about a payment that was refused before anything of it began.
pub(super) fn never_began(id: &str, why: &str) -> Body {
    let answer = PaymentAnswer::new(id).confirmed(false).cancelled(true).status(PaymentWord::Failed);
    PollExternalPaymentReply::acknowledge()
        .payment(answer)
        .polling(Polling::new(true).message(why))
        .into_body()
}

/// Whether the reply asks the cashier something.
pub(super) fn asks(reply: &StoredReply) -> bool {
    let told: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    told.is_some_and(|told| {
        ["dialog", "form", "requestScanCode"].iter().any(|question| told.get(question).is_some())
    })
}

/// The reply's JSON.
pub(super) fn written(body: &Body) -> StoredReply {
    match serde_json::to_vec(body) {
        Ok(json) => StoredReply { status: 200, body: json.into() },
        Err(error) => {
            tracing::error!(error = %error, "a reply could not be written");
            refused(&Refusal::internal())
        }
    }
}

/// Yes, and nothing else.
pub(super) fn acknowledged() -> StoredReply {
    StoredReply { status: 200, body: bytes::Bytes::from_static(b"{}") }
}

/// An error's JSON.
pub(super) fn refused(refusal: &Refusal) -> StoredReply {
    let json = serde_json::json!({
        "error": { "code": refusal.code.as_str(), "message": refusal.message }
    });
    StoredReply { status: 400, body: json.to_string().into() }
}
