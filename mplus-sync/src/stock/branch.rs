//! The stock of one branch.

use std::collections::{HashMap, HashSet};

use futures_util::future::join3;
use mplus_qapi::soap::Unreadable;
use mplus_qapi::stock::{ArticleStock, GetStockRequest};
use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, BranchNumber, Checkpoint, InventoryLevel, Item, ItemId, LocationId, Marker, Resource,
    Tracked,
};
use crate::report::{Note, Scope, Subject};
use crate::run::StepError;
use crate::store::{Page, Select, StoreError};

use super::pull::{Chunk, Finder, Pull};

/// Articles whose newest row is remembered; a service that tells one twice does so close together, if at all.
const REMEMBERED: usize = 100_000;
/// Articles that the report names of those that are no item.
const NAMED: usize = 5;

/// The pull of one branch.
pub(super) struct BranchPull {
    branch: BranchNumber,
    location: LocationId,
    resource: Resource,
    /// The highest `stockId` so far. The POS does not sort by it, so it counts when all was read.
    highest: Option<i64>,
    /// Up to where everything was read by earlier pulls.
    since: Option<i64>,
    /// The article of the row that was the highest of earlier pulls, where it is known, and of this one.
    known_last: Option<i64>,
    last: Option<i64>,
    /// Whether the POS told the row that was read last again, or a newer one of its article.
    meets: bool,
    /// The newest row of each article so far, as far as it is remembered: an older one may come later.
    told: HashMap<i64, i64>,
    /// Rows that cannot be read, one of each article.
    unreadable: UnreadableRows,
    unlinked: u64,
    first_unlinked: Vec<ArticleNumber>,
}

