//! Payments that another party handles, as the POS's own clients start and poll them.

use crate::{
    external_payments::*,
    testkit::{
        brasserie,
        domain::operations::{Answer, Operations},
        state::{
            State,
            external_payments::{ExternalPaymentStatus, Payment},
        },
    },
    types::{IdempotencyResult, WorkplaceIdentifier},
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_webhook_consumers);
    operations.on(start);
    operations.on(poll);
    operations.on(request_cancel);
    operations.on(cancel);
    operations.on(send_webhook);
}

fn get_webhook_consumers(
    _: &mut State,
    GetWebhookConsumers { request }: GetWebhookConsumers,
) -> Answer<GetWebhookConsumersResponse> {
    let names = [
        "startSession",
        "completeSession",
        "cancelSession",
        "startExternalPayment",
        "pollExternalPayment",
        "requestCancelExternalPayment",
        "cancelExternalPayment",
    ];
    let event = |name: &str| WebhookConsumerEvent {
        event_name: name.to_owned(),
        blocking: name.ends_with("Payment"),
        enabled: true,
        polling: Some(name == "pollExternalPayment"),
        cancel_requires_auth: None,
    };
    let WorkplaceIdentifier { branch_number, workplace_number } = request.workplace;
    let consumer = WebhookConsumer {
        webhook_consumer_id: "0000000a-0000-4000-8000-000000000001".into(),
        application_name: "Test".into(),
        subscription_id: "test-subscription".into(),
        endpoint_url: "https://host.invalid/webhook/mpluskassa".into(),
        authentication_type: WebhookAuthenticationType::Token,
        authentication_scope: "test".into(),
        webhook_consumer_event_list: names.map(event).into(),
        webhook_consumer_workplace_list: vec![WebhookConsumerWorkplace {
            branch_number,
            workplace_numbers: vec![workplace_number],
        }],
        sync_marker: Some(1),
        enabled: true,
        workplace_key: WorkplaceIdentifier { branch_number, workplace_number },
        ..WebhookConsumer::default()
    };
    let list = if request.sync_marker.unwrap_or_default() > 1 { Vec::new() } else { vec![consumer] };
    Ok(GetWebhookConsumersResponse { webhook_consumer_list: list })
}

fn answer(id: &str, payment: &Payment) -> ExternalPaymentWebhookResponse {
    let confirmed = payment.status == ExternalPaymentStatus::Confirmed;
    ExternalPaymentWebhookResponse {
        idempotency_result: IdempotencyResult::OriginalResponse,
        keep_polling: Some(payment.status == ExternalPaymentStatus::Pending),
        external_payment: Some(ExternalPaymentResp {
            external_payment_id: id.to_owned(),
            started: Some(true),
            confirmed: Some(confirmed),
            cancelled: Some(payment.status == ExternalPaymentStatus::Cancelled),
            final_amount: confirmed.then_some(payment.amount),
            external_transaction_reference: confirmed.then(|| format!("ref-{id}")),
            ..ExternalPaymentResp::default()
        }),
        ..ExternalPaymentWebhookResponse::default()
    }
}

fn refusal(code: &str, message: String) -> ExternalPaymentWebhookResponse {
    ExternalPaymentWebhookResponse {
        idempotency_result: IdempotencyResult::OriginalResponse,
        error: Some(WebhookError { r#type: WebhookErrorType::Request, code: code.to_owned(), message }),
        ..ExternalPaymentWebhookResponse::default()
    }
}

/// Starts a payment; started again with the same id and amount, it stays what it is.
fn start(
    state: &mut State,
    StartExternalPaymentV2 { request }: StartExternalPaymentV2,
) -> Answer<ExternalPaymentWebhookResponse> {
    let ExternalPaymentReq { external_payment_id: id, method, amount, .. } = request.external_payment;
    let known = brasserie::PAYMENT_METHODS
        .iter()
        .any(|(code, _, webhook)| *webhook && method.as_deref() == Some(code));
    if !known {
        return Ok(refusal("UNKNOWN-METHOD", "This payment method has no webhook.".to_owned()));
    }
    let Some(amount) = amount.filter(|amount| !amount.is_zero()) else {
        return Ok(refusal("NO-AMOUNT", "A payment needs an amount.".to_owned()));
    };
    let payments = &mut state.external_payments.payments;
    let payment = payments.entry(id.clone()).or_insert(Payment {
        amount,
        status: ExternalPaymentStatus::Pending,
        cancel_requested: false,
    });
    if payment.amount != amount {
        return Ok(refusal("OTHER-AMOUNT", format!("Payment {id} was started with another amount.")));
    }
    Ok(answer(&id, payment))
}

fn with_payment(
    state: &mut State,
    id: &str,
    change: impl FnOnce(&mut Payment),
) -> Answer<ExternalPaymentWebhookResponse> {
    match state.external_payments.payments.get_mut(id) {
        Some(payment) => {
            change(payment);
            Ok(answer(id, payment))
        }
        None => Ok(refusal("UNKNOWN-PAYMENT", format!("There is no payment {id}."))),
    }
}

/// A payment whose cancellation was asked for is cancelled by the next poll, unless it was confirmed meanwhile.
fn poll(
    state: &mut State,
    PollExternalPaymentV2 { request }: PollExternalPaymentV2,
) -> Answer<ExternalPaymentWebhookResponse> {
    with_payment(state, &request.external_payment.external_payment_id, |payment| {
        if payment.cancel_requested && payment.status == ExternalPaymentStatus::Pending {
            payment.status = ExternalPaymentStatus::Cancelled;
        }
    })
}

fn request_cancel(
    state: &mut State,
    RequestCancelExternalPaymentV2 { request }: RequestCancelExternalPaymentV2,
) -> Answer<ExternalPaymentWebhookResponse> {
    with_payment(state, &request.external_payment.external_payment_id, |payment| {
        payment.cancel_requested = true
    })
}

/// Cancels at once what is pending; what was confirmed stays so.
fn cancel(
    state: &mut State,
    CancelExternalPaymentV2 { request }: CancelExternalPaymentV2,
) -> Answer<ExternalPaymentWebhookResponse> {
    with_payment(state, &request.external_payment.external_payment_id, |payment| {
        if payment.status == ExternalPaymentStatus::Pending {
            payment.status = ExternalPaymentStatus::Cancelled;
        }
    })
}

fn send_webhook(_: &mut State, _: SendWebhook) -> Answer<WebhookResp> {
    Ok(WebhookResp { idempotency_result: IdempotencyResult::OriginalResponse, ..WebhookResp::default() })
}
