//! Everything that a host awaits may be awaited in a task.

#[path = "../../../tests/public_futures.rs"]
mod public_futures;

use std::future::IntoFuture;

use mplus_qapi::soap::{ListResponse, Operation, Paged};
use mplus_qapi::testkit::{Message, Pos, transport_conformance};
use mplus_qapi::transport::Body;
use mplus_qapi::{Call, Client, ItemStream, Pages, Transport};

use public_futures::{assert_complete, assert_send, assert_small, send_futures};

send_futures! {
    [O: Operation] Client::send(client: &Client, operation: O);
    [O: Operation] Call::reply(call: Call<O>);
    Body::next(body: &mut Body);
    Message::send(message: &Message, client: &Client);
    Pos::serve(pos: &Pos);
    Pos::serve_on(pos: &Pos, port: u16);
    transport_conformance(transport: &dyn Transport);
}

#[test]
fn every_public_future_is_send() {
    assert_complete(env!("CARGO_MANIFEST_DIR"), LISTED);
}

#[test]
fn every_public_future_is_small() {
    assert_small(sizes());
}

#[expect(dead_code, reason = "that it compiles is the test")]
fn what_an_operation_gives_is_send<L, P>(call: Call<L>, items: ItemStream<L>, pages: Pages<P>)
where
    L: Operation<Response: ListResponse>,
    P: Paged<Response: ListResponse>,
{
    assert_send(call.into_future());
    assert_send(items);
    assert_send(pages);
}
