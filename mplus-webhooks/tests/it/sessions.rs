//! Sales: transactions, repeats, time-outs, the host's handlers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mplus_webhooks::event::EventName;
use mplus_webhooks::reply::{
    AddSessionLineReply, CreditSessionReply, Dialog, DialogOption, LineChange, ScanCodeReply, ScannedCode,
};
use mplus_webhooks::testkit::{TillError, TillLine};
use mplus_webhooks::{ErrorCode, Handlers, Refunds, Refusal, TransactionStatus};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{Host, till};

fn coffee() -> TillLine {
    TillLine::new(1, "Coffee", Decimal::new(270, 2))
}

#[tokio::test]
async fn a_completed_session_becomes_one_transaction_with_its_total() {
    let (host, till) = (Host::new(), till(1));
    let session_id = till.sell(&host.orchestrator, &[coffee(), coffee()]).await.unwrap();
    let all = host.transactions.all();
    assert_eq!(all.len(), 1);
    let (transaction, status) = &all[0];
    assert_eq!(*status, TransactionStatus::Completed);
    assert_eq!(transaction.key.session_id, session_id);
    assert_eq!(transaction.total_incl, Some(Decimal::new(540, 2)));
    assert_eq!(transaction.session.lines.len(), 2);
}

#[tokio::test]
async fn a_total_is_unknown_when_anything_that_decides_it_cannot_be_read() {
    let line = json!({ "lineId": "l-1", "articleNumber": 1, "priceIncl": 2.5, "quantity": 2 });
    let odd = |field: &str| {
        let mut line = line.clone();
        line[field] = json!("2,5");
        json!({ "sessionId": "s-1", "lines": [line] })
    };
    let part = |field: &str, parts: serde_json::Value| {
        let mut line = line.clone();
        line[field] = parts;
        json!({ "sessionId": "s-1", "lines": [line] })
    };
    let sales = [
        json!({ "sessionId": "s-1" }),
        json!({ "sessionId": "s-1", "lines": [] }),
        json!({ "sessionId": "s-1", "lines": [line, "a line"] }),
        json!({ "sessionId": "s-1", "lines": [line], "totalInclAmount": "5,00" }),
        odd("priceIncl"),
        odd("quantity"),
        odd("discountAmount"),
        odd("discountPercentage"),
        odd("externalDiscount"),
        odd("preparationMethods"),
        part("preparationMethods", json!([{ "lineId": "m", "text": "Oat milk", "priceIncl": 0.5 }])),
        part("componentArticles", json!([{ "lineId": "c", "priceIncl": "0,5" }])),
        part("preparationMethods", json!([{ "lineId": "m", "priceIncl": 0 }, null])),
        part(
            "componentArticles",
            json!([{ "preparationMethods": [{ "text": "Oat milk", "priceIncl": 0.5 }] }]),
        ),
        part(
            "preparationMethods",
            json!([{ "componentArticles": [{ "componentArticles": [{ "priceIncl": "1" }] }] }]),
        ),
        part("componentArticles", json!([{ "lineId": "c", "discountAmount": 1 }])),
        part("componentArticles", json!([{ "lineId": "c", "discountPercentage": 10 }])),
        part("preparationMethods", json!([{ "lineId": "m", "externalDiscount": { "discountId": "d" } }])),
    ];
    for sale in sales {
        let (host, till) = (Host::new(), till(1));
        till.send(&host.orchestrator, &EventName::CompleteSession, json!({ "session": sale })).await.unwrap();
        let all = host.transactions.all();
        assert_eq!(all.iter().map(|(sale, _)| sale.total_incl).collect::<Vec<_>>(), [None], "{sale}");
    }
    let (host, till) = (Host::new(), till(1));
    let sale = json!({ "session": { "sessionId": "s-1", "lines": [line] } });
    till.send(&host.orchestrator, &EventName::CompleteSession, sale).await.unwrap();
    assert_eq!(host.transactions.all()[0].0.total_incl, Some(Decimal::from(5)));
}

