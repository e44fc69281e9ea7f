use std::time::Duration;

use futures_util::TryStreamExt as _;
use mplus_qapi::{
    Client, Credentials, Error, ErrorKind, RetryPolicy, TokioRuntime,
    branches::GetBranches,
    orders::FindOrder,
    products::GetProductsRequest,
    testkit::{Fault, Pos, PosServer},
    transport::ReqwestTransport,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::orders::order;

fn client(pos: &Pos, server: &PosServer) -> Client {
    let transport = ReqwestTransport::builder().build().expect("a client");
    Client::builder(server.endpoint(), pos.credentials(), transport, TokioRuntime)
        .retry(RetryPolicy::none())
        .timeout(Duration::from_secs(20))
        .build()
}

#[tokio::test]
async fn the_pos_is_the_same_over_a_socket() {
    let pos = Pos::brasserie();
    let server = pos.serve().await.expect("a port");
    let client = client(&pos, &server);
    client.create_order(order(&pos, "web-1", &[("Cappuccino", 1)])).await.expect("sent");
    assert_eq!(pos.orders().len(), 1);
    let found = client.find_order(FindOrder { ext_order_id: "web-1".into() }).await.expect("sent");
    assert_eq!(found.order, pos.order("web-1"));
    let reply = client.get_branches(GetBranches::default()).reply().await.expect("branches");
    assert_eq!(reply.service_version.as_deref(), Some("67.1.3"));
    let products: Vec<_> =
        client.stream_products(GetProductsRequest::default()).try_collect().await.expect("stream");
    assert_eq!(products.len(), 43);
}

#[tokio::test]
async fn wrong_credentials_are_a_fault_with_status_500() {
    let pos = Pos::brasserie();
    let server = pos.serve().await.expect("a port");
    let stranger =
        Client::connect(server.endpoint(), Credentials::new("testkit", "guess")).expect("a client");
    let error = stranger.get_branches(GetBranches::default()).await.expect_err("refused");
    assert!(error.is_authentication() && error.attempts() == 1, "{error}");
    assert!(!format!("{error} {error:?}").contains("guess"));
}

async fn raw(server: &PosServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

#[tokio::test]
async fn a_plain_get_is_answered_with_405() {
    let server = Pos::brasserie().serve().await.expect("a port");
    let answer = raw(&server, "GET /?wsdl HTTP/1.1\r\nHost: pos\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

async fn met(pos: &Pos, server: &PosServer, fault: Fault) -> Error {
    pos.faults().script([fault]);
    let request = order(pos, &format!("{fault:?}"), &[("Cappuccino", 1)]);
    client(pos, server).create_order(request).timeout(Duration::from_millis(500)).await.expect_err("felt")
}

#[tokio::test]
async fn faults_happen_on_the_socket() {
    let pos = Pos::brasserie();
    let server = pos.serve().await.expect("a port");
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::SlowDrip) {
        let before = pos.orders().len();
        let error = met(&pos, &server, fault).await;
        assert_eq!(pos.orders().len() > before, fault.is_carried_out(), "{fault:?}");
        let as_expected = match fault {
            Fault::TimeoutAfter => error.is_timeout(),
            Fault::ServerFault => error.fault().is_some(),
            Fault::Unavailable { .. } => matches!(error.kind(), ErrorKind::Http { status: 503 }),
            Fault::Truncated | Fault::Garbage => matches!(error.kind(), ErrorKind::Response(_)),
            _ => matches!(error.kind(), ErrorKind::Transport(_)) && error.may_have_been_processed(),
        };
        assert!(as_expected, "{fault:?}: {error}");
    }
    pos.faults().script([Fault::SlowDrip]);
    let branches = client(&pos, &server).get_branches(GetBranches::default()).await.expect("whole");
    assert_eq!(branches.branches.len(), 3);
}

#[tokio::test]
async fn a_dropped_server_refuses_connections() {
    let pos = Pos::brasserie();
    let server = pos.serve().await.expect("a port");
    let client = client(&pos, &server);
    client.get_branches(GetBranches::default()).await.expect("branches");
    let address = server.address();
    drop(server);
    // The port is closed once the runtime has dropped the listener.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = client.get_branches(GetBranches::default()).await.expect_err("nobody listens");
    assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error}");
}
