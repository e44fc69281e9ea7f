//! Whatever arrives gets its documented error and changes nothing.

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use mplus_webhooks::event::EventName;
use mplus_webhooks::{SIGNATURE_HEADER, SUBSCRIPTION_HEADER, Subscription, SubscriptionSecret};

use crate::support::{Host, SUBSCRIPTION, merchant, secret, till};

/// The error's code, or the status.
fn code(response: &Response<Bytes>) -> String {
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
    match body["error"]["code"].as_str() {
        Some(code) => format!("{} {code}", response.status().as_u16()),
        None => response.status().as_u16().to_string(),
    }
}

fn good() -> Request<Bytes> {
    let till = till(1);
    till.signed(
        &EventName::StartSession,
        till.body(true, serde_json::json!({ "session": { "sessionId": "s" } })),
    )
}

#[tokio::test]
async fn what_is_wrong_with_the_envelope_is_named() {
    type Spoil = fn(&mut Request<Bytes>);
    let cases: &[(&str, &str, Spoil)] = &[
        ("no subscription", "400 NO_SUBSCRIPTION_ID", |request| {
            request.headers_mut().remove(SUBSCRIPTION_HEADER);
        }),
        ("unknown subscription", "400 INVALID_SUBSCRIPTION_ID", |request| {
            request.headers_mut().insert(SUBSCRIPTION_HEADER, HeaderValue::from_static("nobody"));
        }),
        ("no signature", "400 NO_SIGNATURE", |request| {
            request.headers_mut().remove(SIGNATURE_HEADER);
        }),
        ("empty signature", "400 NO_SIGNATURE", |request| {
            request.headers_mut().insert(SIGNATURE_HEADER, HeaderValue::from_static(""));
        }),
        ("short signature", "400 INVALID_SIGNATURE", |request| {
            request.headers_mut().insert(SIGNATURE_HEADER, HeaderValue::from_static("uZucqk+x"));
        }),
        ("garbage signature", "400 INVALID_SIGNATURE", |request| {
            request.headers_mut().insert(
                SIGNATURE_HEADER,
                HeaderValue::from_static("not base64 at all, but of the right size...."),
            );
        }),
        ("foreign signature", "400 INVALID_SIGNATURE", |request| {
            let foreign = SubscriptionSecret::from_bytes(b"foreign").unwrap().sign(request.body());
            request.headers_mut().insert(SIGNATURE_HEADER, foreign.parse().unwrap());
        }),
        ("two signatures", "400 NO_SIGNATURE", |request| {
            request.headers_mut().append(SIGNATURE_HEADER, HeaderValue::from_static("x"));
        }),
        ("changed body", "400 INVALID_SIGNATURE", |request| {
            let changed = [request.body(), b" ".as_slice()].concat();
            *request.body_mut() = changed.into();
        }),
        ("no content type", "400 NO_CONTENT_TYPE", |request| {
            request.headers_mut().remove("content-type");
        }),
        ("wrong content type", "400 INVALID_CONTENT_TYPE", |request| {
            request.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
        }),
        ("content type with a charset", "200", |request| {
            request
                .headers_mut()
                .insert("content-type", HeaderValue::from_static("Application/JSON; charset=utf-8"));
        }),
        ("GET", "405 INVALID_DATA", |request| *request.method_mut() = http::Method::GET),
        ("huge body", "413 INVALID_DATA", |request| *request.body_mut() = vec![b' '; (1 << 20) + 1].into()),
    ];
    for (what, expected, spoil) in cases {
        let host = Host::new();
        let mut request = good();
        spoil(&mut request);
        assert_eq!(&code(&host.orchestrator.handle(request).await), expected, "{what}");
    }
}

#[tokio::test]
async fn a_subscription_may_be_named_in_any_letters() {
    let host = Host::with_subscriptions([Subscription::new("Café", merchant(), secret())]);
    for sent in ["Café".as_bytes(), b"Caf\xe9"] {
        let mut request = good();
        request.headers_mut().insert(SUBSCRIPTION_HEADER, HeaderValue::from_bytes(sent).unwrap());
        assert_eq!(code(&host.orchestrator.handle(request).await), "200", "{sent:?}");
    }
}

const HEAD: &str = r#""event":{"eventBlocking":true},"sender":{"branchNumber":1,"workplaceNumber":1}"#;

