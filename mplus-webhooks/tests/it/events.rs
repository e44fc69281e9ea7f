//! Every event as the vendor's pages show it, and in the other spellings that may arrive.

use std::sync::{Arc, Mutex};

use mplus_webhooks::event::{CodeType, EventName};
use mplus_webhooks::testkit::TillError;
use mplus_webhooks::{
    ErrorCode, FixedSubscriptions, Handlers, MemoryStore, Orchestrator, Subscription, TokioRuntime,
};
use rust_decimal::Decimal;

use crate::support::{SUBSCRIPTION, merchant, secret, till};

const HEAD: &str = r#""event":{"eventBlocking":true,"eventCounter":1,"eventTimestamp":"2017-08-09T16:07:33.964+02:00"},
    "sender":{"branchNumber":1,"workplaceNumber":1}"#;
const SESSION: &str = r#""session":{"sessionId":"5eea25d4-4188-43b8-9a66-8086561d590c"}"#;
const LINE: &str = r#"{"lineId":"c686f63d-46a7-498e-b421-c72e5cb7136b","articleNumber":1,"priceIncl":2.50,"quantity":1,"text":"Coffee"}"#;

/// A host that answers the payments' events itself, too.
fn host(handlers: Handlers) -> Orchestrator {
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let resolver = Arc::new(FixedSubscriptions::new([subscription]));
    Orchestrator::builder(resolver, Arc::new(MemoryStore::new()), Arc::new(TokioRuntime))
        .handler(handlers)
        .build()
}

async fn send(handlers: Handlers, name: &str, body: &str) -> Result<(), TillError> {
    let (till, name) = (till(1), EventName::from_wire(name));
    assert!(EventName::ALL.contains(&name), "{name:?} is not typed");
    let request = till.signed(&name, body.to_owned().into());
    let reply = till.send_request(&host(handlers), &name, request).await?;
    assert_eq!(reply.body, "{}");
    Ok(())
}

/// Sends a body, and returns the event that the closure was given.
macro_rules! given {
    ($setter:ident, $name:literal, whole $body:expr) => {{
        let seen = Arc::new(Mutex::new(None));
        let keep = seen.clone();
        let handlers = Handlers::new().$setter(move |event| {
            *keep.lock().unwrap() = Some(event);
            async { Ok(Default::default()) }
        });
        send(handlers, $name, $body).await.unwrap();
        let event = seen.lock().unwrap().take();
        event.unwrap()
    }};
    ($setter:ident, $name:literal, $($fields:expr),+) => {{
        let fields = [HEAD, $($fields),+].join(",");
        given!($setter, $name, whole &format!("{{{fields}}}"))
    }};
}

fn euros(text: &str) -> Option<Decimal> {
    Some(text.parse().unwrap())
}

#[tokio::test]
async fn every_event_about_the_session_alone_is_typed() {
    macro_rules! session_only {
        ($($setter:ident $name:literal)*) => {$(
            let event = given!($setter, $name, SESSION);
            assert_eq!(event.payload.session.session_id.as_deref(), Some("5eea25d4-4188-43b8-9a66-8086561d590c"), $name);
            assert!(event.payload.session.lines.is_empty());
            assert_eq!((event.details.counter, event.sender.branch_number), (Some(1), Some(1)));
            assert_eq!(event.details.timestamp.unwrap().to_rfc3339(), "2017-08-09T16:07:33.964+02:00");
        )*};
    }
    session_only! {
        on_start_session "startSession"
        on_pause_session "pauseSession"
        on_resume_session "resumeSession"
        on_start_payment "startPayment"
        on_cancel_payment "cancelPayment"
        on_complete_session "completeSession"
        on_cancel_session "cancelSession"
        on_credit_session "creditSession"
    }
}

