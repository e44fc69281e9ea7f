//! The stock of one branch.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::future::join;
use mplus_qapi::ItemStream;
use mplus_qapi::stock::{ArticleStock, GetStock, GetStockRequest};

use crate::cancel::CancelToken;
use crate::model::{
    ArticleNumber, BranchNumber, Checkpoint, InventoryLevel, Item, ItemId, LocationId, Marker, Resource,
    Tracked,
};
use crate::report::{Note, Scope, Subject};
use crate::store::{Page, Select};

use super::items::ItemsByArticle;
use super::service::{Pull, StockService, Stopped};

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
        let known = pull.checkpoints.get(&self.resource).copied();
        let resource = self.resource.clone();
        let (mut reader, mut writer) = pull.split(&resource, request);
        let mut chunk = reader.next(self).await?;
        while !chunk.is_last {
            // The next chunk is read while this one is written.
            let (written, next) = join(writer.write(chunk, Vec::new()), reader.next(self)).await;
            written?;
            chunk = next?;
        }
        let moved = self.highest.map(Marker::new).filter(|highest| checks_all && Some(*highest) != known);
        let stock = moved.map(|highest| Checkpoint::new(resource.clone(), highest));
        let checkpoints: Vec<Checkpoint> = stock.into_iter().chain(done).collect();
        writer.write(chunk, checkpoints.clone()).await?;
        pull.checkpoints.extend(checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)));
        Ok(())
    }

    /// The levels of what is an item; of one that was read twice the newer.
    fn levels(&mut self, reader: &Reader<'_>, read: Vec<ArticleStock>) -> Vec<InventoryLevel> {
        let mut newest: BTreeMap<ItemId, (i64, InventoryLevel)> = BTreeMap::new();
        let now = reader.service.runtime.now();
        for stock in read {
            let article = ArticleNumber::new(stock.article_number);
            let Some(item) = reader.items.get(article) else {
                self.unlinked += 1;
                if self.first_unlinked.len() < NAMED && !self.first_unlinked.contains(&article) {
                    self.first_unlinked.push(article);
                }
                continue;
            };
            if newest.get(item).is_some_and(|(id, _)| *id > stock.stock_id) {
                continue;
            }
            let zone = &reader.service.settings.zone;
            let told = stock.change_timestamp.and_then(|at| at.to_instant(zone).ok());
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

/// What is written at once.
pub(super) struct Chunk {
    pub(super) levels: Vec<InventoryLevel>,
    /// How many levels were read for it.
    pub(super) read: u64,
    is_last: bool,
}

/// Reads what the POS answers, and finds the items that it is about.
pub(super) struct Reader<'a> {
    pub(super) service: &'a StockService,
    pub(super) items: &'a mut ItemsByArticle,
    pub(super) cancel: &'a CancelToken,
    pub(super) stocks: ItemStream<GetStock>,
}

impl Reader<'_> {
    async fn next(&mut self, branch: &mut BranchPull) -> Result<Chunk, Stopped> {
        let size = self.service.settings.chunk.max(1);
        let mut read = Vec::with_capacity(size);
        let mut is_last = false;
        while read.len() < size && !is_last {
            match self.cancel.stop_or(self.stocks.next()).await? {
                Some(stock) => flatten(stock?, &mut read),
                None => is_last = true,
            }
        }
        let highest = read.iter().map(|stock| stock.stock_id).max();
        branch.highest = branch.highest.max(highest);
        read.retain(|stock| stock.branch_number.is_none_or(|number| number == branch.branch.get()));
        let articles = read.iter().map(|stock| ArticleNumber::new(stock.article_number));
        self.items.load(&*self.service.store, &self.service.connection, articles).await?;
        let count = read.len() as u64;
        Ok(Chunk { levels: branch.levels(self, read), read: count, is_last })
    }
}

/// A level and those of its parts.
fn flatten(mut stock: ArticleStock, all: &mut Vec<ArticleStock>) {
    let parts = std::mem::take(&mut stock.sub_article);
    all.push(stock);
    parts.into_iter().for_each(|part| flatten(part, all));
}