#[tokio::test]
async fn the_sum_of_lines_is_unknown_to_everybody_when_a_line_could_not_be_read() {
    let line = json!({ "lineId": "l", "priceIncl": 5, "quantity": 1 });
    for lines in [json!([line, "a line"]), json!([line, null]), json!("a line"), json!([line])] {
        let sums = Arc::new(Mutex::new(Vec::new()));
        let kept = sums.clone();
        let handlers = Handlers::new().on_credit_session(move |event| {
            kept.lock().unwrap().push(event.payload.session.sum_of_lines());
            async { Ok(CreditSessionReply::acknowledge()) }
        });
        let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
        let session = json!({ "session": { "sessionId": "s", "lines": lines } });
        till.send(&host.orchestrator, &EventName::CreditSession, session).await.unwrap();
        let expected = (lines == json!([line])).then_some(Decimal::from(5));
        assert_eq!(*sums.lock().unwrap(), [expected], "{lines}");
    }
}

#[tokio::test]
async fn a_cancelled_session_cancels_its_transaction_in_either_order() {
    let (host, till) = (Host::new(), till(1));
    let first = till.ring_up(&host.orchestrator, &[coffee()]).await.unwrap();
    till.complete(&host.orchestrator, &first).await.unwrap();
    till.cancel(&host.orchestrator, &first).await.unwrap();
    let second = till.ring_up(&host.orchestrator, &[coffee()]).await.unwrap();
    till.cancel(&host.orchestrator, &second).await.unwrap();
    till.complete(&host.orchestrator, &second).await.unwrap();
    let statuses: Vec<_> = host.transactions.all().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [TransactionStatus::Cancelled, TransactionStatus::Cancelled]);
}

#[tokio::test]
async fn cancelling_a_session_that_was_never_finished_creates_nothing() {
    let (host, till) = (Host::new(), till(1));
    let session = till.ring_up(&host.orchestrator, &[coffee()]).await.unwrap();
    till.cancel(&host.orchestrator, &session).await.unwrap();
    assert!(host.transactions.all().is_empty());
}

#[tokio::test]
async fn a_credited_session_is_only_acknowledged_unless_the_host_opted_in() {
    for (refunds, expected) in
        [(Refunds::Acknowledge, TransactionStatus::Completed), (Refunds::Record, TransactionStatus::Refunded)]
    {
        let (host, till) = (Host::with(|builder| builder.refunds(refunds)), till(1));
        let session = till.ring_up(&host.orchestrator, &[coffee()]).await.unwrap();
        till.complete(&host.orchestrator, &session).await.unwrap();
        let credit = json!({ "session": session });
        let reply = till.send(&host.orchestrator, &EventName::CreditSession, credit).await.unwrap();
        assert_eq!(reply.body, "{}");
        assert_eq!(host.transactions.all()[0].1, expected);
    }
}

#[tokio::test]
async fn two_merchants_with_the_same_session_id_have_two_transactions() {
    let other = mplus_webhooks::SubscriptionSecret::from_bytes(b"another key").unwrap();
    let host = Host::with_subscriptions([
        mplus_webhooks::Subscription::new("restaurant", crate::support::merchant(), crate::support::secret()),
        mplus_webhooks::Subscription::new(
            "restaurant",
            mplus_webhooks::MerchantId::new("other"),
            other.clone(),
        ),
    ]);
    let ours = till(1);
    let theirs = mplus_webhooks::testkit::Till::in_process("restaurant", other, 1);
    let our_id = ours.sell(&host.orchestrator, &[coffee()]).await.unwrap();
    let their_id = theirs.sell(&host.orchestrator, &[coffee()]).await.unwrap();
    assert_eq!(our_id, their_id);
    let merchants: Vec<_> =
        host.transactions.all().into_iter().map(|(sale, _)| sale.key.merchant.to_string()).collect();
    assert_eq!(merchants, ["merchant-1", "other"]);
}