impl BranchPull {
    pub(super) fn new(branch: BranchNumber, location: LocationId) -> Self {
        let resource = Resource::stock(branch);
        Self {
            branch,
            location,
            resource,
            highest: None,
            since: None,
            known_last: None,
            last: None,
            meets: false,
            told: HashMap::new(),
            unreadable: UnreadableRows::default(),
            unlinked: 0,
            first_unlinked: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, pull: &mut Pull<'_>) -> Result<(), StepError> {
        let done = self.read_all(pull).await;
        // What was seen is told, however it ended.
        self.note_unlinked(pull);
        self.note_unreadable(pull);
        done
    }

    async fn read_all(&mut self, pull: &mut Pull<'_>) -> Result<(), StepError> {
        let full = pull.options.scope == Scope::Full;
        let since = pull.checkpoints.get(&self.resource).map(|marker| marker.get()).filter(|_| !full);
        self.follow_menu(pull, full).await?;
        // The stock of an item that was linked since is not known while its row cannot be read.
        let menu = self.menu_checkpoint(pull).filter(|_| self.unreadable.is_empty());
        (self.since, self.highest, self.meets) = (since, since, false);
        self.known_last = pull.checkpoints.get(&self.last_resource()).map(|marker| marker.get());
        self.last = self.known_last;
        self.read(pull, Vec::new(), menu.clone()).await?;
        if since.is_some() && !self.meets {
            // The row that was read last is gone: its article keeps no stock any more, or the ids went back, as after a backup
            // was restored, and may have passed it since.
            (self.since, self.highest, self.last) = (None, None, None);
            self.unlinked = 0;
            self.first_unlinked.clear();
            self.read(pull, Vec::new(), menu).await?;
        }
        if self.highest.is_none() && pull.checkpoints.contains_key(&self.resource) {
            let subject = Subject::new(self.location.as_str(), format_args!("branch {}", self.branch));
            let message = "the POS lists no stock of the branch any more: all levels were left as they are";
            let advice = "Look at the stock in the POS; the next pull reads all of it";
            pull.report.skipped.push(Note::about(self.resource.clone(), subject, message, advice));
        }
        Ok(())
    }

    /// Which article the row is of that was read last.
    fn last_resource(&self) -> Resource {
        Resource::named(format!("{}-last", self.resource))
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

    /// Follows what became of the menu since the last pull: levels of items that keep no stock any more are taken away, and the
    /// stock of items that were linked since is read, whose last change may be long ago; unless everything is read anyway.
    async fn follow_menu(&mut self, pull: &mut Pull<'_>, reads_all: bool) -> Result<(), StepError> {
        if !pull.checkpoints.contains_key(&self.resource) || self.menu_checkpoint(pull).is_none() {
            return Ok(());
        }
        let chunk = pull.chunk();
        let mut page = Page::first(chunk);
        loop {
            let items = pull.merchant.store().items(pull.merchant.connection(), Select::Page(page)).await?;
            let full = items.len() == chunk;
            let last = items.last().map(|item| item.record.id.clone());
            let (gone, unknown) = self.compare(pull, items).await?;
            if !gone.is_empty() {
                pull.take_away(gone).await?;
            }
            if !unknown.is_empty() && !reads_all {
                self.read(pull, unknown, None).await?;
            }
            match last.filter(|_| full) {
                Some(last) => page = Page::after(last, chunk),
                None => return Ok(()),
            }
        }
    }

    /// The levels here of items that keep no stock, and the articles of items whose stock is not known here though they may have
    /// one. What is counted per day is counted, whatever else the POS says of the article.
    async fn compare(
        &self,
        pull: &Pull<'_>,
        items: Vec<Tracked<Item>>,
    ) -> Result<(Vec<(LocationId, ItemId)>, Vec<i64>), StepError> {
        let ids: Vec<ItemId> = items.iter().map(|item| item.record.id.clone()).collect();
        let levels =
            pull.merchant.store().levels_of(pull.merchant.connection(), &self.location, &ids).await?;
        let known: HashMap<&ItemId, bool> =
            levels.iter().map(|level| (&level.item, level.day_stock)).collect();
        let (mut gone, mut unknown) = (Vec::new(), Vec::new());
        for item in items {
            let keeps_none = item.record.stock_tracked == Some(false);
            match (known.get(&item.record.id), item.external_ids.mpluskassa) {
                (Some(false), _) if keeps_none => gone.push((self.location.clone(), item.record.id)),
                (None, Some(article)) if !keeps_none => unknown.push(article.get()),
                _ => {}
            }
        }
        Ok((gone, unknown))
    }

    /// Streams levels into the store. What `done` says is written with the last of them.
    async fn read(
        &mut self,
        pull: &mut Pull<'_>,
        articles: Vec<i64>,
        done: Option<Checkpoint>,
    ) -> Result<(), StepError> {
        let checks_all = articles.is_empty();
        self.told.clear();
        let request = GetStockRequest {
            branch_number: self.branch.get(),
            article_numbers: articles,
            // The row that was read last is asked for again, whether the POS tells those from an id on or those above it.
            stock_id: self.since.map(|since| (since - 1).max(0)),
            ..GetStockRequest::default()
        };
        let known = pull.checkpoints.get(&self.resource).copied();
        let resource = self.resource.clone();
        let (mut reader, mut finder, mut writer) = pull.split(&resource, request);
        let mut found = Chunk::default();
        let done_reading = async {
            let mut read = reader.next().await?;
            // Three chunks are under way at once: one is read, the items of the one before are found, and the one before that
            // is written.
            while let Some(stocks) = read {
                let written = writer.write(std::mem::take(&mut found), Vec::new());
                let (written, finding, reading) =
                    join3(written, self.find(&mut finder, stocks), reader.next()).await;
                written?;
                found = finding?;
                read = reading?;
            }
            Ok::<_, StepError>(())
        };
        let done_reading = done_reading.await;
        let reads_all_rows = reader.unreadable.is_empty();
        self.unreadable.extend(reader.unreadable);
        done_reading?;
        let moved = self.highest.map(Marker::new).filter(|highest| checks_all && Some(*highest) != known);
        let stock = moved.map(|highest| Checkpoint::new(resource.clone(), highest));
        let last = self.last.filter(|last| checks_all && self.known_last != Some(*last));
        let last = last.map(|last| Checkpoint::new(self.last_resource(), Marker::new(last)));
        // What cannot be read is asked for again. An empty answer says nothing where there was stock before.
        let tells_all = self.meets || (self.since.is_none() && (self.highest.is_some() || known.is_none()));
        let is_all = tells_all && reads_all_rows;
        let checkpoints: Vec<Checkpoint> =
            stock.into_iter().chain(last).chain(done).filter(|_| is_all).collect();
        writer.write(found, checkpoints.clone()).await?;
        pull.checkpoints.extend(checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)));
        Ok(())
    }

