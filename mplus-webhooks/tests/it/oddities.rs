//! A body that is odd somewhere beside the point: the event is kept, its essentials stay, the oddity is told.
//!
//! What is essential, and what every event looks like, stands here in the test's own words, from the vendor's pages.

use std::sync::Arc;

use mplus_webhooks::event::{AnyEvent, EventName, Oddity, OddityKind};
use mplus_webhooks::{ErrorCode, Refusal, Subscription};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Host, SUBSCRIPTION, merchant, secret, till};

fn read(name: &str, body: impl Into<bytes::Bytes>) -> Result<AnyEvent, Refusal> {
    let subscription = Arc::new(Subscription::new(SUBSCRIPTION, merchant(), secret()));
    AnyEvent::from_kept(&EventName::from_wire(name), body.into(), subscription)
}

/// The event as JSON, and what was odd.
fn told(name: &str, body: &str) -> (Value, Vec<(String, OddityKind)>) {
    let event = read(name, body.to_owned()).map_err(|refusal| format!("{refusal}: {body}")).unwrap();
    let oddities = event.oddities().iter().map(|oddity| (oddity.path.clone(), oddity.what)).collect();
    (serde_json::to_value(&event).unwrap()[name].clone(), oddities)
}

fn session() -> Value {
    json!({
        "sessionId": "5eea25d4", "totalInclAmount": 12.5, "openAmount": 0.5, "totalExclAmount": 10.33,
        "table": { "number": 12, "subNumber": 2, "tableName": "J. Smith", "numberOfGuests": 4 },
        "relation": { "relationNumber": 7, "name": "J. Smith", "cardNumber": "25123" },
        "payments": [{ "amount": 12.5, "method": "PIN", "description": "Pin", "paymentId": "p" }],
        "lines": [
            { "lineId": "a", "articleNumber": 1, "priceIncl": 2.5, "quantity": 1, "text": "Coffee",
              "externalDiscount": { "discountId": "d", "discountDescription": "Voucher", "discountPercentage": 10,
                                    "discountAmount": 1, "discountType": "v", "webhookConsumerId": "w" },
              "preparationMethods": [{ "lineId": "a1", "text": "Oat milk" }] },
            { "lineId": "b", "articleNumber": 2, "priceIncl": 10, "quantity": 1, "text": "Lunch",
              "discountPercentage": 5, "discountAmount": 1, "componentArticles": [{ "lineId": "b1", "priceIncl": 1 }] },
        ],
    })
}

/// Every event, with what the pages show of it and nothing that is unknown.
fn bodies() -> Vec<(EventName, Value)> {
    let line = json!({ "lineId": "c", "articleNumber": 3, "priceIncl": 1.5, "quantity": 2, "text": "Tea" });
    let payment = json!({ "externalPaymentId": "67d8b45a", "amount": 2.7, "method": "K_WEBHOOK" });
    let kitchen = json!({
        "tableOrder": { "orderId": "o", "year": 2018, "number": 85214 },
        "cafeteriaOrder": { "orderId": "c", "year": 2018, "number": 6540, "ticketNumber": 40 },
        "table": { "number": 12, "subNumber": 2, "tableName": "J. Smith", "numberOfGuests": 1 },
        "course": { "courseNumber": 1, "name": "First", "abbreviation": "F", "sequenceNumber": 1,
                    "expectedPreparationTime": 60, "actualPreparationTime": 58 },
    });
    let with = |own: Value| {
        let mut body = json!({
            "event": { "eventBlocking": true, "eventPolling": false, "eventCounter": 1,
                       "eventTimestamp": "2017-08-09T16:07:33.964+02:00" },
            "sender": { "branchNumber": 1, "workplaceNumber": 2, "employeeNumber": 4, "instanceId": "72f0c885" },
            "dialog": { "selectedDialogOptionIds": [1], "dialogId": "7" },
            "form": { "id": "f", "fields": [{ "id": "mail", "value": "a@b.nl", "selected": ["x"] }] },
        });
        let fields = body.as_object_mut().unwrap();
        fields.extend(own.as_object().unwrap().clone());
        body
    };
    let of_session = |own: Value| {
        let mut own = own;
        own["session"] = session();
        with(own)
    };
    EventName::ALL
        .iter()
        .map(|name| {
            let body = match name.as_str() {
                "scanCode" => of_session(json!({ "scanCode": { "scannedCode": "25123", "codeType": "barcode" } })),
                "addSessionLine" => of_session(json!({ "addSessionLine": { "line": line } })),
                "updateSessionLine" => of_session(json!({ "updateSessionLine": line })),
                "removeSessionLine" => of_session(json!({ "removeSessionLine": { "line": line } })),
                "mergeSession" => of_session(json!({ "mergeSession": { "mergeWithSessionId": "0d9fd51f" } })),
                "selectRelation" => of_session(json!({ "selectRelation": { "relation": { "relationNumber": 9, "name": "N" } } })),
                "completeSession" => of_session(json!({ "completeSession": { "payments": [{ "amount": 12.5, "method": "PIN" }] } })),
                "customAction" => of_session(json!({ "customAction": {
                    "customActionId": "GO", "buttonCaption": "Go", "longClick": true, "onStartup": false, "numpadValue": 12 } })),
                "kitchenStartCourse" | "kitchenCompleteCourse" | "kitchenServeCourse" => with(kitchen.clone()),
                "backgroundPoll" => with(json!({})),
                payments if payments.ends_with("ExternalPayment") => of_session(json!({ "externalPayment": payment })),
                _ => of_session(json!({})),
            };
            (name.clone(), body)
        })
        .collect()
}

