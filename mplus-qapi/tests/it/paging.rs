//! Pages by sync marker, from servers that keep to the rules and from others.

use futures_util::StreamExt as _;
use mplus_qapi::{ErrorKind, relations::GetRelationsRequest};

use crate::server::{Server, Step, http, relations};

fn page(markers: &[i64]) -> Step {
    let items: Vec<String> =
        markers.iter().map(|marker| format!("<ns:syncMarker>{marker}</ns:syncMarker>")).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    Step::Send(http(200, &[], relations(&items)))
}

/// What comes of these pages, asked for from marker 1: the next markers, and whether an error ended it.
async fn pages(answers: impl IntoIterator<Item = Step>) -> (Vec<i64>, bool, Vec<i64>) {
    let server = Server::start(answers).await;
    let client = server.client();
    let mut pages = client.get_relations(GetRelationsRequest::default()).changes_since(1, 3);
    let mut next = Vec::new();
    let mut failed = false;
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => next.push(page.next_marker),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Paging(_)), "{error}");
                failed = true;
            }
        }
    }
    let requests = server.requests();
    let asked = requests.iter().map(|request| {
        assert!(request.contains(":syncMarkerLimit>3<"), "{request}");
        let marker = request.split(":syncMarker>").nth(1).expect("a marker");
        marker.split('<').next().expect("text").parse().expect("a number")
    });
    (next, failed, asked.collect())
}

#[tokio::test]
async fn the_next_page_begins_behind_the_highest_marker_whatever_the_order() {
    let answer = pages([page(&[1, 4, 3]), page(&[9, 5]), page(&[])]).await;
    assert_eq!(answer, (vec![5, 10], false, vec![1, 5, 10]));
}

#[tokio::test]
async fn items_that_come_again_beside_new_ones_do_no_harm() {
    let answer = pages([page(&[1, 2]), page(&[2, 1, 3]), page(&[])]).await;
    assert_eq!(answer, (vec![3, 4], false, vec![1, 3, 4]));
}

#[tokio::test]
async fn a_server_that_repeats_a_page_is_found_out() {
    let answer = pages([page(&[1, 2, 3]), page(&[1, 2, 3]), page(&[])]).await;
    assert_eq!(answer, (vec![4], true, vec![1, 4]));
}

#[tokio::test]
async fn items_without_a_marker_cannot_be_paged() {
    let bare = Step::Send(http(200, &[], relations(&["<ns:name>Jo</ns:name>"])));
    assert_eq!(pages([bare]).await, (Vec::new(), true, vec![1]));
}

#[tokio::test]
async fn the_last_marker_there_can_be_ends_it() {
    assert_eq!(pages([page(&[i64::MAX])]).await, (Vec::new(), true, vec![1]));
}

#[tokio::test]
async fn a_value_that_cannot_be_read_costs_itself_where_that_is_wanted_and_its_pages_otherwise() {
    let good = "<ns:relationNumber>1</ns:relationNumber><ns:syncMarker>1</ns:syncMarker>";
    let bad =
        "<ns:relationNumber>seven</ns:relationNumber><ns:name>Jo</ns:name><ns:syncMarker>2</ns:syncMarker>";
    let answer = || [Step::Send(http(200, &[], relations(&[good, bad, good]))), page(&[])];

    let server = Server::start(answer()).await;
    let call = server.client().get_relations(GetRelationsRequest::default());
    let mut pages = call.leaving_out_unreadable(true).changes_since(1, 3);
    let page = pages.next().await.expect("a page").expect("readable");
    assert_eq!((page.items.len(), page.next_marker), (3, 3));
    assert_eq!((page.items[1].relation_number, page.items[1].name.as_deref()), (None, Some("Jo")));
    let [unreadable] = &page.unreadable[..] else { panic!("{:?}", page.unreadable) };
    assert_eq!((unreadable.item(), unreadable.index_of("relation")), (Some(1), Some(1)));
    let told = unreadable.to_string();
    assert!(told.contains("seven") && told.contains("relation[1]/relationNumber"), "{told}");
    assert!(pages.next().await.is_none(), "the empty page ends it");

    let server = Server::start(answer()).await;
    let call = server.client().get_relations(GetRelationsRequest::default());
    let error = call.changes_since(1, 3).next().await.expect("an answer").expect_err("unreadable");
    assert!(matches!(error.kind(), ErrorKind::Response(_)), "{error}");
}

#[tokio::test]
async fn a_page_of_which_nothing_can_be_read_is_an_error_all_the_same() {
    let bad: Vec<String> = (0..3).map(|_| "<ns:syncMarker>later</ns:syncMarker>".to_owned()).collect();
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    let server = Server::start([Step::Send(http(200, &[], relations(&bad)))]).await;
    let call = server.client().get_relations(GetRelationsRequest::default());
    let error = call.leaving_out_unreadable(true).changes_since(1, 3).next().await;
    let error = error.expect("an answer").expect_err("no marker");
    assert!(matches!(error.kind(), ErrorKind::Paging(_)), "{error}");
}
