//! A waiter who works at the same tables: claims them for a while, and settles them.

use std::time::Duration;

use mplus_qapi::table_orders::{ClaimMethod, GetTableOrderV3Request, PayTableOrder, ReleaseTableV2Request};
use mplus_qapi::terminals::RegisterTerminal;
use mplus_qapi::testkit::Pos;
use mplus_qapi::types::{Order, Payment, TableIdentifier, Terminal, TerminalStatus, WorkplaceIdentifier};
use mplus_qapi::{Client, Error};

use crate::random::SplitMix;
use crate::world::{BRANCHES, TABLES};

/// The waiter's till.
const TILL: i32 = 2;

/// Works until it is cut off. A call that fails is left at that, as waiters do.
pub(crate) async fn wait_on_tables(pos: Pos, mut random: SplitMix) {
    let client = pos.client();
    loop {
        let branch = 1 + random.below(BRANCHES) as i32;
        let table = 1 + random.below(TABLES) as i32;
        let settles = random.below(4) == 0;
        // What goes wrong here is not what is looked at.
        if visit(&client, branch, table, settles).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn visit(client: &Client, branch: i32, table: i32, settles: bool) -> Result<(), Error> {
    let request = GetTableOrderV3Request {
        branch_number: branch,
        workplace_number: TILL,
        table_number: table,
        claim_method: Some(ClaimMethod::Normal),
        ..GetTableOrderV3Request::default()
    };
    let order = client.get_table_order_v3(request).await?.order;
    tokio::time::sleep(Duration::from_millis(5)).await;
    if let Some(order) = order.filter(|_| settles) {
        settle(client, branch, order).await?;
    }
    // Also what was claimed by a call that seemed to fail.
    release(client, branch, table).await
}

async fn settle(client: &Client, branch: i32, order: Order) -> Result<(), Error> {
    let terminal = Terminal {
        branch_number: branch,
        terminal_number: TILL,
        terminal_status: TerminalStatus::Available,
        unique_device_identifier: "the waiter's".to_owned(),
        ..Terminal::default()
    };
    client
        .register_terminal(RegisterTerminal { terminal: terminal.clone(), force_registration: true })
        .await?;
    let amount = order.total_incl_amount.unwrap_or_default();
    let payment = Payment { method: "CONTANT".to_owned(), amount, ..Payment::default() };
    let pay = PayTableOrder { terminal, order: Some(order), payment_list: vec![payment] };
    client.pay_table_order(pay).await.map(drop)
}

async fn release(client: &Client, branch: i32, table: i32) -> Result<(), Error> {
    let request = ReleaseTableV2Request {
        workplace: WorkplaceIdentifier { branch_number: branch, workplace_number: TILL },
        table: TableIdentifier { branch_number: branch, table_number: table, table_sub_number: 1 },
    };
    let mut released = client.release_table_v2(request.clone()).await;
    while released.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        released = client.release_table_v2(request.clone()).await;
    }
    released.map(drop)
}