#[tokio::test]
async fn a_session_is_read_with_everything_that_is_known_of_it() {
    let session = format!(
        r#""session":{{"sessionId":"s","lines":[{LINE}],"table":{{"number":"12","subNumber":2}},"relation":{{"relationNumber":7}},
            "openAmount":"1.00","totalInclAmount":2.50,"totalExclAmount":2.29,"invoice":{{"number":3}}}}"#
    );
    let payments = r#""completeSession":{"payments":[{"amount":2.5,"method":"CASH","cardNumber":12345,"reference":"r"}]}"#;
    let event = given!(on_complete_session, "completeSession", &session, payments);
    let (session, payments) = (event.payload.session, event.payload.payments);
    assert_eq!((session.open_amount, session.total_incl_amount), (euros("1.00"), euros("2.50")));
    assert_eq!(session.table.unwrap().number, Some(12));
    assert_eq!(session.relation.unwrap().relation_number, Some(7));
    assert_eq!(session.lines[0].price_incl, euros("2.50"));
    assert_eq!(session.extra.get("invoice").unwrap().as_str(), r#"{"number":3}"#);
    assert_eq!((payments[0].amount, payments[0].method.as_deref()), (euros("2.5"), Some("CASH")));
    assert_eq!(payments[0].card_number.as_ref().unwrap().as_str(), "12345");
}

