//! One pull: what its branches share, and the three that work at once for each of them.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use mplus_qapi::ItemStream;
use mplus_qapi::soap::Unreadable;
use mplus_qapi::stock::{ArticleStock, GetStock, GetStockRequest};
use mplus_qapi::value::Zone;
use rust_decimal::Decimal;

use super::StockOptions;
use super::items::ItemsByArticle;
use super::refusal::Refusal;
use crate::cancel::CancelToken;
use crate::merchant::Merchant;
use crate::model::{
    ArticleNumber, BranchNumber, Checkpoint, InventoryLevel, ItemId, LocationId, Marker, Resource,
};
use crate::progress::{Phase, ProgressMeter, tell};
use crate::report::RunReport;
use crate::run::{Hold, Silence, StepError};
use crate::store::{StockChunk, StoreError};

/// One pull: what its branches share.
pub(super) struct Pull<'a> {
    /// Its client asks `hold` before each request.
    pub(super) merchant: &'a Merchant,
    /// The zone of the POS's clock.
    pub(super) zone: Zone,
    pub(super) options: &'a StockOptions<'a>,
    pub(super) cancel: &'a CancelToken,
    pub(super) report: RunReport,
    pub(super) checkpoints: BTreeMap<Resource, Marker>,
    pub(super) items: ItemsByArticle,
    /// What the POS last answered instead of doing what it was asked.
    pub(super) pos_failure: Option<String>,
    pub(super) silence: Silence,
    /// What could not be read, and what to do: the pull goes on, and is not complete.
    pub(super) broke_off: Option<(String, String)>,
    pub(super) hold: &'a Hold,
}

impl Pull<'_> {
    /// How many levels, or items, are looked at together.
    pub(super) fn chunk(&self) -> usize {
        self.merchant.limits().stock_chunk.max(1)
    }

    /// Takes levels away.
    pub(super) async fn take_away(&mut self, gone: Vec<(LocationId, ItemId)>) -> Result<(), StepError> {
        self.merchant.check_standing().await?;
        self.hold.keep().await?;
        let chunk = StockChunk { gone, ..StockChunk::default() };
        self.merchant.store().apply_stock(self.merchant.connection(), chunk).await?;
        self.report.writes += 1;
        Ok(())
    }

    /// Keeps that the POS refuses to tell a branch's stock, as it was known to or not.
    pub(super) async fn note_refusal(
        &mut self,
        branch: BranchNumber,
        known: Option<Refusal>,
    ) -> Result<(), StepError> {
        let now = self.merchant.runtime().now();
        let refusal = known.map_or_else(|| Refusal::first(now), |known| known.again(now));
        self.merchant.check_standing().await?;
        self.hold.keep().await?;
        let chunk = StockChunk { checkpoints: refusal.checkpoints(branch), ..StockChunk::default() };
        Ok(self.merchant.store().apply_stock(self.merchant.connection(), chunk).await?)
    }

    /// What reads a branch's stock, what finds the items that it is about, and what writes it: all work at once.
    pub(super) fn split(
        &mut self,
        resource: &Resource,
        request: GetStockRequest,
    ) -> (Reader<'_>, Finder<'_>, Writer<'_>) {
        let chunk = self.chunk();
        let Self { merchant, zone, options, cancel, report, items, hold, .. } = self;
        let stocks = merchant.client().call(GetStock { request }).leaving_out_unreadable(true).stream();
        report.requests += 1;
        let meter = ProgressMeter::start(resource.clone(), Phase::Pull, None, merchant.runtime().now());
        let writer = Writer { merchant, options, resource: resource.clone(), report, hold, meter };
        let reader = Reader { chunk, cancel, stocks, unreadable: Vec::new() };
        (reader, Finder { merchant, zone: *zone, known: items }, writer)
    }
}

/// What is written at once.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) levels: Vec<InventoryLevel>,
    /// How many levels were read for it.
    pub(super) read: u64,
}

/// Reads what the POS answers.
pub(super) struct Reader<'a> {
    chunk: usize,
    cancel: &'a CancelToken,
    stocks: ItemStream<GetStock>,
    /// Rows of which a value cannot be read, with that.
    pub(super) unreadable: Vec<(ArticleNumber, Unreadable)>,
}

impl Reader<'_> {
    /// The next levels, at least a chunk unless they are the last; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<ArticleStock>>, StepError> {
        let (stocks, unreadable) = (&mut self.stocks, &mut self.unreadable);
        let chunk = async {
            let mut read = Vec::with_capacity(self.chunk);
            while read.len() < self.chunk
                && let Some(stock) = stocks.next().await
            {
                let stock = stock?;
                match stocks.take_unreadable().into_iter().next() {
                    None => flatten(stock, &mut read),
                    Some(value) => unreadable.push((ArticleNumber::new(stock.article_number), value)),
                }
            }
            Ok::<_, StepError>((!read.is_empty()).then_some(read))
        };
        self.cancel.stop_or(chunk).await?
    }
}

/// Finds the items that levels are about.
pub(super) struct Finder<'a> {
    pub(super) merchant: &'a Merchant,
    /// The zone of the POS's clock.
    pub(super) zone: Zone,
    pub(super) known: &'a mut ItemsByArticle,
}

impl Finder<'_> {
    /// Looks up those that are not known yet.
    pub(super) async fn load(&mut self, stocks: &[ArticleStock]) -> Result<(), StoreError> {
        let (store, connection) = (&**self.merchant.store(), self.merchant.connection());
        let article = |stock: &ArticleStock| ArticleNumber::new(stock.article_number);
        self.known.load(store, connection, stocks.iter().map(article)).await?;
        let nothing_left = stocks.iter().filter(|stock| stock.amount_free <= Decimal::ZERO);
        self.known.load_tracking(store, connection, nothing_left.map(article)).await
    }
}

/// Writes chunks, as long as no other worker has taken over.
pub(super) struct Writer<'a> {
    merchant: &'a Merchant,
    options: &'a StockOptions<'a>,
    resource: Resource,
    report: &'a mut RunReport,
    hold: &'a Hold,
    meter: ProgressMeter,
}

impl Writer<'_> {
    /// Writes a chunk together with how far the pull has come then.
    pub(super) async fn write(
        &mut self,
        chunk: Chunk,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<(), StepError> {
        let Chunk { levels, read, .. } = chunk;
        if !levels.is_empty() || !checkpoints.is_empty() {
            self.merchant.check_standing().await?;
            self.hold.keep().await?;
            let written = levels.len() as u64;
            let chunk = StockChunk { levels, checkpoints, ..StockChunk::default() };
            self.merchant.store().apply_stock(self.merchant.connection(), chunk).await?;
            self.report.count(&self.resource).pulled += written;
            self.report.writes += 1;
        }
        tell(self.options.progress, &self.meter.advance(read, self.merchant.runtime().now()));
        Ok(())
    }
}

/// A level and those of its parts.
fn flatten(mut stock: ArticleStock, all: &mut Vec<ArticleStock>) {
    let parts = std::mem::take(&mut stock.sub_article);
    all.push(stock);
    parts.into_iter().for_each(|part| flatten(part, all));
}
