//! The stock of one branch.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use mplus_qapi::stock::{ArticleStock, GetStockRequest};

use crate::model::{
    ArticleNumber, BranchNumber, Checkpoint, InventoryLevel, Item, ItemId, LocationId, Marker, Resource,
    Tracked,
};
use crate::progress::{Phase, ProgressMeter};
use crate::report::{Note, Scope, Subject};
use crate::store::{Page, Select, StockChunk};

use super::service::{Pull, Stopped};

/// Articles that the report names of those that are no item.
const NAMED: usize = 5;

/// The pull of one branch.
pub(super) struct BranchPull {
    branch: BranchNumber,
    location: LocationId,
    resource: Resource,
    /// The highest `stockId` so far. The POS does not sort by it, so it counts when all was read.
    highest: Option<i64>,
    unlinked: u64,
    first_unlinked: Vec<ArticleNumber>,
}

impl BranchPull {
    pub(super) fn new(branch: BranchNumber, location: LocationId) -> Self {
        let resource = Resource::stock(branch);
        Self { branch, location, resource, highest: None, unlinked: 0, first_unlinked: Vec::new() }
    }

    pub(super) async fn run(mut self, pull: &mut Pull<'_>) -> Result<(), Stopped> {
        let full = pull.options.scope == Scope::Full;
        let since = pull.checkpoints.get(&self.resource).map(|marker| marker.get()).filter(|_| !full);
        self.highest = since;
        if since.is_some() {
            self.newly_linked(pull).await?;
        }
        let menu = self.menu_checkpoint(pull);
        self.read(pull, Vec::new(), since.map(|since| since + 1), menu).await?;
        self.note_unlinked(pull);
        Ok(())
    }

    /// Where the menu was when the stock of all its items was last known.
    fn menu_resource(&self) -> Resource {
        Resource::named(format!("{}-articles", self.resource))
    }

    /// What to write when the stock of all items is known: the menu as it is now.
    fn menu_checkpoint(&self, pull: &Pull<'_>) -> Option<Checkpoint> {
        let marker = *pull.checkpoints.get(&Resource::ARTICLES)?;
        let resource = self.menu_resource();
        (pull.checkpoints.get(&resource) != Some(&marker)).then(|| Checkpoint::new(resource, marker))
    }

    /// Reads the stock of items that were linked since the last pull: their last change may be long ago.
    async fn newly_linked(&mut self, pull: &mut Pull<'_>) -> Result<(), Stopped> {
        if self.menu_checkpoint(pull).is_none() {
            return Ok(());
        }
        let chunk = pull.service.settings.chunk.max(1);
        let mut page = Page::first(chunk);
        loop {
            let items = pull.service.store.items(&pull.service.connection, Select::Page(page)).await?;
            let full = items.len() == chunk;
            let last = items.last().map(|item| item.record.id.clone());
            let unknown = self.without_level(pull, items).await?;
            if !unknown.is_empty() {
                self.read(pull, unknown, None, None).await?;
            }
            match last.filter(|_| full) {
                Some(last) => page = Page::after(last, chunk),
                None => return Ok(()),
            }
        }
    }

    /// The articles of items whose stock is not known here, though they may have one.
    async fn without_level(&self, pull: &Pull<'_>, items: Vec<Tracked<Item>>) -> Result<Vec<i64>, Stopped> {
        let linked: Vec<(ItemId, i64)> = items
            .into_iter()
            .filter(|item| item.record.stock_tracked != Some(false))
            .filter_map(|item| Some((item.record.id, item.external_ids.mpluskassa?.get())))
            .collect();
        let ids: Vec<ItemId> = linked.iter().map(|(item, _)| item.clone()).collect();
        let levels = pull.service.store.levels_of(&pull.service.connection, &self.location, &ids).await?;
        let known: std::collections::HashSet<&ItemId> = levels.iter().map(|level| &level.item).collect();
        Ok(linked.iter().filter(|(item, _)| !known.contains(item)).map(|(_, article)| *article).collect())
    }