#[tokio::test]
async fn what_is_wrong_with_a_signed_body_is_named_and_the_error_is_signed() {
    let with = |fields: &str| format!("{{{HEAD},{fields}}}");
    let payment = |fields: &str| with(&format!(r#""externalPayment":{{"externalPaymentId":"p"{fields}}}"#));
    let cases: &[(&str, &str, &str, String)] = &[
        ("empty body", "startSession", "400 INVALID_JSON", String::new()),
        ("no JSON", "startSession", "400 INVALID_JSON", "hello".to_owned()),
        ("cut off", "startSession", "400 INVALID_JSON", r#"{"event":{"#.to_owned()),
        ("two bodies", "startSession", "400 INVALID_JSON", "{}{}".to_owned()),
        ("a list", "startSession", "400 INVALID_DATA", "[]".to_owned()),
        ("no session", "startSession", "400 INVALID_DATA", with(r#""x":1"#)),
        ("no details", "scanCode", "400 NO_EVENT_DETAILS", with(r#""x":1"#)),
        ("no code", "scanCode", "400 NO_SCANNED_CODE", with(r#""scanCode":{}"#)),
        (
            "duplicate keys",
            "startExternalPayment",
            "400 INVALID_DATA",
            payment(r#","amount":1,"amount":100"#),
        ),
        (
            "duplicate objects",
            "completeSession",
            "400 INVALID_DATA",
            with(r#""session":{"sessionId":"a"},"session":{"sessionId":"b"}"#),
        ),
        ("NaN", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":NaN"#)),
        ("NaN as text", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":"NaN""#)),
        ("text for a number", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":"much""#)),
        ("no amount", "startExternalPayment", "400 INVALID_DATA", payment("")),
        ("nothing", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":0"#)),
        (
            "an id of zeros",
            "startExternalPayment",
            "400 INVALID_DATA",
            with(
                r#""externalPayment":{"externalPaymentId":"00000000-0000-0000-0000-000000000000","amount":2.7}"#,
            ),
        ),
        ("absurd", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":1e20"#)),
        ("more than absurd", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":1e400"#)),
        ("fractions of a cent", "startExternalPayment", "400 INVALID_DATA", payment(r#","amount":2.705"#)),
        ("poll before start", "pollExternalPayment", "400 INVALID_DATA", payment(r#","amount":2.7"#)),
    ];
    for (what, event, expected, body) in cases {
        let (host, till) = (Host::new(), till(1));
        let request = till.signed(&EventName::from_wire(event), body.clone().into());
        let response = host.orchestrator.handle(request).await;
        assert_eq!(&code(&response), expected, "{what}: {:?}", response.body());
        let signature = response.headers()[SIGNATURE_HEADER].to_str().unwrap();
        assert!(secret().verify(response.body(), signature), "{what}: the error is not signed");
        assert!(host.provider.payments().is_empty(), "{what}: a payment was created");
        assert!(host.transactions.all().is_empty(), "{what}: a transaction was created");
    }
}

/// A small, fast generator: the same mutations in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_thousand_mutated_requests_none_is_accepted() {
    let host = std::sync::Arc::new(Host::new());
    let parts = (0..4).map(|seed| {
        let host = host.clone();
        tokio::spawn(async move {
            let (original, mut random) = (good(), Random(seed));
            let mut refused = 0;
            for round in 0..25_000 {
                let mutated = mutate(&original, round, &mut random);
                let response = host.orchestrator.handle(mutated).await;
                assert_eq!(response.status(), 400, "round {round} of {seed} was accepted");
                refused += 1;
            }
            refused
        })
    });
    let refused: u32 = futures_util::future::join_all(parts).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(refused, 100_000);
    assert!(host.transactions.all().is_empty());
}

/// A till's own program gone wrong: whatever it signs is answered, and nothing panics.
#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_thousand_mutated_and_signed_bodies_each_is_answered() {
    let host = std::sync::Arc::new(Host::new());
    let fields = r#""session":{"sessionId":"s","lines":[{"lineId":"l","priceIncl":2.50}]},"scanCode":{"scannedCode":"25"},
        "addSessionLine":{"line":{"lineId":"l"}},"selectRelation":null,"mergeSession":{"mergeWithSessionId":"t"},
        "customAction":{"customActionId":"a"},"course":{"courseNumber":1},
        "externalPayment":{"externalPaymentId":"p","amount":2.70,"method":"K_WEBHOOK"}"#;
    let body = format!("{{{HEAD},{fields}}}");
    let (till, mut random) = (till(1), Random(7));
    for round in 0..20_000 {
        let event = &EventName::ALL[round % EventName::ALL.len()];
        let mut mutated = body.clone().into_bytes();
        for _ in 0..random.below(3) {
            let position = random.below(mutated.len());
            match random.below(3) {
                0 => mutated[position] ^= 1 << random.below(8),
                1 => drop(mutated.remove(position)),
                _ => mutated.insert(position, br#"{}[]",:0-e\n"#[random.below(12)]),
            }
        }
        let request = till.signed(event, mutated.into());
        let response = host.orchestrator.handle(request).await;
        assert!([200, 400].contains(&response.status().as_u16()), "{event:?}: {response:?}");
        assert_ne!(code(&response), "400 INTERNAL_ERROR", "{event:?}");
        let signature = response.headers()[SIGNATURE_HEADER].to_str().unwrap();
        assert!(secret().verify(response.body(), signature));
    }
}

/// Changes one thing: a bit, the length, a byte more, the signature, the subscription.
fn mutate(original: &Request<Bytes>, round: usize, random: &mut Random) -> Request<Bytes> {
    let mut request = original.clone();
    let mut body = request.body().to_vec();
    let position = random.below(body.len());
    match round % 5 {
        0 => body[position] ^= 1 << random.below(8),
        1 => body.truncate(position),
        2 => body.insert(position, random.below(256) as u8),
        3 => {
            const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
            let good = request.headers()[SIGNATURE_HEADER].as_bytes();
            let mut signature = good.to_vec();
            let position = random.below(signature.len());
            signature[position] = LETTERS[random.below(LETTERS.len())];
            if signature == good {
                signature.pop();
            }
            request.headers_mut().insert(SIGNATURE_HEADER, HeaderValue::from_bytes(&signature).unwrap());
        }
        _ => {
            let id = &SUBSCRIPTION[..random.below(SUBSCRIPTION.len())];
            request.headers_mut().insert(SUBSCRIPTION_HEADER, HeaderValue::from_str(id).unwrap());
        }
    }
    *request.body_mut() = body.into();
    request
}
