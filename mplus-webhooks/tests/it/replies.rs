//! The objects of a reply, as the vendor's pages and release notes spell them.

use mplus_webhooks::Handlers;
use mplus_webhooks::event::EventName;
use mplus_webhooks::reply::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Host, till};

/// What the till gets from these handlers.
async fn reply(handlers: Handlers, name: EventName, own: Value) -> Value {
    let host = Host::with(|builder| builder.handler(handlers));
    let reply = till(1).send(&host.orchestrator, &name, own).await.unwrap();
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test]
async fn a_form_has_separators_labels_calendars_and_options_that_cannot_be_chosen() {
    let handlers = Handlers::new().on_custom_action(|_| async {
        let opening = FormWeekday::new(true).from_hour(9).from_minute(30).through_hour(17).through_minute(0);
        let date = FormField::new("day", FormFieldType::Date, "Which day?", true).calendar(
            FormCalendar::new()
                .future_only(true)
                .latest_date("2026-12-31")
                .sunday(FormWeekday::new(false))
                .monday(opening),
        );
        let options = vec![
            FormOption::new("1", "10:00").disabled(true),
            FormOption::new("2", "11:00").article_number(235),
        ];
        let slot = FormField::new("slot", FormFieldType::Select, "When?", true)
            .select(FormSelect::new(false, options));
        let label = FormField::new("note", FormFieldType::Label, "Children pay half", false)
            .separator(FormSeparator::Above);
        let own = FormField::new("x", FormFieldType::Other("SIGNATURE".to_owned()), "Sign", false)
            .separator(FormSeparator::Below);
        Ok(CustomActionReply::acknowledge().form(Form::new(
            "book",
            "Book a tour",
            vec![date, slot, label, own],
        )))
    });
    let expected = json!({ "form": { "id": "book", "title": "Book a tour", "fields": [
        { "id": "day", "type": "date", "label": "Which day?", "required": true, "calendar": {
            "futureOnly": true, "latestDate": "2026-12-31", "sunday": { "available": false },
            "monday": { "available": true, "fromHour": 9, "fromMinute": 30, "throughHour": 17, "throughMinute": 0 } } },
        { "id": "slot", "type": "select", "label": "When?", "required": true, "select": { "multiple": false, "options": [
            { "id": "1", "label": "10:00", "disabled": true }, { "id": "2", "label": "11:00", "articleNumber": 235 }] } },
        { "id": "note", "type": "label", "label": "Children pay half", "required": false, "separator": "above" },
        { "id": "x", "type": "SIGNATURE", "label": "Sign", "required": false, "separator": "below" },
    ] } });
    let own = json!({ "customAction": { "customActionId": "BOOK" } });
    assert_eq!(reply(handlers, EventName::CustomAction, own).await, expected);
}

#[tokio::test]
async fn a_dialog_has_images_and_options_that_cannot_be_chosen() {
    let handlers = Handlers::new().on_start_payment(|_| async {
        let options =
            vec![DialogOption::new(1, "10:00").disabled(true), DialogOption::new(2, "11:00").image("clock")];
        Ok(StartPaymentReply::acknowledge().dialog(Dialog::new("When?", true, false, options)))
    });
    let expected = json!({ "dialog": { "dialogTitle": "When?", "required": true, "allowMultipleOptions": false, "dialogOptions": [
        { "optionId": 1, "optionName": "10:00", "disabled": true }, { "optionId": 2, "optionName": "11:00", "image": "clock" }] } });
    let own = json!({ "session": { "sessionId": "s" } });
    assert_eq!(reply(handlers, EventName::StartPayment, own).await, expected);
}

#[tokio::test]
async fn a_receipt_ends_with_a_text_and_a_code() {
    let handlers = Handlers::new().on_complete_session(|_| async {
        let footer =
            Footer::new("line1\nline2\nline3").barcode(Barcode::new(BarcodeType::Code128, "8712345678901"));
        Ok(CompleteSessionReply::acknowledge().receipt_footer(footer))
    });
    let expected = json!({ "receiptFooter": {
        "text": "line1\nline2\nline3", "barcode": { "codeType": "code128", "code": "8712345678901" } } });
    let own = json!({ "session": { "sessionId": "s" } });
    assert_eq!(reply(handlers, EventName::CompleteSession, own).await, expected);
}

#[tokio::test]
async fn a_card_that_was_read_elsewhere_is_handed_over_with_its_balance() {
    let handlers = Handlers::new().on_background_poll(|_| async {
        let card = CardScan::new("2512345")
            .card_description("Gift card")
            .card_balance(Decimal::new(2490, 2))
            .card_expiration("2019-10-31")
            .card_blocked(false);
        Ok(BackgroundPollReply::acknowledge().card_scan(card))
    });
    let got = reply(handlers, EventName::BackgroundPoll, json!({})).await;
    let card = &got["externalCardScan"];
    assert_eq!(card["cardBalance"].as_f64(), Some(24.9));
    assert_eq!((&card["cardExpiration"], &card["cardBlocked"]), (&json!("2019-10-31"), &json!(false)));
    assert_eq!((&card["cardIdentifier"], &card["cardDescription"]), (&json!("2512345"), &json!("Gift card")));
}