/// Where the event would be another one, or none, if this were not as it is.
fn decides(name: &EventName, path: &str) -> bool {
    let own = ["/session", "/session/sessionId"];
    let deciding: &[&str] = match name.as_str() {
        "scanCode" => &["/scanCode", "/scanCode/scannedCode"],
        "addSessionLine" => &["/addSessionLine", "/addSessionLine/line"],
        "updateSessionLine" => &["/updateSessionLine"],
        "removeSessionLine" => &["/removeSessionLine", "/removeSessionLine/line"],
        "mergeSession" => {
            &["/mergeSession", "/mergeSession/mergeWithSessionId", "/session", "/session/sessionId"]
        }
        "selectRelation" => &["/selectRelation", "/selectRelation/relation"],
        "customAction" => &["/customAction", "/customAction/customActionId"],
        "kitchenStartCourse" | "kitchenCompleteCourse" | "kitchenServeCourse" => &["/course"],
        "startExternalPayment" => &[
            "/externalPayment",
            "/externalPayment/externalPaymentId",
            "/externalPayment/amount",
            "/externalPayment/method",
        ],
        "backgroundPoll" | "printBill" => &[],
        payments if payments.ends_with("ExternalPayment") => {
            &["/externalPayment", "/externalPayment/externalPaymentId"]
        }
        _ => &own,
    };
    deciding.contains(&path)
}

/// Every place in a body: `/session/lines/0/text`.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut visit = |name: &str, value: &Value| {
        let path = format!("{at}/{name}");
        places(value, &path, found);
        found.push(path);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| visit(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| visit(&index.to_string(), value))
        }
        _ => {}
    }
}

/// What may stand in the place of a value. No field takes any of these as it is.
const ODD: &[&str] = &[
    r#"{"unknown":{"deeply":[{"nested":[1,2,3]}]}}"#,
    "[[1],[2]]",
    "NaN",
    "-Infinity",
    "1e999",
    "99999999999999999999999999999999999999999999999999999999999999999999999",
    r#""NaN \u0000""#,
    r#""12,50 \ud83c""#,
    "12,50",
    r#""a\qb""#,
    "\"a\u{1}b\"",
];

fn put(body: &Value, path: &str, odd: &str) -> String {
    let mut body = body.clone();
    *body.pointer_mut(path).unwrap() = json!("@odd@");
    body.to_string().replace("\"@odd@\"", odd)
}

/// The path as the library tells it.
fn spoken(path: &str) -> String {
    path.trim_start_matches('/').split('/').fold(String::new(), |spoken, step| {
        match (step.parse::<usize>(), spoken.is_empty()) {
            (Ok(index), _) => format!("{spoken}[{index}]"),
            (Err(_), true) => step.to_owned(),
            (Err(_), false) => format!("{spoken}.{step}"),
        }
    })
}

