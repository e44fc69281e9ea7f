//! What is measured, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use mplus_qapi::testkit::Pos;
use mplus_sync::model::{Order, OrderKind, OutboxStateKind, RunKind};
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::testkit::write_as_next_release;

use crate::Options;
use crate::child::{Task, bare_merchant};
use crate::children::{self, Process};
use crate::database::{self, Databases};
use crate::figures::{Figures, Orders, Runs, Spread};
use crate::merchants::{self, Stores, id};

/// How many merchants sell.
const SELLING: u32 = 1_000;
/// How often it is looked for orders that were set aside, before they count as lost.
const SET_ASIDE: u32 = 1_200;
/// The call that brings an order to the POS.
const CREATE: &str = "createOrderV3";
/// How many merchants there are while a process warms up.
const FIRST: u32 = 20;

type Failed = Box<dyn Error>;

struct Stage<'a> {
    options: &'a Options,
    databases: &'a Databases,
    stores: Stores,
    pos: Pos,
    /// Where the test POS is.
    address: String,
    /// Every order that was queued.
    queued: BTreeSet<String>,
}

/// All of it.
pub(crate) async fn all(options: &Options, databases: &Databases) -> Result<Figures, Failed> {
    if options.newer > 0 {
        write_as_next_release();
    }
    let mut stores = Vec::new();
    for url in databases.urls() {
        stores.push(database::open(&url).await?.0);
    }
    // It takes an order that it has for another one, whatever is said of it: one that is sent twice is there twice.
    let pos = Pos::brasserie().with_dialect("duplicate-taken,keys-ignored".parse()?);
    let server = pos.serve().await?;
    let address = server.endpoint().as_str().to_owned();
    let queued = BTreeSet::new();
    let mut stage = Stage { options, databases, stores: Stores(stores), pos, address, queued };
    let mut figures = Figures {
        database: databases.kind(),
        merchants: options.merchants,
        processes: options.processes,
        ..Figures::default()
    };
    stage.idle(&mut figures).await?;
    figures.tell();
    stage.flood(&mut figures).await?;
    stage.throughput(&mut figures).await?;
    stage.crash().await?;
    figures.orders = stage.count_at_pos();
    figures.tell();
    stage.daily(&mut figures).await?;
    Ok(figures)
}

#[expect(clippy::disallowed_methods, reason = "a measurement has a real clock")]
fn clock() -> Instant {
    Instant::now()
}

fn tell(what: &str) {
    eprintln!("fleet: {what}");
}

