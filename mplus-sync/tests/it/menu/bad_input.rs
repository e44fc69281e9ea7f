//! Bad input and failures: the run goes on where it can, says what it left out, and a later run makes it good.

use std::sync::Arc;

use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::model::{Item, Resource, Tracked};
use mplus_sync::report::{Note, RunOutcome, RunReport};
use mplus_sync::sync::RunOptions;
use mplus_sync::testkit::{FailAt, FaultyStore};

use crate::support::small_pos::{self, ARTICLES};
use crate::support::{Doctored, Merchant, contents};

async fn connected() -> (Merchant, Integration) {
    let merchant = Merchant::new(small_pos::open().await.0);
    let integration = merchant.connect().await;
    (merchant, integration)
}

/// What the report says of records that were left out: name, message, advice.
fn said(notes: &[Note]) -> Vec<(String, &str, &str)> {
    let name = |note: &Note| note.subject.as_ref().map(|subject| subject.name.clone()).unwrap_or_default();
    notes.iter().map(|note| (name(note), note.message.as_str(), note.advice.as_str())).collect()
}

/// Syncs and gives the one record that was left out.
async fn left_out(merchant: &Merchant, integration: &Integration) -> (String, String, String) {
    let (report, _) = merchant.sync(integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(report.failures.is_empty(), "{report}");
    let [(name, message, advice)] = &said(&report.skipped.first)[..] else { panic!("{report}") };
    (name.clone(), (*message).to_owned(), (*advice).to_owned())
}

async fn is_made_good(merchant: &Merchant, integration: &Integration) -> RunReport {
    let (report, _) = merchant.sync(integration, &RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed, "{report}");
    assert!(report.failures.is_empty() && report.skipped.is_empty(), "{report}");
    report
}

async fn item(merchant: &Merchant, article: i64) -> Tracked<Item> {
    let items = merchant.items().await;
    let found = items
        .into_iter()
        .find(|item| item.external_ids.mpluskassa.map(|number| number.get()) == Some(article));
    found.unwrap_or_else(|| panic!("no item for article {article}"))
}

#[tokio::test]
async fn a_pos_that_is_down_fails_the_run_at_its_first_call_and_the_next_run_brings_everything() {
    let (merchant, integration) = connected().await;
    merchant.pos.faults().script([Fault::Refused; 20]);
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    let RunOutcome::Failed { message, advice } = &report.outcome else { panic!("{report}") };
    assert!(message.starts_with("getCurrentSyncMarkersV2 failed"), "{message}");
    assert_eq!(advice, "Check host, port and that the POS can be reached; the next sync goes on from here");
    assert_eq!((report.writes, merchant.items().await.len()), (0, 0));
    merchant.pos.faults().clear();
    is_made_good(&merchant, &integration).await;
    assert!(merchant.items().await.len() >= ARTICLES.len());
}

#[tokio::test]
async fn a_fault_in_the_middle_of_a_stream_keeps_what_came_and_the_next_run_goes_on_behind_it() {
    let merchant = Merchant::new(Pos::generated(1200, 5));
    let integration = merchant.connect().await;
    // The first page comes whole; of the second one half comes, again and again.
    let broken = std::iter::once(None).chain([Some(Fault::Truncated); 8]);
    merchant.pos.faults().script_for("getProducts", broken);
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(matches!(report.outcome, RunOutcome::Incomplete { .. }), "{report}");
    let [(_, message, advice)] = &said(&report.failures.first)[..] else { panic!("{report}") };
    assert!(message.starts_with("getProducts failed"), "{message}");
    assert_eq!(*advice, "The next sync goes on from here");
    let kept = merchant.items().await.len();
    assert!((490..=500).contains(&kept), "{kept}");

    merchant.pos.faults().clear();
    let before = merchant.pos.requests().count("getProducts");
    let report = is_made_good(&merchant, &integration).await;
    let all = merchant.items().await.len();
    assert_eq!(report.counts[&Resource::ARTICLES].pulled as usize, all - kept, "nothing is read twice");
    // And at most one more, which is empty.
    let pages = merchant.pos.requests().count("getProducts") - before;
    assert!(pages <= (all - kept).div_ceil(500) as u64 + 1, "{pages}");

    let undisturbed = Merchant::new(Pos::generated(1200, 5));
    let integration = undisturbed.connect().await;
    undisturbed.sync(&integration, &RunOptions::manual()).await;
    assert_eq!(contents(merchant.items().await), contents(undisturbed.items().await));
}

#[tokio::test]
async fn a_broken_page_that_comes_whole_the_second_time_is_no_failure() {
    let (merchant, integration) = connected().await;
    merchant.pos.faults().script_for("getProducts", [Fault::Truncated]);
    is_made_good(&merchant, &integration).await;
}

#[tokio::test]
async fn of_an_article_number_in_two_products_one_counts_and_it_is_named() {
    let (merchant, _) = connected().await;
    let (one, other) = (ARTICLES[1].to_string(), ARTICLES[2].to_string());
    let doctored = Doctored::new(&merchant.pos, "getProducts", move |answer| {
        // The same number and the same marker, in another product.
        let marker = |number: &str| (number.parse::<i64>().unwrap() - 1_000_000).to_string();
        answer
            .replace(&format!(">{one}<"), &format!(">{other}<"))
            .replace(&format!("yncMarker>{}<", marker(&one)), &format!("yncMarker>{}<", marker(&other)))
    });
    let integration = merchant.open_doctored(doctored).await;
    let (_, message, advice) = left_out(&merchant, &integration).await;
    assert_eq!(message, "the article number is there in two products; the last one counts");
    assert_eq!(advice, "Give the articles numbers of their own in the POS");
    let count = merchant.items().await.len();

    // Put right, which gives the article a new marker.
    assert!(merchant.pos.change_article(ARTICLES[1], |_| ()));
    assert!(merchant.pos.change_article(ARTICLES[2], |_| ()));
    let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    is_made_good(&merchant, &integration).await;
    assert_eq!(merchant.items().await.len(), count + 1);
}

#[tokio::test]
async fn an_article_without_a_product_is_an_item_without_a_category_until_it_gets_one() {
    let (merchant, _) = connected().await;
    let doctored = Doctored::new(&merchant.pos, "getProducts", |answer| {
        let begin = answer.find("productNumber>100003<").expect("the third product");
        let open = answer[..begin].rfind('<').expect("its element");
        let close = begin + answer[begin..].find("</").expect("its end");
        let close = close + answer[close..].find('>').expect("its end") + 1;
        format!("{}{}", &answer[..open], &answer[close..])
    });
    let integration = merchant.open_doctored(doctored).await;
    let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert!(report.failures.is_empty() && !report.skipped.is_empty(), "{report}");
    for (_, message, advice) in said(&report.skipped.first) {
        assert_eq!(message, "the article belongs to no product");
        assert_eq!(advice, "Put the article into a product in the POS");
    }
    assert_eq!(item(&merchant, ARTICLES[2]).await.record.category, None);
    assert!(item(&merchant, ARTICLES[1]).await.record.category.is_some());

    let product = merchant.pos.product(100_003).unwrap();
    for article in product.article_list.iter().filter_map(|article| article.article_number) {
        merchant.pos.change_article(article, |_| ());
    }
    let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
    is_made_good(&merchant, &integration).await;
    assert!(item(&merchant, ARTICLES[2]).await.record.category.is_some());
}

#[tokio::test]
async fn a_negative_price_is_no_price_and_an_absent_one_is_told() {
    let (merchant, integration) = connected().await;
    let article = ARTICLES[1];
    is_made_good(&merchant, &integration).await;
    merchant.pos.set_price(article, Decimal::new(-100, 2));
    let (_, message, advice) = left_out(&merchant, &integration).await;
    assert_eq!(
        (message.as_str(), advice.as_str()),
        ("the price is negative (-1.00)", "Correct the price in the POS")
    );
    assert_eq!(item(&merchant, article).await.record.price, None);

    merchant.pos.change_article(article, |article| {
        (article.price_incl, article.price_excl) = (None, None);
    });
    let (_, message, advice) = left_out(&merchant, &integration).await;
    assert_eq!((message.as_str(), advice.as_str()), ("the article has no price", "Set a price in the POS"));

    merchant.pos.set_price(article, Decimal::new(250, 2));
    is_made_good(&merchant, &integration).await;
    assert_eq!(item(&merchant, article).await.record.price, Some(Decimal::new(250, 2)));
}

#[tokio::test]
async fn an_unknown_vat_code_leaves_the_item_without_a_rate_until_it_is_corrected() {
    let (merchant, integration) = connected().await;
    merchant.pos.change_article(ARTICLES[1], |article| article.vat_code = Some(77));
    let (_, message, advice) = left_out(&merchant, &integration).await;
    assert!(
        message.starts_with("Tax mismatch: the POS has no BTW code 77 in NLD (it has 1 = 21 %"),
        "{message}"
    );
    assert_eq!(advice, "Set up the code in the POS, or change the tax mapping");
    let stored = item(&merchant, ARTICLES[1]).await.record;
    assert_eq!((stored.tax_rate, stored.btw_code.map(|code| code.get())), (None, Some(77)));
    merchant.pos.change_article(ARTICLES[1], |article| article.vat_code = Some(2));
    is_made_good(&merchant, &integration).await;
    assert_eq!(item(&merchant, ARTICLES[1]).await.record.tax_rate, Some(9.into()));
}

#[tokio::test]
async fn a_name_of_ten_thousand_characters_is_kept_whole_and_shortened_where_it_is_told() {
    let (merchant, integration) = connected().await;
    let name = "ë".repeat(10_000);
    let long = name.clone();
    merchant.pos.change_article(ARTICLES[1], move |article| {
        (article.description, article.vat_code) = (Some(long), Some(77));
    });
    let (told, ..) = left_out(&merchant, &integration).await;
    assert_eq!(told.chars().count(), 201, "200 characters and a sign that there were more");
    assert_eq!(item(&merchant, ARTICLES[1]).await.record.name, name);
    assert!(merchant.activity_log().await.iter().all(|line| line.chars().count() < 1_000));
    let (report, requests) = merchant.sync(&integration, &RunOptions::manual()).await;
    assert_eq!((report.writes, requests), (0, 4), "it is what it is, and costs nothing more");
}

/// The answer to `getImages` with a picture of so many bytes in it.
fn with_picture(answer: &str, bytes: usize) -> String {
    let begin = answer.find("imageData>").expect("a picture") + "imageData>".len();
    let end = begin + answer[begin..].find('<').expect("its end");
    // "AAAA" is three bytes of zero.
    format!("{}{}{}", &answer[..begin], "AAAA".repeat(bytes / 3), &answer[end..])
}

#[tokio::test]
async fn a_picture_of_fifty_megabytes_is_named_once_not_downloaded_again_and_replaced_by_a_smaller_one() {
    // 50 MB fit into an answer and not into the rules; 60 MB do not even fit into an answer.
    for (bytes, expected) in [
        (
            50_000_001,
            "picture not taken over: the image has 50000001 bytes and at most 10485760 are allowed; \
                      use a smaller picture in the POS",
        ),
        (60_000_000, "picture not taken over: it is too large"),
    ] {
        let (merchant, _) = connected().await;
        let doctored = Doctored::new(&merchant.pos, "getImages", move |answer| with_picture(&answer, bytes));
        let integration = merchant.open_doctored(doctored).await;
        let (report, _) = merchant.sync(&integration, &RunOptions::manual()).await;
        assert!(report.failures.is_empty() && report.outcome == RunOutcome::Completed, "{report}");
        let notes = said(&report.skipped.first);
        assert!(!notes.is_empty() && notes.iter().all(|(_, message, _)| *message == expected), "{notes:?}");
        assert_eq!(notes[0].2, "Replace the picture in the POS; the next sync takes the new one");
        assert!(merchant.items().await.len() >= ARTICLES.len());
        let (report, requests) = merchant.sync(&integration, &RunOptions::manual()).await;
        assert_eq!((report.writes, requests), (0, 4), "{report}");

        small_pos::add_picture(&merchant.pos, 1, 2).await;
        let integration = Integration::open(merchant.host(), Merchant::id()).await.unwrap();
        is_made_good(&merchant, &integration).await;
        let images = item(&merchant, ARTICLES[0]).await.record.images;
        assert!(images.iter().any(|image| image.media.is_some()), "{images:?}");
        // A full run tries the old ones again.
        let options = RunOptions::full(mplus_sync::conflict::SyncContext::Manual);
        let (report, _) = merchant.sync(&integration, &options).await;
        assert!(report.skipped.is_empty(), "{report}");
        let items = merchant.items().await;
        assert!(items.iter().flat_map(|item| &item.record.images).all(|image| image.media.is_some()));
    }
}

#[tokio::test]
async fn whichever_call_of_the_store_fails_the_report_says_what_and_what_to_do() {
    let merchant = Merchant::new(small_pos::open().await.0);
    merchant.connect().await;
    let counting = Arc::new(FaultyStore::counting(Arc::clone(&merchant.store)));
    let integration =
        Integration::open(merchant.host_over(Arc::clone(&counting) as _), Merchant::id()).await.unwrap();
    let opened = counting.calls();
    integration.sync_menu(&RunOptions::manual()).await;
    for call in opened + 1..=counting.calls() {
        let merchant = Merchant::new(small_pos::open().await.0);
        merchant.connect().await;
        let store = Arc::new(FaultyStore::failing(Arc::clone(&merchant.store), FailAt::before(call)));
        let integration =
            Integration::open(merchant.host_over(Arc::clone(&store) as _), Merchant::id()).await.unwrap();
        let report = integration.sync_menu(&RunOptions::manual()).await;
        let told: Vec<(String, String)> = match &report.outcome {
            RunOutcome::Failed { message, advice } => vec![(message.clone(), advice.clone())],
            // A picture that could not be fetched is left out, and taken along by the next sync.
            _ => {
                let notes = report.failures.first.iter().chain(&report.skipped.first);
                notes.map(|note| (note.message.clone(), note.advice.clone())).collect()
            }
        };
        // Only giving back the lease, the last call but four, may fail in silence, as it ends by itself; and prolonging it, which is
        // tried again before it ends.
        let [(message, advice)] = &told[..] else {
            let is_harmless = call + 4 >= counting.calls() || store.failed() == Some("extend");
            assert!(told.is_empty() && is_harmless, "call {call}, {:?}: {report}", store.failed());
            continue;
        };
        assert!(message.contains(&format!("fault at call {call}")), "{message}");
        assert!(advice.starts_with("The next sync "), "call {call}: {advice}");
    }
}