/// What must stay whatever happens to `path`: the places in the event as JSON, with their values.
fn essentials(name: &EventName, path: &str) -> Vec<(&'static str, Value)> {
    let of_session = [
        ("/payload/session/sessionId", json!("5eea25d4")),
        ("/payload/session/totalInclAmount", json!("12.5")),
        ("/payload/session/lines/0/priceIncl", json!("2.5")),
        ("/payload/session/lines/0/text", json!("Coffee")),
        ("/payload/session/lines/1/lineId", json!("b")),
        ("/payload/session/lines/1/articleNumber", json!(2)),
        ("/payload/session/relation/relationNumber", json!(7)),
        ("/payload/externalPayment/externalPaymentId", json!("67d8b45a")),
        ("/payload/externalPayment/amount", json!("2.7")),
        ("/payload/scannedCode", json!("25123")),
        ("/payload/customActionId", json!("GO")),
        ("/payload/mergeWithSessionId", json!("0d9fd51f")),
        ("/payload/line/priceIncl", json!("1.5")),
        ("/payload/course/courseNumber", json!(1)),
        ("/sender/branchNumber", json!(1)),
        ("/details/counter", json!(1)),
    ];
    // A field of the event's own object stands directly in the payload.
    let own = format!("/{}", name.as_str());
    let moved = path
        .replace("/event/eventCounter", "/details/counter")
        .replace(&format!("{own}/line"), "/line")
        .replace(&own, if name.as_str() == "updateSessionLine" { "/line" } else { "" });
    let in_payload = format!("/payload{moved}");
    let touched = move |place: &str| {
        let within = |outer: &str| place == outer || place.starts_with(&format!("{outer}/"));
        within(&in_payload) || within(&moved) || (path == "/event" && place.starts_with("/details"))
    };
    // A value of a list that cannot be read moves those behind it.
    let moves = |place: &str| {
        let list = path.rsplit_once('/').filter(|(_, last)| last.parse::<usize>().is_ok());
        list.is_some_and(|(list, _)| place.starts_with(&format!("/payload{list}/")))
    };
    of_session.into_iter().filter(|(place, _)| !touched(place) && !moves(place)).collect()
}