/// Counts scans and answers with the count.
fn counting(count: &Arc<AtomicUsize>) -> Handlers {
    let count = count.clone();
    Handlers::new().on_scan_code(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let scanned = ScannedCode::new(true).message(format!("scan {number}"));
            Ok(ScanCodeReply::acknowledge().scanned(scanned))
        }
    })
}

fn scan() -> serde_json::Value {
    json!({ "session": { "sessionId": "s" }, "scanCode": { "scannedCode": "2512345678901", "codeType": "barcode" } })
}

#[tokio::test]
async fn a_repeat_gets_the_stored_reply_and_a_new_event_does_not() {
    let count = Arc::new(AtomicUsize::new(0));
    let (host, till) = (Host::with(|builder| builder.handler(counting(&count))), till(1));
    let body = till.body(true, scan());
    let send = |body| {
        let request = till.signed(&EventName::ScanCode, body);
        till.send_request(&host.orchestrator, &EventName::ScanCode, request)
    };
    let first = send(body.clone()).await.unwrap();
    let repeat = send(body).await.unwrap();
    assert_eq!(first.body, repeat.body);
    let next = send(till.body(true, scan())).await.unwrap();
    assert_ne!(first.body, next.body);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_counter_that_starts_again_at_another_time_is_a_new_event() {
    let count = Arc::new(AtomicUsize::new(0));
    let (host, till) = (Host::with(|builder| builder.handler(counting(&count))), till(1));
    for minute in ["16:07", "16:08"] {
        let body = format!(
            r#"{{"event":{{"eventCounter":1,"eventTimestamp":"2017-08-09T{minute}:33.964+02:00"}},
               "sender":{{"branchNumber":1,"workplaceNumber":1}},"scanCode":{{"scannedCode":"25"}}}}"#
        );
        let request = till.signed(&EventName::ScanCode, body.into());
        till.send_request(&host.orchestrator, &EventName::ScanCode, request).await.unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_answer_to_a_dialog_is_a_new_event_even_with_the_old_counter() {
    let handlers = Handlers::new().on_add_session_line(|event| async move {
        Ok(match event.answers.dialog {
            Some(answer) => {
                assert_eq!(answer.selected_option_ids, [1]);
                AddSessionLineReply::acknowledge()
                    .change_line(LineChange::new(event.payload.line.line_id.unwrap_or_default()))
            }
            None => AddSessionLineReply::acknowledge().dialog(Dialog::new(
                "When?",
                true,
                false,
                vec![DialogOption::new(1, "10:00-11:00")],
            )),
        })
    });
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let mut body: serde_json::Value = serde_json::from_slice(&till.body(
        true,
        json!({ "session": { "sessionId": "s" }, "addSessionLine": { "lineId": "l", "text": "Tour" } }),
    ))
    .unwrap();
    let send = |body: &serde_json::Value| {
        let request = till.signed(&EventName::AddSessionLine, body.to_string().into());
        till.send_request(&host.orchestrator, &EventName::AddSessionLine, request)
    };
    let asked = send(&body).await.unwrap();
    assert!(asked.body.starts_with(br#"{"dialog":{"#), "{:?}", asked.body);
    body["dialog"] = json!({ "selectedDialogOptionIds": [1] });
    let answered = send(&body).await.unwrap();
    assert_eq!(answered.body, r#"{"lineChanges":[{"lineId":"l"}]}"#);
}

#[tokio::test]
async fn the_second_question_in_a_chain_is_answered_though_the_answer_looks_like_that_to_the_first() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let handlers = Handlers::new().on_add_session_line(move |event| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            let dialog = |title| Dialog::new(title, true, false, vec![DialogOption::new(1, "Yes")]);
            Ok(match (event.answers.dialog, number) {
                (None, _) => AddSessionLineReply::acknowledge().dialog(dialog("Warm?")),
                (Some(_), 1) => AddSessionLineReply::acknowledge().dialog(dialog("To go?")),
                (Some(_), _) => AddSessionLineReply::acknowledge(),
            })
        }
    });
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let fields =
        json!({ "session": { "sessionId": "s" }, "addSessionLine": { "lineId": "l", "text": "Tea" } });
    let mut body: serde_json::Value = serde_json::from_slice(&till.body(true, fields)).unwrap();
    let send = |body: &serde_json::Value| {
        let request = till.signed(&EventName::AddSessionLine, body.to_string().into());
        till.send_request(&host.orchestrator, &EventName::AddSessionLine, request)
    };
    send(&body).await.unwrap();
    body["dialog"] = json!({ "selectedDialogOptionIds": [1] });
    let second = send(&body).await.unwrap();
    assert!(second.body.starts_with(br#"{"dialog":{"dialogTitle":"To go?""#), "{:?}", second.body);
    let done = send(&body).await.unwrap();
    assert_eq!(done.body, "{}");
    // What asks nothing any more is answered from memory.
    assert_eq!(send(&body).await.unwrap().body, "{}");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_hundred_equal_requests_at_once_are_handled_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let (host, till) = (Host::with(|builder| builder.handler(counting(&count))), till(1));
    let body = till.body(true, scan());
    let sends = (0..100).map(|_| {
        let request = till.signed(&EventName::ScanCode, body.clone());
        till.send_request(&host.orchestrator, &EventName::ScanCode, request)
    });
    let replies = futures_util::future::join_all(sends).await;
    for reply in replies {
        assert_eq!(reply.unwrap().body, r#"{"scanCode":{"recognized":true,"message":"scan 1"}}"#);
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_of_a_blocking_event_is_cut_off_after_four_seconds() {
    let finished = Arc::new(AtomicUsize::new(0));
    let handlers = slow(&finished, Duration::from_secs(5));
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let begun = tokio::time::Instant::now();
    let reply = till.send(&host.orchestrator, &EventName::ScanCode, scan()).await.unwrap();
    assert_eq!(reply.body, "{}");
    assert!(begun.elapsed() < Duration::from_millis(4100), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(finished.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_that_nobody_waits_for_goes_on_in_the_background() {
    let finished = Arc::new(AtomicUsize::new(0));
    let handlers = slow(&finished, Duration::from_secs(5));
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let request = till.signed(&EventName::ScanCode, till.body(false, scan()));
    let reply = till.send_request(&host.orchestrator, &EventName::ScanCode, request).await.unwrap();
    assert_eq!(reply.body, "{}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(finished.load(Ordering::SeqCst), 1);
}

fn slow(finished: &Arc<AtomicUsize>, by: Duration) -> Handlers {
    let finished = finished.clone();
    Handlers::new().on_scan_code(move |_| {
        let finished = finished.clone();
        async move {
            tokio::time::sleep(by).await;
            finished.fetch_add(1, Ordering::SeqCst);
            Ok(ScanCodeReply::acknowledge())
        }
    })
}

#[tokio::test]
async fn work_goes_on_when_the_till_hangs_up() {
    let (begun, go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handlers = {
        let (begun, go_on, done) = (begun.clone(), go_on.clone(), done.clone());
        Handlers::new().on_complete_session(move |_| {
            let (begun, go_on, done) = (begun.clone(), go_on.clone(), done.clone());
            async move {
                begun.notify_one();
                go_on.notified().await;
                done.notify_one();
                Ok(mplus_webhooks::reply::CompleteSessionReply::acknowledge())
            }
        })
    };
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let session = json!({ "session": { "sessionId": "s" } });
    let request = till.signed(&EventName::CompleteSession, till.body(true, session));
    let orchestrator = host.orchestrator.clone();
    let call = tokio::spawn(async move { orchestrator.handle(request).await });
    begun.notified().await;
    call.abort();
    go_on.notify_one();
    done.notified().await;
    assert_eq!(host.transactions.all().len(), 1);
}

#[tokio::test]
async fn an_error_of_the_handler_is_answered_and_the_repeat_is_handled_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let handlers = {
        let count = count.clone();
        Handlers::new().on_scan_code(move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                match first {
                    true => Err(Refusal::new(ErrorCode::InvalidArticle, "no such voucher")),
                    false => Ok(ScanCodeReply::acknowledge()),
                }
            }
        })
    };
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let request = till.signed(&EventName::ScanCode, till.body(true, scan()));
    let refused =
        till.send_request(&host.orchestrator, &EventName::ScanCode, request.clone()).await.unwrap_err();
    let expected =
        TillError::Refused { code: ErrorCode::InvalidArticle, message: "no such voucher".to_owned() };
    assert_eq!(refused, expected);
    till.send_request(&host.orchestrator, &EventName::ScanCode, request).await.unwrap();
}

#[tokio::test]
async fn a_panic_of_the_handler_is_an_error_for_the_till_and_nothing_more() {
    let handlers = Handlers::new().on_scan_code(|event| async move {
        assert_eq!(event.payload.scanned_code, "something else", "this panic is part of the test");
        Ok(ScanCodeReply::acknowledge())
    });
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let refused = till.send(&host.orchestrator, &EventName::ScanCode, scan()).await.unwrap_err();
    assert!(matches!(refused, TillError::Refused { code: ErrorCode::Other(_), .. }), "{refused:?}");
    till.sell(&host.orchestrator, &[coffee()]).await.unwrap();
}

#[tokio::test]
async fn an_unknown_event_is_acknowledged_and_kept() {
    let kept = Arc::new(std::sync::Mutex::new(String::new()));
    let handlers = {
        let kept = kept.clone();
        Handlers::new().on_unknown(move |event| {
            let kept = kept.clone();
            async move {
                let news = event.extra.get("news").unwrap().as_str().to_owned();
                *kept.lock().unwrap() = format!("{} {news}", event.payload.name);
            }
        })
    };
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    let name = EventName::from_wire("somethingNew");
    let reply = till.send(&host.orchestrator, &name, json!({ "news": { "price": 2.5 } })).await.unwrap();
    assert_eq!(reply.body, "{}");
    assert_eq!(*kept.lock().unwrap(), r#"somethingNew {"price":2.5}"#);
}

#[tokio::test]
async fn an_error_that_the_pos_reports_reaches_the_host_with_the_original_event() {
    let seen = Arc::new(std::sync::Mutex::new(None));
    let handlers = {
        let seen = seen.clone();
        Handlers::new().on_error_reported(move |report| {
            let seen = seen.clone();
            async move {
                *seen.lock().unwrap() = Some(report);
            }
        })
    };
    let (host, till) = (Host::with(|builder| builder.handler(handlers)), till(1));
    // With whatever else the POS sends along, and about a poll as well.
    let bodies = [
        r#"{"error":{"code":"INVALID_LINE_ID","message":"no such line"},"original":{"event":{"eventCounter":7}}}"#,
        r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"},
            "error":{"code":"INVALID_LINE_ID","message":"no such line"},"original":{"event":{"eventCounter":7}}}"#,
    ];
    for name in [EventName::AddSessionLine, EventName::PollExternalPayment] {
        for body in bodies {
            let request = till.signed(&name, body.into());
            let reply = till.send_request(&host.orchestrator, &name, request).await.unwrap();
            assert_eq!(reply.body, "{}");
            let report = seen.lock().unwrap().take().unwrap();
            assert_eq!((report.event, report.code), (name.clone(), ErrorCode::InvalidLineId));
            assert_eq!(report.original.unwrap().as_str(), r#"{"event":{"eventCounter":7}}"#);
        }
    }
}