    /// The levels of what is an item, in the order of their items; of one that was read twice the newer.
    async fn find(
        &mut self,
        finder: &mut Finder<'_>,
        mut stocks: Vec<ArticleStock>,
    ) -> Result<Chunk, StoreError> {
        let newest = stocks.iter().max_by_key(|stock| stock.stock_id);
        self.meets |= match self.known_last {
            Some(last) => {
                stocks.iter().any(|stock| stock.article_number == last && Some(stock.stock_id) >= self.since)
            }
            None => newest.map(|newest| newest.stock_id) >= self.since,
        };
        if let Some(newest) = newest.filter(|newest| Some(newest.stock_id) >= self.highest) {
            (self.highest, self.last) = (Some(newest.stock_id), Some(newest.article_number));
        }
        stocks.retain(|stock| self.since.is_none_or(|since| stock.stock_id > since));
        stocks.retain(|stock| stock.branch_number.is_none_or(|number| number == self.branch.get()));
        if self.told.len() + stocks.len() > REMEMBERED {
            self.told.clear();
        }
        stocks.retain(|stock| {
            let newest = self.told.entry(stock.article_number).or_insert(stock.stock_id);
            let is_newer = stock.stock_id >= *newest;
            *newest = stock.stock_id.max(*newest);
            is_newer
        });
        finder.load(&stocks).await?;
        let read = stocks.len() as u64;
        let now = finder.merchant.runtime().now();
        let zone = finder.zone;
        let mut levels = Vec::with_capacity(stocks.len());
        for stock in stocks {
            let article = ArticleNumber::new(stock.article_number);
            let Some(item) = finder.known.get(article) else {
                self.unlinked += 1;
                if self.first_unlinked.len() < NAMED && !self.first_unlinked.contains(&article) {
                    self.first_unlinked.push(article);
                }
                continue;
            };
            // Some services list articles that keep no stock, with nothing of it.
            let is_counted = stock.amount_free > Decimal::ZERO || stock.is_day_stock_article;
            if !is_counted && finder.known.keeps_no_stock(item) {
                continue;
            }
            let told = stock.change_timestamp.and_then(|at| at.to_instant(zone).ok());
            let level = InventoryLevel {
                location: self.location.clone(),
                item: item.clone(),
                amount: stock.amount_free,
                day_stock: stock.is_day_stock_article,
                changed_at: told.flatten().unwrap_or(now),
            };
            levels.push((stock.stock_id, level));
        }
        levels.sort_by(|(id, level), (other_id, other)| level.item.cmp(&other.item).then(other_id.cmp(id)));
        levels.dedup_by(|(_, older), (_, newer)| older.item == newer.item);
        Ok(Chunk { levels: levels.into_iter().map(|(_, level)| level).collect(), read })
    }

    /// Tells a person about rows that cannot be read: their levels stay as they are.
    fn note_unreadable(&self, pull: &mut Pull<'_>) {
        for (article, value) in &self.unreadable.rows {
            let subject = Subject::new(self.location.as_str(), format_args!("article {article}"));
            let message = format!("the stock of the article was left as it is: {value}");
            let advice = "Correct the value in the POS; the next pull takes it over then";
            pull.report.count(&self.resource).skipped += 1;
            pull.report.skipped.push(Note::about(self.resource.clone(), subject, &message, advice));
        }
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

/// Rows that cannot be read: of each article the first, and every one of which not even the article is known.
#[derive(Default)]
struct UnreadableRows {
    rows: Vec<(ArticleNumber, Unreadable)>,
    articles: HashSet<ArticleNumber>,
}

impl UnreadableRows {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn extend(&mut self, rows: Vec<(ArticleNumber, Unreadable)>) {
        let nameless = ArticleNumber::new(0);
        let articles = &mut self.articles;
        self.rows.extend(
            rows.into_iter().filter(|(article, _)| *article == nameless || articles.insert(*article)),
        );
    }
}