#[test]
fn whatever_is_odd_beside_the_point_costs_neither_the_event_nor_its_essentials() {
    let mut tried = 0;
    for (name, body) in bodies() {
        let whole = told(name.as_str(), &body.to_string());
        assert_eq!(whole.1, [], "{name:?} is odd as the vendor shows it");
        let mut all = Vec::new();
        places(&body, "", &mut all);
        for path in all.iter().filter(|path| !decides(&name, path)) {
            for odd in ODD {
                // A number's digits are a text, too, and in a list a comma is one.
                let text = odd.ends_with('9') && body.pointer(path).is_some_and(Value::is_string);
                let item = *odd == "12,50" && path.ends_with(char::is_numeric);
                // What is not known of an object is kept, and nothing odd.
                let unknown = odd.starts_with('{') && body.pointer(path).is_some_and(Value::is_object);
                if text || item || unknown {
                    continue;
                }
                let sent = put(&body, path, odd);
                let (event, oddities) = told(name.as_str(), &sent);
                for (place, value) in essentials(&name, path) {
                    if whole.0.pointer(place).is_some() {
                        assert_eq!(event.pointer(place), Some(&value), "{place} of {sent}");
                    }
                }
                let at = spoken(path);
                let near = |told: &str| told.is_empty() || told.starts_with(&at);
                assert!(oddities.iter().any(|(path, _)| near(path)), "{at} of {name:?}, {odd}: {oddities:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 9_000, "{tried}");
}

#[test]
fn what_an_event_is_for_is_never_guessed() {
    for (name, body) in bodies() {
        let mut all = Vec::new();
        places(&body, "", &mut all);
        for path in all.iter().filter(|path| decides(&name, path)) {
            for odd in ["[[1],[2]]", r#""a\u0000b""#] {
                let read = read(name.as_str(), put(&body, path, odd));
                // A text is what a method or a code may be; a sale without a readable id is a sale still.
                let taken = match (path.as_str(), odd) {
                    ("/session/sessionId", odd) => odd.starts_with('['),
                    ("/externalPayment/method" | "/scanCode/scannedCode", odd) => odd.starts_with('"'),
                    _ => false,
                };
                assert_eq!(read.is_ok(), taken, "{path} of {name:?} with {odd}: {read:?}");
            }
        }
    }
}

#[test]
fn a_field_that_stands_twice_is_one_when_it_says_the_same_and_none_when_it_does_not() {
    for (name, body) in bodies() {
        let mut all = Vec::new();
        places(&body, "", &mut all);
        for path in all {
            let (parent, field) = path.rsplit_once('/').unwrap();
            let value = body.pointer(&path).unwrap();
            if body.pointer(parent).is_none_or(Value::is_array) {
                continue;
            }
            let twice = |other: &str| put(&body, &path, &format!("{value},\"{field}\":{other}"));
            let (event, oddities) = told(name.as_str(), &twice(&value.to_string()));
            assert_eq!((event, oddities), told(name.as_str(), &body.to_string()), "{path} of {name:?}");
            match read(name.as_str(), twice(r#""something else""#)) {
                Ok(event) => {
                    assert!(!decides(&name, &path), "{path} of {name:?} was taken: {event:?}");
                    let first = event.oddities().first().unwrap();
                    assert_eq!(
                        (first.path.as_str(), first.what),
                        (spoken(&path).as_str(), OddityKind::Twice)
                    );
                }
                Err(refusal) => {
                    assert!(decides(&name, &path), "{path} of {name:?}: {refusal}");
                    assert_eq!(refusal.code, ErrorCode::InvalidData, "{path} of {name:?}");
                }
            }
        }
    }
}

const HEAD: &str = r#""event":{"eventBlocking":true,"eventCounter":1,"eventTimestamp":"2017-08-09T16:07:33.964+02:00"},
    "sender":{"branchNumber":1,"workplaceNumber":2}"#;

/// One field of a sale, what it is sent as, what is read, and what is told.
#[test]
fn every_spelling_of_a_detail_is_read_or_told_and_never_refused() {
    use OddityKind::*;
    let cases: &[(&str, &str, Value, Option<OddityKind>)] = &[
        ("totalInclAmount", r#""12.50""#, json!("12.50"), None),
        ("totalInclAmount", r#""12,50""#, Value::Null, Some(NotNumber)),
        ("totalInclAmount", "12,50", Value::Null, Some(BareWord)),
        ("totalInclAmount", "12.299999999999999", json!("12.3"), Some(Noise)),
        ("totalInclAmount", "-0.02", json!("-0.02"), None),
        ("totalInclAmount", "1.25e1", json!("12.5"), None),
        ("totalInclAmount", r#""""#, Value::Null, Some(Empty)),
        ("totalInclAmount", "null", Value::Null, None),
        ("totalInclAmount", "true", Value::Null, Some(NotNumber)),
        ("totalInclAmount", "[12.5]", Value::Null, Some(NotNumber)),
        ("sessionId", r#""""#, Value::Null, Some(Empty)),
        ("sessionId", "17", json!("17"), None),
        ("sessionId", "null", Value::Null, Some(Missing)),
        ("sessionId", "{}", Value::Null, Some(NotText)),
        ("table/number", r#""12A""#, Value::Null, Some(NotWhole)),
        ("table/number", r#""12""#, json!(12), None),
        ("table/number", "12.0", json!(12), None),
        ("table/number", "12.5", Value::Null, Some(NotWhole)),
        ("table", "[]", Value::Null, Some(Empty)),
        ("table/number", "1e30", Value::Null, Some(NotWhole)),
        ("relation", "{}", Value::Null, Some(Empty)),
        ("relation/relationNumber", "null", Value::Null, Some(Missing)),
        (
            "relation",
            r#"[{"relationNumber":7}]"#,
            json!({ "relationNumber": 7, "name": null, "cardNumber": null, "extra": {} }),
            Some(ListForOne),
        ),
        ("lines", "null", json!([]), None),
        ("lines", "[]", json!([]), None),
        ("lines", r#""""#, json!([]), Some(Empty)),
        ("lines", "{}", json!([]), Some(Empty)),
        ("lines", "7", json!([]), Some(NotList)),
        ("lines", "[null]", json!([]), Some(Empty)),
        ("lines", r#"[7,"x"]"#, json!([]), Some(NotObject)),
        ("payments", "null", json!([]), None),
    ];
    for (field, sent, read, what) in cases {
        let (outer, inner) = field.split_once('/').unwrap_or((field, ""));
        let value = if inner.is_empty() { (*sent).to_owned() } else { format!("{{\"{inner}\":{sent}}}") };
        let id = if outer == "sessionId" { "" } else { r#""sessionId":"s","# };
        let body = format!(r#"{{{HEAD},"session":{{{id}"{outer}":{value}}}}}"#);
        let (event, oddities) = told("completeSession", &body);
        assert_eq!(
            event.pointer(&format!("/payload/session/{field}")).unwrap_or(&Value::Null),
            read,
            "{body}"
        );
        assert_eq!(oddities.first().map(|(_, what)| *what), *what, "{body}");
    }
}

#[test]
fn a_part_that_cannot_be_read_keeps_its_text_where_it_stood() {
    let body = format!(
        r#"{{{HEAD},"session":{{"sessionId":"s","table":{{"number":"12A"}},"totalInclAmount":"12,50"}}}}"#
    );
    let AnyEvent::CompleteSession(event) = read("completeSession", body.clone()).unwrap() else { panic!() };
    let session = &event.payload.session;
    assert_eq!(session.table.as_ref().unwrap().extra.get("number").unwrap().as_str(), r#""12A""#);
    assert_eq!(session.extra.get("totalInclAmount").unwrap().as_str(), r#""12,50""#);
    assert_eq!(event.raw(), body.as_bytes());
    let shown: Vec<String> = event.oddities().iter().map(Oddity::to_string).collect();
    assert_eq!(
        shown,
        ["`session.table.number` is not a whole number", "`session.totalInclAmount` is not a number"]
    );
    assert_eq!(event.oddities()[1].raw, r#""12,50""#);
}

#[test]
fn a_line_is_kept_whatever_of_it_is_missing() {
    let line = r#"{"text":"Geen uien"},{"lineId":"q","externalDiscount":{"discountPercentage":10}},{"lineId":"q","text":"Thee","text":"Thee"}"#;
    let body = format!(r#"{{{HEAD},"session":{{"sessionId":"s","lines":[{line}]}}}}"#);
    let (event, oddities) = told("completeSession", &body);
    let lines = event.pointer("/payload/session/lines").unwrap();
    assert_eq!((&lines[0]["text"], &lines[0]["lineId"]), (&json!("Geen uien"), &Value::Null));
    assert_eq!(lines[1]["externalDiscount"]["discountPercentage"], json!("10"));
    assert_eq!(lines[2]["text"], json!("Thee"));
    let expected = ["session.lines[0].lineId", "session.lines[1].externalDiscount.discountId"];
    assert_eq!(oddities, expected.map(|path| (path.to_owned(), OddityKind::Missing)));
}

#[test]
fn the_vendors_own_samples_with_their_slips_are_read() {
    // The polling page: `eventBlocking` twice, and a comma at the end of `sender`.
    let polling = r#"{"event":{"eventBlocking":true,"eventBlocking":true,"eventCounter":1,"eventTimestamp":"2017-08-09T16:07:33.964+02:00"},
        "sender":{"branchNumber":1,"workplaceNumber":1,"employeeNumber":1,},"session":{"sessionId":"s"},
        "addSessionLine":{"lineId":"l","articleNumber":1,"priceIncl":2.5,"quantity":1,"text":"Coffee"}}"#;
    let (event, oddities) = told("addSessionLine", polling);
    assert_eq!(
        (&event["payload"]["line"]["text"], &event["details"]["blocking"]),
        (&json!("Coffee"), &json!(true))
    );
    assert_eq!(oddities, [(String::new(), OddityKind::StrayComma)]);
}

#[test]
fn a_time_without_an_offset_is_no_instant_but_what_the_clock_showed() {
    let body = r#"{"event":{"eventTimestamp":"2026-03-29T02:30:00.000"},"sender":{"branchNumber":1,"workplaceNumber":2},
        "session":{"sessionId":"s"}}"#;
    let (event, oddities) = told("completeSession", body);
    assert_eq!(
        (&event["details"]["timestamp"], &event["details"]["localTime"]),
        (&Value::Null, &json!("2026-03-29T02:30:00"))
    );
    assert_eq!(oddities, [("event.eventTimestamp".to_owned(), OddityKind::NoOffset)]);
}

#[test]
fn the_online_handheld_pays_without_a_session() {
    let payment =
        r#""externalPayment":{"externalPaymentId":"p","amount":12.299999999999999,"method":"K_WEBHOOK"}"#;
    for session in ["", r#""session":{},"#, r#""session":null,"#] {
        let (event, oddities) = told("startExternalPayment", &format!("{{{HEAD},{session}{payment}}}"));
        assert_eq!(
            (&event["payload"]["session"], &event["payload"]["externalPayment"]["amount"]),
            (&Value::Null, &json!("12.3"))
        );
        assert_eq!(oddities, [("externalPayment.amount".to_owned(), OddityKind::Noise)]);
    }
    let body = format!(r#"{{{HEAD},"externalPayment":{{"externalPaymentId":"p","amount":-12.50}}}}"#);
    assert_eq!(
        told("startExternalPayment", &body).0["payload"]["externalPayment"]["amount"],
        json!("-12.50")
    );
    for unreadable in
        [r#""12,50""#, "12,50", "NaN", "\"\"", "true", "1e999", "1,\"amount\":2", r#"{"value":1}"#]
    {
        let body =
            format!(r#"{{{HEAD},"externalPayment":{{"externalPaymentId":"p","amount":{unreadable}}}}}"#);
        let refusal = read("startExternalPayment", body).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidData, "{unreadable}");
        assert!(refusal.message.starts_with("`externalPayment.amount` "), "{refusal}");
    }
}

/// A hostile body costs time and memory in proportion to its length, and what is read of it is bounded.
#[test]
#[allow(clippy::disallowed_methods, reason = "what is measured here is real time")]
fn reading_is_bounded_in_every_direction() {
    let sale = |field: &str, value: &str| {
        format!(r#"{{{HEAD},"session":{{"sessionId":"s","totalInclAmount":2.5,"{field}":{value}}}}}"#)
    };
    let lines = |line: &str, count: usize| format!("[{}]", vec![line; count].join(","));
    let names: Vec<String> = (0..80_000).map(|number| format!("\"{number}\":1")).collect();
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let cases = [
        sale("lines", &lines("{}", 300_000)),
        sale("lines", &lines("7", 400_000)),
        sale("x", &format!("{{{}}}", names.join(","))),
        sale("table", &format!("{{{}}}", names.join(","))),
        sale("lines", &nested(r#"[{"componentArticles":"#, "}]", 20_000)),
        sale("x", &nested("[", "]", 400_000)),
        sale("x", &format!("\"{}\"", "é".repeat(400_000))),
        sale("table", &format!("{{\"tableName\":\"{}\"}}", "\\ud83c".repeat(100_000))),
        sale("x", &format!("[{}1]", " ,".repeat(400_000))),
        format!("{}{}", sale("x", "1"), " ;,\0".repeat(200_000)),
        sale("totalExclAmount", &"9".repeat(900_000)),
        sale(&"n".repeat(900_000), "[]"),
    ];
    for body in cases {
        let begun = std::time::Instant::now();
        let event = read("completeSession", body.clone()).unwrap();
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(10),
            "{:?}: {}",
            begun.elapsed(),
            &body[..200]
        );
        let AnyEvent::CompleteSession(event) = event else { panic!() };
        assert_eq!(event.payload.session.total_incl_amount, Some(Decimal::new(25, 1)));
        assert!(event.payload.session.lines.len() <= 10_000 && event.oddities().len() <= 32);
        assert!(
            event
                .oddities()
                .iter()
                .all(|oddity| oddity.raw.len() <= Oddity::MAX_RAW && oddity.path.len() < 1000)
        );
    }
}

#[test]
fn an_event_is_rebuilt_from_its_raw_body_and_shows_no_key() {
    for (name, body) in bodies() {
        let event = read(name.as_str(), body.to_string()).unwrap();
        assert_eq!(read(name.as_str(), event.raw().clone()).unwrap(), event);
        assert_eq!(event.name(), name);
        let shown = serde_json::to_value(&event).unwrap();
        assert_eq!(
            shown[name.as_str()]["origin"],
            json!({ "subscription": SUBSCRIPTION, "merchant": merchant() })
        );
    }
}

#[tokio::test]
async fn a_sale_that_comes_with_an_error_is_a_sale() {
    for error in [json!("printer offline"), json!({ "code": "X", "message": "printer offline" })] {
        for session in
            [json!({ "sessionId": "s", "totalInclAmount": 12.5 }), json!({ "totalInclAmount": 12.5 })]
        {
            let (host, till) = (Host::new(), till(1));
            let body = till.body(true, json!({ "session": session, "error": error }));
            let (_, oddities) = told("completeSession", std::str::from_utf8(&body).unwrap());
            assert!(oddities.contains(&("error".to_owned(), OddityKind::Complaint)), "{oddities:?}");
            let request = till.signed(&EventName::CompleteSession, body);
            assert_eq!(host.orchestrator.handle(request).await.status(), 200);
            let sales = host.transactions.all();
            assert_eq!((sales.len(), sales[0].0.total_incl), (1, Some(Decimal::new(125, 1))));
        }
    }
}