    /// Streams levels into the store. What `done` says is written with the last of them.
    async fn read(
        &mut self,
        pull: &mut Pull<'_>,
        articles: Vec<i64>,
        since: Option<i64>,
        done: Option<Checkpoint>,
    ) -> Result<(), Stopped> {
        let checks_all = articles.is_empty();
        let request = GetStockRequest {
            branch_number: self.branch.get(),
            article_numbers: articles,
            stock_id: since,
            ..GetStockRequest::default()
        };
        let mut meter =
            ProgressMeter::start(self.resource.clone(), Phase::Pull, None, pull.service.runtime.now());
        let chunk = pull.service.settings.chunk.max(1);
        let mut read = Vec::with_capacity(chunk);
        let mut stocks = pull.service.client.stream_stock(request);
        pull.report.requests += 1;
        while let Some(stock) = pull.cancel.stop_or(stocks.next()).await? {
            self.collect(stock?, &mut read);
            if read.len() >= chunk {
                self.write(pull, &mut read, Vec::new(), &mut meter).await?;
            }
        }
        let known = pull.checkpoints.get(&self.resource).copied();
        let moved = self.highest.map(Marker::new).filter(|highest| checks_all && Some(*highest) != known);
        let stock = moved.map(|highest| Checkpoint::new(self.resource.clone(), highest));
        self.write(pull, &mut read, stock.into_iter().chain(done).collect(), &mut meter).await
    }

    /// Takes one level and those of its parts.
    fn collect(&mut self, mut stock: ArticleStock, read: &mut Vec<ArticleStock>) {
        let parts = std::mem::take(&mut stock.sub_article);
        self.highest = self.highest.max(Some(stock.stock_id));
        if stock.branch_number.is_none_or(|branch| branch == self.branch.get()) {
            read.push(stock);
        }
        for part in parts {
            self.collect(part, read);
        }
    }

    async fn write(
        &mut self,
        pull: &mut Pull<'_>,
        read: &mut Vec<ArticleStock>,
        checkpoints: Vec<Checkpoint>,
        meter: &mut ProgressMeter,
    ) -> Result<(), Stopped> {
        if read.is_empty() && checkpoints.is_empty() {
            return Ok(());
        }
        pull.keep_lease().await?;
        let (store, connection) = (&pull.service.store, &pull.service.connection);
        let articles = read.iter().map(|stock| ArticleNumber::new(stock.article_number));
        pull.items.load(&**store, connection, articles).await?;
        let count = read.len() as u64;
        let levels = self.levels(pull, read);
        pull.report.count(&self.resource).pulled += levels.len() as u64;
        let chunk = StockChunk { levels, checkpoints: checkpoints.clone() };
        store.apply_stock(connection, chunk).await?;
        pull.report.writes += 1;
        pull.checkpoints.extend(checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)));
        pull.options.progress.progress(&meter.advance(count, pull.service.runtime.now()));
        Ok(())
    }

    /// The levels of what is an item; of one that was read twice the newer.
    fn levels(&mut self, pull: &Pull<'_>, read: &mut Vec<ArticleStock>) -> Vec<InventoryLevel> {
        let mut newest: BTreeMap<ItemId, (i64, InventoryLevel)> = BTreeMap::new();
        let now = pull.service.runtime.now();
        for stock in read.drain(..) {
            let article = ArticleNumber::new(stock.article_number);
            let Some(item) = pull.items.get(article) else {
                self.unlinked += 1;
                if self.first_unlinked.len() < NAMED && !self.first_unlinked.contains(&article) {
                    self.first_unlinked.push(article);
                }
                continue;
            };
            if newest.get(item).is_some_and(|(id, _)| *id > stock.stock_id) {
                continue;
            }
            let told = stock.change_timestamp.and_then(|at| at.to_instant(&pull.service.settings.zone).ok());
            let level = InventoryLevel {
                location: self.location.clone(),
                item: item.clone(),
                amount: stock.amount_free,
                day_stock: stock.is_day_stock_article,
                changed_at: told.flatten().unwrap_or(now),
            };
            newest.insert(item.clone(), (stock.stock_id, level));
        }
        newest.into_values().map(|(_, level)| level).collect()
    }

    /// Tells a person about articles whose stock has no place to go.
    fn note_unlinked(&self, pull: &mut Pull<'_>) {
        if self.unlinked == 0 {
            return;
        }
        let named: Vec<String> = self.first_unlinked.iter().map(ToString::to_string).collect();
        let more = if self.unlinked > named.len() as u64 { ", ..." } else { "" };
        let message = format!(
            "stock of {} articles was left out, as they are no item here: {}{more}",
            self.unlinked,
            named.join(", ")
        );
        let advice = "Sync the menu, or link the items with their articles (external_ids.mpluskassa)";
        pull.report.count(&self.resource).skipped += self.unlinked;
        let subject = Subject::new(self.location.as_str(), format_args!("branch {}", self.branch));
        pull.report.skipped.push(Note::about(self.resource.clone(), subject, &message, advice));
    }
}