impl Stage<'_> {
    fn task(&self, name: &str) -> Task {
        Task {
            name: name.to_owned(),
            databases: self.databases.urls(),
            pos: self.address.clone(),
            pos_ms: 0,
            daily: None,
            bare: false,
            newer_processes: self.options.newer,
            is_newer: false,
        }
    }

    fn selling(&self) -> u32 {
        self.options.merchants.min(SELLING)
    }

    /// What an idle fleet asks and holds, and how soon a single order is at the POS.
    async fn idle(&mut self, figures: &mut Figures) -> Result<(), Failed> {
        let (all, selling) = (self.options.merchants, self.selling());
        tell("adding the first merchants");
        merchants::add(&self.stores, 0..FIRST.min(all), selling).await?;
        let mut processes = children::start(&self.task("idle"), self.options.processes).await?;
        self.looked_after(FIRST.min(all)).await?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        let before = resident(&mut processes).await?;
        tell("adding the others");
        merchants::add(&self.stores, FIRST.min(all)..all, selling).await?;
        self.looked_after(all).await?;
        // Until the clients of those that were looked after are dropped, and the waits are long again.
        tokio::time::sleep(Duration::from_secs(15)).await;
        let grown = resident(&mut processes).await?.saturating_sub(before);
        let each = f64::from(all.saturating_sub(FIRST).max(1)) * processes.len() as f64;
        figures.memory_per_merchant_bytes = (grown as f64 / each).round();

        tell("counting an idle fleet's statements");
        let seconds = self.options.idle_seconds.max(1);
        let (first, first_calls) = (self.databases.statements().await?, calls(&mut processes).await?);
        tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
        let (last, last_calls) = (self.databases.statements().await?, calls(&mut processes).await?);
        let count = match (first, last) {
            (Some(first), Some(last)) => last - first,
            _ => last_calls - first_calls,
        };
        figures.idle_statements_per_s = (count as f64 / f64::from(seconds) * 10.0).round() / 10.0;

        tell("timing single orders");
        let mut times = Vec::new();
        for sample in 0..self.options.samples {
            tokio::time::sleep(Duration::from_millis(1_500 + u64::from(sample * 137 % 1_000))).await;
            let before = self.pos.requests().count(CREATE);
            let began = clock();
            self.queue(sample % selling, format!("single-{sample}")).await?;
            while self.pos.requests().count(CREATE) == before {
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        figures.enqueue_to_pos_ms = Spread::of(times);
        self.all_sent().await?;
        children::stop(processes).await?;
        Ok(())
    }

    /// One merchant floods; the others have one order each, all at once, while it does.
    async fn flood(&mut self, figures: &mut Figures) -> Result<(), Failed> {
        tell("one merchant floods");
        for number in 0..self.options.orders {
            self.queue(0, format!("flood-{number}")).await?;
        }
        let task = Task { pos_ms: self.options.pos_ms, ..self.task("flood") };
        let processes = children::start(&task, self.options.processes).await?;
        for merchant in 1..self.selling() {
            self.queue(merchant, format!("other-{merchant}")).await?;
        }
        let mut times = Vec::new();
        for merchant in 1..self.selling() {
            let (id, number) = (id(merchant), format!("other-{merchant}").into());
            loop {
                let entry = self.stores.of(&id).entry(&id, &number).await?.ok_or("an order is gone")?;
                if entry.state.kind() == OutboxStateKind::Accepted {
                    times.push(
                        (entry.updated_at - entry.queued_at).num_microseconds().unwrap_or(0) as f64 / 1_000.0,
                    );
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        figures.others_p99_ms = Spread::of(times).p99;
        figures.flood_left = self.open().await?;
        self.all_sent().await?;
        children::stop(processes).await?;
        Ok(())
    }

    /// Orders a second, and what the database could do at best.
    async fn throughput(&mut self, figures: &mut Figures) -> Result<(), Failed> {
        tell("orders of a thousand merchants");
        let selling = self.selling();
        for number in 0..self.options.orders {
            self.queue(number % selling, format!("many-{number}")).await?;
        }
        let task = Task { pos_ms: self.options.pos_ms, ..self.task("many") };
        let processes = children::start(&task, self.options.processes).await?;
        figures.orders_per_s = self.rate().await?;
        children::stop(processes).await?;

        tell("the bare loop");
        for number in 0..self.options.orders {
            let (id, now) = (bare_merchant(number % selling), TokioRuntime.now());
            let order = Order::new(format!("bare-{number}"), "city", OrderKind::Pickup, now);
            self.stores.of(&id).enqueue(&id, &order, now).await?;
        }
        let task = Task { bare: true, ..self.task("bare") };
        let processes = children::start(&task, self.options.processes).await?;
        figures.bare_orders_per_s = self.rate().await?;
        children::stop(processes).await?;
        Ok(())
    }

    /// How many orders a second end from now, when the processes are there, until none is open.
    async fn rate(&self) -> Result<f64, Failed> {
        let (began, open) = (clock(), self.open().await?);
        self.all_sent().await?;
        Ok((open as f64 / began.elapsed().as_secs_f64()).round())
    }

    /// One process is killed while orders are under way: others send what it had begun, and nothing twice.
    async fn crash(&mut self) -> Result<(), Failed> {
        tell("one process is killed while it sends orders");
        let selling = self.selling();
        for number in 0..self.options.orders {
            self.queue(number % selling, format!("crash-{number}")).await?;
        }
        let task = Task { pos_ms: self.options.pos_ms, ..self.task("crash") };
        let mut processes = children::start(&task, self.options.processes).await?;
        if processes.len() > 1 {
            let half = u64::from(self.options.orders) / 2;
            while self.open().await? > half {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            processes.remove(0).kill().await?;
        }
        self.all_sent().await?;
        children::stop(processes).await?;
        Ok(())
    }

    /// How many orders are open.
    async fn open(&self) -> Result<u64, Failed> {
        let mut open = 0;
        for store in &self.stores.0 {
            let backlog = store.backlog(None).await?;
            open += backlog.waiting + backlog.sending;
        }
        Ok(open)
    }

    /// Every merchant's daily run, due in the same minute; one process is killed meanwhile.
    async fn daily(&mut self, figures: &mut Figures) -> Result<(), Failed> {
        tell("daily runs");
        let pos = Pos::generated(2, 3);
        let server = pos.serve().await?;
        let count = self.options.runs.unwrap_or(self.options.merchants).min(self.options.merchants);
        for merchant in count..self.options.merchants {
            let id = id(merchant);
            self.stores.of(&id).remove_connection(&id).await?;
        }
        let now = TokioRuntime.now();
        // Every merchant is to be looked after before its daily time, or the next one is tomorrow's.
        let at = now + TimeDelta::seconds(75 + i64::from(count) / 100);
        let task = Task {
            pos: server.endpoint().as_str().to_owned(),
            daily: Some((at.hour(), at.minute(), self.options.window)),
            ..self.task("daily")
        };
        let mut processes = children::start(&task, self.options.processes).await?;
        for merchant in 0..count {
            let (id, due) = (id(merchant), TokioRuntime.now());
            let request = mplus_sync::model::RunRequest::new(mplus_sync::model::RunReason::AskedFor, due);
            self.stores.of(&id).request_run(&id, &RunKind::UPKEEP, request).await?;
        }
        let mut to_kill = (processes.len() > 1).then(|| processes.remove(0));
        let longest = TimeDelta::seconds(600 + i64::from(self.options.window) * 60 + i64::from(count) / 5);
        let mut pending: BTreeSet<u32> = (0..count).collect();
        let mut looked_at = 0;
        while !pending.is_empty() && TokioRuntime.now() - now < longest {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (mut done, mut last) = (Vec::new(), count);
            // Those who watch are not to be what the database is busy with.
            for merchant in pending.iter().filter(|merchant| **merchant >= looked_at).take(500) {
                let id = id(*merchant);
                if self.stores.of(&id).last_day(&id, &RunKind::SYNC).await?.is_some() {
                    done.push(*merchant);
                }
                last = *merchant + 1;
            }
            looked_at = if last < count { last } else { 0 };
            for merchant in done {
                pending.remove(&merchant);
            }
            if pending.len() < count as usize * 2 / 3
                && let Some(victim) = to_kill.take()
            {
                tell("one process is killed");
                victim.kill().await?;
            }
        }
        // Whoever would run a merchant twice has the time to.
        tokio::time::sleep(Duration::from_secs(20)).await;
        figures.runs = self.count_runs(count).await?;
        for said in children::stop(processes).await? {
            tell(&said.to_string());
        }
        Ok(())
    }

    /// Counts each merchant's runs that came to their end, in the activity log, which has a line for each.
    async fn count_runs(&self, count: u32) -> Result<Runs, Failed> {
        let mut runs = Runs { due: count as usize, ..Runs::default() };
        let mut ends: Vec<DateTime<Utc>> = Vec::new();
        for merchant in 0..count {
            let id = id(merchant);
            let lines = self.stores.of(&id).activities(&id, None, 100).await?;
            let done: Vec<_> = lines
                .into_iter()
                .map(|line| line.activity)
                .filter(|line| line.topic == "menu" && line.message.contains("completed"))
                .collect();
            ends.extend(done.iter().map(|line| line.at));
            match done.len() {
                0 => runs.skipped += 1,
                1 => runs.done += 1,
                _ => {
                    runs.done += 1;
                    runs.twice += 1;
                }
            }
        }
        if let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) {
            runs.spread_s = (*last - *first).num_milliseconds() as f64 / 1_000.0;
        }
        Ok(runs)
    }

    async fn queue(&mut self, merchant: u32, number: String) -> Result<(), Failed> {
        let is_new_kind = self.options.newer > 0 && self.queued.len().is_multiple_of(3);
        merchants::order(&self.stores, merchant, &number, is_new_kind).await?;
        self.queued.insert(number);
        Ok(())
    }

    /// Waits until nothing is open, and what processes of this release set aside has been sent by one of the next.
    async fn all_sent(&self) -> Result<(), Failed> {
        let mut patience = if self.options.newer > 0 { SET_ASIDE } else { 0 };
        loop {
            let open = self.open().await?;
            if open == 0 && (patience == 0 || self.count_at_pos().lost == 0) {
                return Ok(());
            }
            patience = patience.saturating_sub(u32::from(open == 0));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until so many merchants have been looked after.
    async fn looked_after(&self, count: u32) -> Result<(), Failed> {
        let mut next = 0;
        while next < count {
            let id = id(next);
            let runs = self.stores.of(&id).runs(&id).await?;
            let upkeep = runs.iter().find(|run| run.kind == RunKind::UPKEEP);
            let done = upkeep.is_some_and(|run| {
                run.running.is_none() && run.due_at.is_some_and(|due| due > TokioRuntime.now())
            });
            if done {
                next += 1;
            } else {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// Counts the orders that the POS has.
    fn count_at_pos(&self) -> Orders {
        let mut kept: BTreeMap<String, usize> = BTreeMap::new();
        for number in self.pos.orders().into_iter().filter_map(|order| order.ext_order_id) {
            *kept.entry(number).or_default() += 1;
        }
        Orders {
            queued: self.queued.len(),
            accepted: self.queued.iter().filter(|number| kept.contains_key(*number)).count(),
            lost: self.queued.iter().filter(|number| !kept.contains_key(*number)).count(),
            duplicated: kept.values().filter(|times| **times > 1).count(),
        }
    }
}

async fn resident(processes: &mut [Process]) -> Result<u64, Failed> {
    let mut all = 0;
    for process in processes {
        all += process.stats().await?.0;
    }
    Ok(all)
}

async fn calls(processes: &mut [Process]) -> Result<u64, Failed> {
    let mut all = 0;
    for process in processes {
        all += process.stats().await?.1;
    }
    Ok(all)
}