#[tokio::test]
async fn a_line_is_read_with_and_without_its_wrapper_and_in_every_spelling_of_its_numbers() {
    let spelled = LINE
        .replace(":1,", r#":"1","#)
        .replace("2.50", r#""2.50""#)
        .replace("Coffee\"", "Coffee\",\"news\":[1]");
    for line in [LINE, &spelled] {
        for details in [format!(r#"{{"line":{line}}}"#), line.to_owned()] {
            macro_rules! line_event {
                ($($setter:ident $name:literal)*) => {$(
                    let event = given!($setter, $name, SESSION, &format!("\"{}\":{details}", $name));
                    let read = event.payload.line;
                    assert_eq!(read.line_id.as_deref(), Some("c686f63d-46a7-498e-b421-c72e5cb7136b"));
                    assert_eq!((read.article_number, read.price_incl), (Some(1), euros("2.50")));
                    assert_eq!((read.quantity, read.text.as_deref()), (euros("1"), Some("Coffee")));
                    assert_eq!(read.extra.get("news").is_some(), line != LINE, "unknown fields are kept");
                )*};
            }
            line_event! {
                on_add_session_line "addSessionLine"
                on_update_session_line "updateSessionLine"
                on_remove_session_line "removeSessionLine"
            }
        }
    }
}

#[tokio::test]
async fn a_line_keeps_its_discounts_and_what_it_is_made_of() {
    let line = r#""addSessionLine":{"line":{"lineId":"l","articleNumber":null,"discountPercentage":10,
        "externalDiscount":{"discountId":"d","discountDescription":"Voucher","discountPercentage":100,"webhookConsumerId":"w"},
        "preparationMethods":[{"lineId":"p","text":"Oat milk","priceIncl":0.5}],"componentArticles":[{"lineId":"c"}]}}"#;
    let line = given!(on_add_session_line, "addSessionLine", SESSION, line).payload.line;
    let discount = line.external_discount.unwrap();
    assert_eq!((discount.discount_id.as_deref(), discount.discount_percentage), (Some("d"), euros("100")));
    assert_eq!(discount.webhook_consumer_id.as_deref(), Some("w"));
    assert_eq!((line.article_number, line.discount_percentage), (None, euros("10")));
    assert_eq!(line.preparation_methods[0].price_incl, euros("0.5"));
    assert_eq!(line.component_articles[0].line_id.as_deref(), Some("c"));
}

#[tokio::test]
async fn removing_the_last_line_leaves_a_session_without_lines_or_none_at_all() {
    let removed = format!(r#""removeSessionLine":{{"line":{LINE}}}"#);
    let event = given!(on_remove_session_line, "removeSessionLine", SESSION, &removed);
    assert!(event.payload.session.unwrap().lines.is_empty());
    assert_eq!(given!(on_remove_session_line, "removeSessionLine", &removed).payload.session, None);
}

#[tokio::test]
async fn a_scanned_code_is_typed_and_an_unknown_type_kept() {
    for (text, expected) in [
        ("barcode", CodeType::Barcode),
        ("rfid", CodeType::Rfid),
        ("qrcode", CodeType::QrCode),
        ("nfc", CodeType::Unknown("nfc".to_owned())),
    ] {
        let scan = format!(r#""scanCode":{{"scannedCode":"2512345678901","codeType":"{text}"}}"#);
        let event = given!(on_scan_code, "scanCode", SESSION, &scan);
        assert_eq!(
            (event.payload.scanned_code.as_str(), event.payload.code_type),
            ("2512345678901", Some(expected))
        );
    }
    // The online handheld has no session, and a number is a code too.
    let event = given!(on_scan_code, "scanCode", r#""scanCode":{"scannedCode":2512345678901}"#);
    assert_eq!((event.payload.scanned_code.as_str(), event.payload.session), ("2512345678901", None));
}

#[tokio::test]
async fn a_relation_is_selected_and_deselected_in_every_documented_way() {
    let selected = [
        r#""selectRelation":{"relation":{"relationNumber":12,"name":"J. Smith","city":"Utrecht"}}"#,
        r#""selectRelation":{"relationNumber":"12","name":"J. Smith","city":"Utrecht"}"#,
    ];
    for fields in selected {
        let relation =
            given!(on_select_relation, "selectRelation", SESSION, fields).payload.relation.unwrap();
        assert_eq!((relation.relation_number, relation.name.as_deref()), (Some(12), Some("J. Smith")));
        assert_eq!(relation.extra.get("city").unwrap().as_str(), r#""Utrecht""#);
    }
    for fields in [r#""selectRelation":null"#, r#""selectRelation":{"relation":null}"#] {
        assert_eq!(given!(on_select_relation, "selectRelation", SESSION, fields).payload.relation, None);
    }
    let missing =
        send(Handlers::new(), "selectRelation", &format!("{{{HEAD},{SESSION}}}")).await.unwrap_err();
    assert!(matches!(missing, TillError::Refused { code: ErrorCode::NoEventDetails, .. }), "{missing:?}");
}

#[tokio::test]
async fn merging_pressing_a_button_and_printing_a_bill_are_typed() {
    let merge = r#""mergeSession":{"mergeWithSessionId":"0d9fd51f-66fc-441c-bc7c-6e064fc64268"}"#;
    let merged = given!(on_merge_session, "mergeSession", SESSION, merge);
    assert_eq!(merged.payload.merge_with_session_id, "0d9fd51f-66fc-441c-bc7c-6e064fc64268");

    let action = r#""customAction":{"customActionId":"A_CUSTOM_ACTION_ID","buttonCaption":"Go","numpadValue":"12.5","longClick":true}"#;
    let pressed = given!(on_custom_action, "customAction", SESSION, action).payload;
    assert_eq!(
        (pressed.custom_action_id.as_str(), pressed.numpad_value),
        ("A_CUSTOM_ACTION_ID", euros("12.5"))
    );
    assert_eq!((pressed.long_click, pressed.on_startup), (Some(true), None));

    let bill =
        given!(on_print_bill, "printBill", SESSION, r#""printBill":{"payments":[{"amount":1}]}"#).payload;
    assert_eq!(bill.previous_payments.unwrap().as_str(), r#"{"payments":[{"amount":1}]}"#);
}

#[tokio::test]
async fn the_kitchens_courses_are_typed_for_tables_and_the_counter() {
    const COURSE: &str = r#""course":{"courseNumber":1,"name":"First","abbreviation":"F","sequenceNumber":"1","expectedPreparationTime":60,"actualPreparationTime":58}"#;
    const TABLE: &str = r#""tableOrder":{"orderId":"o","year":2018,"number":85214},"table":{"number":12,"subNumber":2,"tableName":"J. Smith","numberOfGuests":1}"#;
    const COUNTER: &str = r#""cafeteriaOrder":{"orderId":"c","year":2018,"number":6540,"ticketNumber":40}"#;
    macro_rules! course_events {
        ($($setter:ident $name:literal)*) => {$(
            let event = given!($setter, $name, TABLE, COURSE).payload;
            assert_eq!((event.course.course_number, event.course.sequence_number), (Some(1), Some(1)), $name);
            assert_eq!(event.course.actual_preparation_time, euros("58"));
            assert_eq!(event.table_order.unwrap().number, Some(85214));
            assert_eq!(event.table.unwrap().table_name.as_deref(), Some("J. Smith"));
            let event = given!($setter, $name, COUNTER, COURSE).payload;
            assert_eq!(event.cafeteria_order.unwrap().ticket_number, Some(40));
        )*};
    }
    course_events! {
        on_kitchen_start_course "kitchenStartCourse"
        on_kitchen_complete_course "kitchenCompleteCourse"
        on_kitchen_serve_course "kitchenServeCourse"
    }
}

#[tokio::test]
async fn a_background_poll_carries_the_tills_instance_and_nothing_else() {
    let body = r#"{"event":{"eventBlocking":true,"eventPolling":true,"eventCounter":1},
        "sender":{"branchNumber":"1","workplaceNumber":1,"employeeNumber":3,"instanceId":"72f0c885-0ff1-40b6-afca-4ca949e426ad"}}"#;
    let event = given!(on_background_poll, "backgroundPoll", whole body);
    assert!(event.details.polling && event.details.blocking);
    assert_eq!(event.sender.instance_id.as_deref(), Some("72f0c885-0ff1-40b6-afca-4ca949e426ad"));
    assert_eq!(event.sender.employee_number, Some(3));
}

#[tokio::test]
async fn the_four_payment_events_reach_a_host_that_answers_them_itself() {
    const PAYMENT: &str = r#""externalPayment":{"externalPaymentId":"67d8b45a-37bd-4885-b41a-ffb285720654","amount":2.7,"method":"K_WEBHOOK"}"#;
    macro_rules! payment_events {
        ($($setter:ident $name:literal)*) => {$(
            let payment = given!($setter, $name, PAYMENT).payload.external_payment;
            assert_eq!(payment.external_payment_id, "67d8b45a-37bd-4885-b41a-ffb285720654", $name);
            assert_eq!((payment.amount, payment.method.as_deref()), (euros("2.7"), Some("K_WEBHOOK")));
        )*};
    }
    payment_events! {
        on_start_external_payment "startExternalPayment"
        on_poll_external_payment "pollExternalPayment"
        on_request_cancel_external_payment "requestCancelExternalPayment"
        on_cancel_external_payment "cancelExternalPayment"
    }
}

#[tokio::test]
async fn the_answers_to_a_dialog_and_a_form_come_with_the_event() {
    let answers = r#""dialog":{"selectedDialogOptionIds":[1,"2"],"dialogId":"7"},
        "form":{"id":"f","fields":[{"id":"mail","type":"EMAIL","value":"a@b.nl"},{"id":"day","selected":["mon","tue"]}]},
        "openUrl":{"redirectUrl":"https://example.com"}"#;
    let event = given!(on_start_payment, "startPayment", SESSION, answers).answers;
    let (dialog, form) = (event.dialog.unwrap(), event.form.unwrap());
    assert_eq!((dialog.selected_option_ids, dialog.dialog_id.as_deref()), (vec![1, 2], Some("7")));
    assert_eq!(form.fields[0].value.as_deref(), Some("a@b.nl"));
    assert_eq!(form.fields[1].selected, ["mon", "tue"]);
    assert!(event.open_url.unwrap().as_str().contains("redirectUrl"));
}
