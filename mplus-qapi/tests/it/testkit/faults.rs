use std::time::Duration;

use futures_util::TryStreamExt as _;
use mplus_qapi::{
    Error, ErrorKind, RetryPolicy,
    branches::{GetBranches, GetBranchesResponse},
    products::GetProductsRequest,
    testkit::{Fault, Pos},
};

use super::orders::order;

/// What an order without retries says when it meets this fault.
async fn refused(pos: &Pos, fault: Fault) -> Error {
    pos.faults().script([fault]);
    let client = pos.client_builder().retry(RetryPolicy::none()).build();
    let request = order(pos, &format!("{fault:?}"), &[("Cappuccino", 1)]);
    client.create_order(request).await.expect_err("the fault is felt")
}

#[tokio::test]
async fn every_fault_tells_the_truth_about_what_was_done() {
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::SlowDrip) {
        let pos = Pos::brasserie();
        let error = refused(&pos, fault).await;
        let done = !pos.orders().is_empty();
        assert_eq!(done, fault.is_carried_out(), "{fault:?}");
        assert!(error.may_have_been_processed() || !done, "{fault:?}: {error}");
        assert_eq!(pos.requests().count("createOrder"), u64::from(fault != Fault::Refused), "{fault:?}");
        assert_eq!(pos.requests().carried_out("createOrder"), u64::from(done), "{fault:?}");
    }
}

#[tokio::test]
async fn faults_look_like_what_they_are() {
    let pos = Pos::brasserie();
    assert!(refused(&pos, Fault::Refused).await.is_connect());
    assert!(refused(&pos, Fault::TimeoutAfter).await.is_timeout());
    assert!(refused(&pos, Fault::ServerFault).await.fault().is_some_and(|fault| fault.is_server()));
    let unavailable = refused(&pos, Fault::Unavailable { retry_after: Duration::from_secs(3) }).await;
    assert!(matches!(unavailable.kind(), ErrorKind::Http { status: 503 }), "{unavailable}");
    for fault in [Fault::Truncated, Fault::Garbage] {
        let error = refused(&pos, fault).await;
        assert!(matches!(error.kind(), ErrorKind::Response(_)), "{error}");
    }
    assert_eq!(pos.faults().injected(), 6);
}

#[tokio::test]
async fn a_fault_is_felt_where_the_test_gives_the_answer_itself() {
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::SlowDrip) {
        let pos = Pos::brasserie();
        pos.replies().answer::<GetBranches>(GetBranchesResponse::default());
        pos.faults().script([fault]);
        let client = pos.client_builder().retry(RetryPolicy::none()).build();
        client.get_branches(GetBranches::default()).await.expect_err("the fault is felt");
        assert!(client.get_branches(GetBranches::default()).await.is_ok(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_whole() {
    let pos = Pos::brasserie();
    pos.faults().script([Fault::SlowDrip, Fault::SlowDrip]);
    let client = pos.client();
    assert_eq!(client.get_branches(GetBranches::default()).await.expect("branches").branches.len(), 3);
    let products: Vec<_> =
        client.stream_products(GetProductsRequest::default()).try_collect().await.expect("stream");
    assert_eq!(products.len(), 43);
}

#[tokio::test]
async fn a_stream_that_is_cut_before_its_first_item_starts_over_and_else_ends_in_an_error() {
    let pos = Pos::brasserie();
    pos.faults().script([Fault::Truncated]);
    let client = pos.client();
    let whole: Vec<_> = client
        .stream_products(GetProductsRequest::default())
        .try_collect()
        .await
        .expect("the second attempt");
    assert_eq!((whole.len(), pos.requests().count("getProducts")), (43, 2));

    pos.faults().script([Fault::Truncated]);
    let once = client.get_products(GetProductsRequest::default()).retry(RetryPolicy::none());
    let cut: Result<Vec<_>, _> = once.stream().try_collect().await;
    assert!(cut.is_err());
}

#[tokio::test]
async fn reads_get_through_a_pos_that_often_fails() {
    let pos = Pos::brasserie();
    pos.faults().random(0.2, 11);
    let policy =
        RetryPolicy { max_attempts: 12, max_elapsed: Duration::from_secs(3600), ..RetryPolicy::default() };
    let client = pos.client_builder().retry(policy).build();
    let mut unreadable = 0;
    for _ in 0..200 {
        match client.get_branches(GetBranches::default()).await {
            Ok(answer) => assert_eq!(answer.branches.len(), 3),
            // A page of the router is no matter of trying again.
            Err(error) if matches!(error.kind(), ErrorKind::Response(_)) => unreadable += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(pos.faults().injected() > 20);
    assert!(unreadable < 20, "{unreadable}");
}
