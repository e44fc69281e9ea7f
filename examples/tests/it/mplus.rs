//! The command line: each command against a POS, a receiver, a database, as a script would use it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use mplus_qapi::testkit::Fault;
use mplus_sync::model::{Connection, ConnectionId, Order, OrderKind};
use mplus_sync::store::{ConnectionStore as _, OrderOutbox as _, SqliteStore};
use serde_json::Value;

use crate::process::{Ran, Till, nobody, program, run};

fn mplus(arguments: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_mplus"));
    command.args(arguments);
    command
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn a_call_by_name_answers_with_what_the_typed_client_gets() {
    let till = Till::start();
    let soup = till.pos.article_number("Cappuccino").expect("on the menu");
    let request = format!("{{\"articleNumbers\": [{soup}]}}");
    let ran = run(&mut mplus(&["call", "getProducts", "--json", &request, "--url", &till.url])).ends_with(0);
    let products = json(&ran);
    let article = &products["productList"][0]["articleList"][0];
    let price = till.pos.article(soup).expect("known").price_incl.expect("priced");
    assert_eq!((&article["articleNumber"], &article["priceIncl"]), (&soup.into(), &price.to_string().into()));
}

#[test]
fn a_request_may_come_from_standard_input_and_name_its_element() {
    let till = Till::start();
    let mut child = mplus(&["call", "getStock", "--json", "-", "--url", &till.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let request = br#"{ "request": { "branchNumber": 1 } }"#;
    child.stdin.take().expect("piped").write_all(request).expect("taken");
    let output = child.wait_with_output().expect("ends");
    let stock: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(stock["articleStocks"].as_array().is_some_and(|articles| !articles.is_empty()), "{stock}");
}

#[test]
fn a_refused_call_prints_its_response_and_ends_with_1() {
    let till = Till::start();
    let find = ["call", "findOrder", "--json", r#"{ "extOrderId": "nobody's" }"#, "--url", &till.url];
    let ran = run(&mut mplus(&find)).ends_with(1);
    assert!(json(&ran)["result"].is_string() && ran.err.contains(till.url.trim_end_matches('/')), "{ran:?}");
}

#[test]
fn a_request_that_does_not_fit_is_refused_with_its_path_and_never_sent() {
    let till = Till::start();
    for (operation, request, words) in [
        ("getProducts", r#"{ "articleNumber": [1] }"#, ["no element articleNumber", "articleNumbers"]),
        ("getProducts", r#"{ "articleNumbers": [1, "two"] }"#, ["request.articleNumbers[1]", "whole number"]),
        ("getProducts", r#"{ "syncMarkerLimit": 99999999999 }"#, ["request.syncMarkerLimit", "out of range"]),
        ("getStock", "{}", ["branchNumber", "is missing"]),
        ("findOrder", r#"{ "extOrderId": 7 }"#, ["extOrderId", "has to be a text"]),
        ("findOrder", "extOrderId", ["is no JSON", "request"]),
        ("getProduct", "{}", ["there is no operation getProduct", "getProducts"]),
    ] {
        let ran = run(&mut mplus(&["call", operation, "--json", request, "--url", &till.url])).ends_with(2);
        assert!(words.iter().all(|word| ran.err.contains(word)), "{operation} {request}: {ran:?}");
    }
    assert_eq!(till.pos.requests().total(), 0);
}

#[test]
fn a_dry_run_prints_the_envelope_with_exact_amounts_and_needs_no_pos() {
    let product = r#"{ "product": { "description": "Soup", "articleList": [{ "description": "Soup", "priceIncl": "9.95" }] } }"#;
    let ran = run(&mut mplus(&["call", "createProduct", "--json", product, "--dry-run"])).ends_with(0);
    assert!(ran.out.contains("<ns1:priceIncl>995</ns1:priceIncl>"), "cents on the wire: {}", ran.out);
    let halves = product.replace("9.95", "9.955");
    let ran = run(&mut mplus(&["call", "createProduct", "--json", &halves, "--dry-run"])).ends_with(2);
    assert!(ran.err.contains("priceIncl"), "never rounded: {ran:?}");
}

#[test]
fn exit_codes_tell_unreachable_from_refused_from_unclear() {
    let url = nobody();
    let away = run(&mut mplus(&["call", "getApiVersion", "--no-retry", "--url", &url])).ends_with(3);
    assert!(away.err.contains(&url), "{away:?}");
    let till = Till::start();
    let refused = run(mplus(&["call", "getProducts", "--url", &till.url])
        .env("MPLUS_IDENT", "somebody")
        .env("MPLUS_SECRET", "wrong and long"))
    .ends_with(1);
    assert!(!refused.err.contains("wrong and long"), "{refused:?}");
    till.pos.faults().script([Fault::ResetAfter]);
    let product = r#"{ "product": { "description": "Soup" } }"#;
    run(&mut mplus(&["call", "createProduct", "--json", product, "--url", &till.url])).ends_with(4);
}

#[test]
fn an_operation_that_carries_a_key_gets_one_and_keeps_a_given_one() {
    let dry = |more: &[&str]| {
        let arguments = [&["call", "saveGiftcards", "--json", "{}", "--dry-run"], more].concat();
        run(&mut mplus(&arguments)).ends_with(0).out
    };
    assert!(dry(&[]).contains("idempotencyKey>mplus-"));
    assert!(dry(&["--idempotency-key", "card-1"]).contains("idempotencyKey>card-1<"));
    let none = ["call", "getApiVersion", "--idempotency-key", "x", "--dry-run"];
    run(&mut mplus(&none)).ends_with(2);
}

#[test]
fn all_operations_are_listed_and_each_can_be_described() {
    let all = json(&run(&mut mplus(&["operations", "--json"])).ends_with(0));
    assert_eq!(all.as_array().map(Vec::len), Some(374));
    let ran = run(&mut mplus(&["operations", "giftcard"])).ends_with(0);
    assert!(ran.out.lines().count() > 3 && ran.out.contains("idempotent"), "{ran:?}");
    for operation in ["getApiVersion", "createOrderV3", "getArticleGroups"] {
        run(&mut mplus(&["describe", operation, "--response"])).ends_with(0);
    }
}

#[test]
fn products_come_with_the_marker_to_go_on_from() {
    let till = Till::start();
    let menu =
        json(&run(&mut mplus(&["products", "--json", "--page", "7", "--url", &till.url])).ends_with(0));
    assert_eq!(menu["products"].as_array().map(Vec::len), Some(till.pos.products().len()));
    let marker = menu["next_marker"].to_string();
    let soup = till.pos.article_number("Cappuccino").expect("on the menu");
    assert!(till.pos.set_price(soup, "3.95".parse().expect("a price")));
    let changed = ["products", "--since", &marker, "--url", &till.url];
    let ran = run(&mut mplus(&changed)).ends_with(0);
    assert!(ran.out.contains("3.95") && ran.out.lines().count() == 2, "a title and a line: {ran:?}");
    run(&mut mplus(&["products", "--since", "-1", "--url", &till.url])).ends_with(2);
}

/// A database with an order that a person has to look at.
fn database(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("pos.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(&path).await.expect("opens");
        let now = chrono::DateTime::UNIX_EPOCH;
        let merchant = ConnectionId::from("lion");
        store
            .save_connection(&Connection::new("lion", "De Leeuw", "pos.example", 1, now))
            .await
            .expect("saved");
        for number in ["A-1", "A-2"] {
            store
                .enqueue(&merchant, &Order::new(number, "bar", OrderKind::Pickup, now), now)
                .await
                .expect("queued");
        }
    });
    path.to_str().expect("text").to_owned()
}

#[test]
fn orders_are_listed_withdrawn_and_queued_again_in_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = database(&folder);
    let list = |more: &[&str]| {
        let arguments = [&["orders", "list", "--json", "--database", &at], more].concat();
        json(&run(&mut mplus(&arguments)).ends_with(0)).as_array().map(Vec::len)
    };
    assert_eq!((list(&[]), list(&["--state", "withdrawn"])), (Some(2), Some(0)));
    let withdraw = ["orders", "withdraw", "A-1", "--reason", "the guest left", "--database", &at];
    run(&mut mplus(&withdraw)).ends_with(0);
    assert_eq!((list(&[]), list(&["--state", "withdrawn"])), (Some(1), Some(1)));
    let shown = json(&run(&mut mplus(&["orders", "show", "A-1", "--database", &at])).ends_with(0));
    assert_eq!(shown["state"]["withdrawn"]["reason"], "the guest left");
    run(&mut mplus(&["orders", "requeue", "A-1", "--database", &at])).ends_with(0);
    assert_eq!(list(&[]), Some(2));
    // One that waits cannot be queued again, one that nobody knows not at all.
    run(&mut mplus(&["orders", "requeue", "A-2", "--database", &at])).ends_with(1);
    run(&mut mplus(&["orders", "show", "B-9", "--database", &at])).ends_with(1);
    let table = run(&mut mplus(&["orders", "list", "--database", &at])).ends_with(0);
    assert!(
        table.out.contains("A-1") && table.out.contains("waiting") && table.out.contains("pickup"),
        "{table:?}"
    );
}

#[test]
fn a_database_that_is_not_there_is_not_made_and_a_password_is_no_flag() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("typo.sqlite");
    run(mplus(&["orders", "list", "--database"]).arg(&missing)).ends_with(2);
    assert!(!missing.exists());
    let ran =
        run(&mut mplus(&["orders", "list", "--database", "postgres://me:s3cret@127.0.0.1/x"])).ends_with(2);
    assert!(ran.err.contains("MPLUS_DATABASE") && !ran.err.contains("s3cret"), "{ran:?}");
}

const KEY: &str = "YSBrZXkgdGhhdCBvbmx5IHRoaXMgdGVzdCBrbm93cw==";

/// A program that goes on; it ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("the program starts"))
    }

    /// The first line on standard error that begins so, without that beginning.
    fn told(&mut self, beginning: &str) -> String {
        let lines = BufReader::new(self.0.stderr.take().expect("piped")).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
        panic!("it never said {beginning}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A receiver, and the flags and the environment of a till that sends to it.
struct Receiver {
    running: Running,
    url: String,
}

impl Receiver {
    fn start(flags: &[&str]) -> Self {
        let mut command = mplus(&["webhooks", "listen", "--port", "0", "--json"]);
        let mut running = Running::start(command.args(flags).env("MPLUS_WEBHOOK_SECRET", KEY));
        let told = running.told("listening on ");
        Self { running, url: told.split(' ').next().expect("an address").to_owned() }
    }

    fn till(&self, arguments: &[&str]) -> Ran {
        let mut command = mplus(&["till"]);
        // However busy the machine is: what is late is not tried here.
        let patient = ["--timeout", "300"];
        command.args(arguments).args(["--url", &self.url, "--subscription", "test", "--json"]).args(patient);
        run(command.env("MPLUS_WEBHOOK_SECRET", KEY))
    }

    /// What it received, once it has ended.
    fn received(mut self) -> Vec<Value> {
        let out = self.running.0.stdout.take().expect("piped");
        let text = std::io::read_to_string(out).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[test]
fn a_sale_and_its_refund_arrive_signed_at_a_receiver() {
    // startSession, two lines, startPayment, completeSession, creditSession.
    let receiver = Receiver::start(&["--count", "6"]);
    let lines = ["--line", "1003,Cappuccino,3.50,2", "--line", "7,Soup, of the day,6.25"];
    let sold = json(&receiver.till(&[&["sale"], &lines[..]].concat()).ends_with(0));
    assert_eq!((&sold["total"], &sold["outcome"]), (&"13.25".into(), &"completed".into()));
    let session = sold["session"].as_str().expect("an id");
    receiver.till(&["refund", "--session", session, "--line", "1003,Cappuccino,3.50"]).ends_with(0);
    let received = receiver.received();
    let names: Vec<&str> = received.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(
        names,
        [
            "startSession",
            "addSessionLine",
            "addSessionLine",
            "startPayment",
            "completeSession",
            "creditSession"
        ]
    );
    assert!(received.iter().all(|event| event["status"] == 200), "{received:?}");
    assert_eq!(received[5]["body"]["session"]["sessionId"], session);
    assert_eq!(received[5]["body"]["session"]["lines"][0]["quantity"], "-1");
}

#[test]
fn a_payment_that_is_made_ends_with_0_and_one_that_is_not_with_1() {
    let pays = Receiver::start(&["--payments", "confirm"]);
    let paid = json(&pays.till(&["pay", "--amount", "12.50"]).ends_with(0));
    assert_eq!((&paid["paid"], &paid["amount"]), (&true.into(), &"12.50".into()));
    let refuses = Receiver::start(&["--payments", "refuse"]);
    let ran = refuses.till(&["pay", "--amount", "12.50"]).ends_with(1);
    assert_eq!(json(&ran)["paid"], false);
    assert!(ran.err.contains(&refuses.url), "{ran:?}");
    refuses.till(&["pay", "--amount", "0"]).ends_with(2);
}

#[test]
fn an_event_under_a_wrong_key_is_refused_and_shown() {
    let receiver = Receiver::start(&["--count", "1"]);
    let mut command =
        mplus(&["till", "send", "backgroundPoll", "--subscription", "test", "--url", &receiver.url]);
    let ran = run(command.env("MPLUS_WEBHOOK_SECRET", "YW5vdGhlciBrZXksIG9mIGEgc3RyYW5nZXI=")).ends_with(1);
    assert!(ran.err.contains("INVALID_SIGNATURE") && ran.err.contains(&receiver.url), "{ran:?}");
    let received = receiver.received();
    assert_eq!(received[0]["status"], 400);
}

#[test]
fn a_till_whose_receiver_is_away_ends_with_3_and_one_without_a_key_with_2() {
    let url = format!("{}/webhook/mpluskassa", nobody());
    let sale = ["till", "sale", "--subscription", "test", "--url", &url];
    let ran = run(mplus(&sale).env("MPLUS_WEBHOOK_SECRET", KEY)).ends_with(3);
    assert!(ran.err.contains(&url), "{ran:?}");
    let ran = run(&mut mplus(&sale)).ends_with(2);
    assert!(ran.err.contains("MPLUS_WEBHOOK_SECRET"), "{ran:?}");
}

#[test]
fn dead_letters_are_listed_replayed_and_discarded_in_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("webhooks.sqlite");
    let at = path.to_str().expect("text");
    dead_letter(at);
    let dead = || json(&run(&mut mplus(&["webhooks", "list", "--json", "--database", at])).ends_with(0));
    let letters = dead();
    let id = letters[0]["id"].as_str().expect("a dead letter").to_owned();
    let shown = json(&run(&mut mplus(&["webhooks", "show", &id, "--database", at])).ends_with(0));
    assert_eq!(shown["entry"]["event"], "completeSession");
    run(&mut mplus(&["webhooks", "replay", "--dead", "--database", at])).ends_with(0);
    assert_eq!(dead().as_array().map(Vec::len), Some(0));
    let waiting =
        ["webhooks", "list", "--state", "received", "--state", "retrying", "--json", "--database", at];
    assert_eq!(json(&run(&mut mplus(&waiting)).ends_with(0))[0]["id"], id.as_str());
    run(&mut mplus(&["webhooks", "discard", &id, "--database", at])).ends_with(0);
    let ran = run(&mut mplus(&["webhooks", "replay", "nobody's", "--database", at])).ends_with(1);
    assert!(ran.err.contains("nobody's"), "{ran:?}");
}

/// A signed end of a sale that cannot be read, kept by a program that has ended since.
fn dead_letter(database: &str) {
    use mplus_webhooks::event::EventName;
    use mplus_webhooks::testkit::Till;
    use mplus_webhooks::{
        FixedSubscriptions, MerchantId, Orchestrator, Secret, SqliteStore, Subscription, SubscriptionSecret,
        TokioRuntime,
    };
    use std::sync::Arc;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let secret = SubscriptionSecret::from_base64(&Secret::from(KEY.to_owned())).expect("a key");
        let subscription = Subscription::new("test", MerchantId::new("lion"), secret.clone());
        let host = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([subscription])),
            Arc::new(SqliteStore::open(database).expect("opens")),
            Arc::new(TokioRuntime),
        )
        .build();
        let till = Till::in_process("test", secret, 1);
        let request = till.signed(&EventName::CompleteSession, r#"{"event":{},"session":"#.into());
        host.handle(request).await;
    });
}

#[test]
fn two_wsdls_are_compared_and_a_break_can_end_with_1() {
    let folder = tempfile::tempdir().expect("a folder");
    const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mplus-qapi/codegen/tests/golden/domains");
    let (old, domains) = (format!("{CASE}/service.wsdl"), format!("{CASE}/domains.toml"));
    let scaled = format!("{CASE}/scaled.toml");
    let text = std::fs::read_to_string(&old).expect("readable");
    let new = folder.path().join("new.wsdl");
    std::fs::write(&new, text.replace("name=\"alive\"", "name=\"well\"")).expect("written");
    let new = new.to_str().expect("text");
    let diff = |old: &str, new: &str, more: &str| {
        let tables = ["--domains", &domains, "--scaled", &scaled];
        run(mplus(&["wsdl", "diff", old, new, "--fail-on-breaking", more]).args(tables))
    };
    assert_eq!(json(&diff(&old, &old, "--json").ends_with(0))["breaking"], 0);
    let changed = diff(&old, new, "--json").ends_with(1);
    assert_eq!(json(&changed)["breaking"], 1);
    assert!(changed.out.contains("alive"), "{changed:?}");
    let ran = run(&mut mplus(&["wsdl", "diff", &old, "nowhere.wsdl"])).ends_with(2);
    assert!(ran.err.contains("nowhere.wsdl"), "{ran:?}");
}

#[test]
fn every_shell_gets_a_completion_script_and_every_command_a_help() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&mut mplus(&["completions", shell])).ends_with(0);
        assert!(ran.out.contains("withdraw"), "{shell} does not know the commands");
    }
    for command in [
        &["call"][..],
        &["operations"],
        &["describe"],
        &["products"],
        &["orders", "list"],
        &["orders", "requeue"],
        &["till", "sale"],
        &["till", "pay"],
        &["till", "refund"],
        &["till", "send"],
        &["webhooks", "listen"],
        &["webhooks", "replay"],
        &["pos"],
        &["wsdl", "diff"],
        &["completions"],
    ] {
        let ran = run(&mut mplus(&[command, &["--help"]].concat())).ends_with(0);
        assert!(
            ran.out.contains("Usage: mplus") && !ran.out.contains("--secret"),
            "{command:?}: {}",
            ran.out
        );
    }
    let ran = run(&mut mplus(&["call", "--help"])).ends_with(0);
    assert!(ran.out.contains("Amounts are euros"), "how to write a request: {ran:?}");
    let ran = run(&mut mplus(&["--help"])).ends_with(0);
    assert!(ran.out.contains("Exit codes:") && ran.out.contains("MPLUS_SECRET"), "{ran:?}");
}
