//! A merchant's first days: connect, sync, changes, edits, conflicts, stock, orders; compared after each.

use std::time::Duration;

use mplus_qapi::products::{Article, ArticleBranchDeviationLine};
use mplus_qapi::testkit::dialect::{History, MenuAnswer, SideElements};
use mplus_qapi::testkit::{Dialect, Fault, Pos};
use mplus_qapi::value::Decimal;
use mplus_sync::Integration;
use mplus_sync::conflict::SyncContext;
use mplus_sync::model::{CategoryId, Item};
use mplus_sync::report::RunOutcome;
use mplus_sync::sync::RunOptions;

use super::oracle::{Difference, Expected, compare, is_told};
use super::world::World;

const HOUR: u64 = 3600;
/// Articles that a walk changes.
const PRICED: &str = "Cappuccino";
const EDITED: &str = "Leeuwburger";
const DISPUTED: &str = "Dame blanche";
const LINED: &str = "Coca-Cola";
/// An item that the host makes.
const NEW: &str = "Soep van de dag";

/// A call of a walk, and what happens to it.
pub(super) type FaultAt = (u64, Fault);

/// What happens in a walk besides what always does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) fault: Option<FaultAt>,
    /// The merchant chooses other calls for orders while some are under way.
    pub(super) changes_settings: bool,
}

/// Where a walk ended, and what was not as it must be on the way.
pub(super) struct Walked {
    pub(super) differences: Vec<Difference>,
    pub(super) calls: u64,
    pub(super) left_to_a_person: usize,
    /// What the orders had to come to at the POS.
    pub(super) sent: Vec<Expected>,
    pub(super) world: World,
}

/// Walks through everything in a dialect; a fault may meet one of the calls.
pub(super) async fn walk(dialect: Dialect, course: Course) -> Walked {
    let pos = Pos::brasserie().with_dialect(dialect);
    if let Some((call, fault)) = course.fault {
        let before = usize::try_from(call).unwrap();
        pos.faults().script(std::iter::repeat_n(None, before).chain([Some(fault)]));
    }
    let mut walk = Walk {
        world: World::new(pos),
        course,
        differences: Vec::new(),
        sent: Vec::new(),
        left_to_a_person: 0,
    };
    match walk.world.connect().await {
        Err(error) => walk.differ("connect", error),
        Ok(integration) => {
            walk.first_sync(&integration).await;
            walk.changes(&integration).await;
            walk.push(&integration).await;
            walk.conflict(&integration).await;
            walk.turn(&integration).await;
            walk.orders(&integration).await;
        }
    }
    let Walk { differences, sent, left_to_a_person, world, .. } = walk;
    Walked { differences, calls: world.pos.requests().total(), left_to_a_person, sent, world }
}

/// Walks, and notes what is not as it must be.
pub(super) struct Walk {
    pub(super) world: World,
    pub(super) course: Course,
    pub(super) differences: Vec<Difference>,
    pub(super) sent: Vec<Expected>,
    pub(super) left_to_a_person: usize,
}

impl Walk {
    pub(super) fn differ(&mut self, kind: &'static str, detail: impl Into<String>) {
        self.differences.push(Difference::new(kind, detail));
    }

    pub(super) fn pass_until(&self, hour: u64) {
        let begin = Pos::brasserie().now();
        let passed = (self.world.pos.now() - begin).to_std().unwrap_or_default();
        self.world.pos.pass(Duration::from_secs(hour * HOUR).saturating_sub(passed));
    }

    /// Syncs, as a person does: again when it did not come to its end.
    async fn sync(&mut self, integration: &Integration, options: &RunOptions) -> bool {
        for _ in 0..4 {
            let report = integration.sync(options).await;
            let ended = report.menu.outcome == RunOutcome::Completed
                && !report.menu.worth_repeating
                && report.stock.as_ref().is_some_and(|stock| stock.outcome == RunOutcome::Completed);
            self.world.reports.push(report.menu);
            self.world.reports.extend(report.stock);
            if ended {
                return true;
            }
            self.world.pos.pass(Duration::from_secs(60));
        }
        false
    }

    async fn sync_to_the_end(&mut self, integration: &Integration, options: &RunOptions, kind: &'static str) {
        if !self.sync(integration, options).await {
            let last = self.world.reports.iter().rev().find(|report| report.outcome != RunOutcome::Completed);
            let outcome = last.map(|report| format!("{:?}", report.outcome)).unwrap_or_default();
            self.differ(kind, outcome);
        }
    }

    async fn compare(&mut self) {
        let held = self.world.held().await;
        self.differences.extend(compare(&self.world.pos, &held));
    }

    async fn first_sync(&mut self, integration: &Integration) {
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/first").await;
        self.compare().await;
    }

    async fn changes(&mut self, integration: &Integration) {
        self.pass_until(1);
        let pos = self.world.pos.clone();
        let article = |name: &str| pos.article_number(name).unwrap();
        let euros = |cents| Decimal::new(cents, 2);
        pos.set_price(article(PRICED), euros(3_85));
        pos.change_article(article("Bitter lemon"), |article| article.active = Some(false));
        pos.change_article(article("Café au lait"), |article| {
            article.description = Some("Koffie verkeerd".to_owned())
        });
        pos.set_branch_price(2, article(LINED), Some(euros(3_45)));
        pos.set_branch_price(3, article(LINED), Some(euros(3_55)));
        pos.set_branch_price(2, article("Espresso enkel"), Some(Decimal::new(1, 1)));
        pos.set_stock(1, article(LINED), Decimal::from(11));
        pos.move_article(article("Witbier"), pos.products()[7].product_number.unwrap());
        pos.delete_article(article("Verse muntthee glas"));
        pos.set_dialect(pos.dialect());
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/changes").await;
        // A deletion that is not told is found by a full run.
        self.sync_to_the_end(integration, &RunOptions::full(SyncContext::Scheduled), "sync/full").await;
        self.compare().await;
    }

    /// The host changes a price, a branch's price, and adds an item.
    async fn push(&mut self, integration: &Integration) {
        self.pass_until(2);
        let pos = self.world.pos.clone();
        let (edited, lined) = (pos.article_number(EDITED).unwrap(), pos.article_number(LINED).unwrap());
        let (before, lines) = (pos.article(edited), pos.branch_lines());
        let products = pos.products().iter().map(|product| product.article_list.len()).sum::<usize>();
        let (Some(item), Some(priced)) = (self.world.item(edited).await, self.world.item(lined).await) else {
            return self.differ("push/no-item", "the items to edit are not there");
        };
        let (mut item, mut priced) = (item.record, priced.record);
        item.price = Some(Decimal::new(19_75, 2));
        let second = priced.location_prices.iter_mut().find(|price| price.price == Decimal::new(3_45, 2));
        let branch_priced = second.map(|price| price.price = Decimal::new(3_65, 2)).is_some();
        let fresh = new_item(item.category.clone());
        for edit in [item, priced, fresh] {
            if let Err(error) = self.world.edit(edit).await {
                self.differ("push/edit", error);
            }
        }
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/push").await;
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/push-again").await;

        let after = pos.article(edited);
        let price = after.as_ref().and_then(|article| article.price_incl);
        if price != Some(Decimal::new(19_75, 2)) {
            self.differ("push/price", format!("{EDITED} costs {price:?} at the POS"));
        }
        if let (Some(before), Some(after)) = (before, after)
            && kept(&before) != kept(&after)
        {
            self.differ("push/damage", format!("{:?} became {:?}", kept(&before), kept(&after)));
        }
        self.compare_lines(&lines, lined, branch_priced);
        let now = pos.products().iter().map(|product| product.article_list.len()).sum::<usize>();
        // Without VAT groups nobody knows which code the new one's rate has.
        let told =
            !pos.dialect().knows("getVatGroupList") && is_told(&self.world.notes(), &[NEW], "Tax mismatch");
        if now != products + 1 && !(told && now == products) {
            self.differ("push/new", format!("{products} articles became {now}, one was added in the host"));
        }
    }

    fn compare_lines(&mut self, before: &[ArticleBranchDeviationLine], lined: i64, priced: bool) {
        // Names as they are told may lack a character.
        let notes = self.world.notes().replace('\u{fffd}', "");
        for line in before {
            let is = |held: &&ArticleBranchDeviationLine| {
                (held.article_number, held.branch_number) == (line.article_number, line.branch_number)
            };
            let lines = self.world.pos.branch_lines();
            let Some(held) = lines.iter().find(is) else {
                self.differ("push/line-gone", format!("{line:?} is gone"));
                continue;
            };
            let texts = |line: &ArticleBranchDeviationLine| {
                let description = line.description.as_deref();
                // What a dialect adds on the wire may come back.
                let description = description.map(|text| text.trim_end_matches('\u{1f355}').to_owned());
                (description, line.special_price.as_ref().map(|price| price.as_str().to_owned()))
            };
            if texts(held) != texts(line) {
                self.differ("push/line-damage", format!("{line:?} became {held:?}"));
            }
            let edited = (line.article_number, line.branch_number) == (lined, 2);
            let prices = |line: &ArticleBranchDeviationLine| (line.sales_price_incl, line.sales_price_excl);
            if !edited && prices(held) != prices(line) {
                self.differ("push/line-price", format!("{line:?} became {held:?}"));
            }
            let wanted = Some(Decimal::new(3_65, 2).into());
            let save = "saveArticleBranchDeviations";
            let is_unsaved = !self.world.pos.dialect().knows(save) && is_told(&notes, &[LINED], save);
            if edited && priced && held.sales_price_incl != wanted && !is_unsaved {
                self.differ("push/branch-price", format!("{held:?}, 3.65 in the host, and nobody is told"));
            }
        }
    }

    /// Both sides change the same price; the host later.
    async fn conflict(&mut self, integration: &Integration) {
        let pos = self.world.pos.clone();
        let article = pos.article_number(DISPUTED).unwrap();
        pos.set_price(article, Decimal::new(9_10, 2));
        pos.pass(Duration::from_secs(600));
        let Some(item) = self.world.item(article).await else {
            return self.differ("conflict/no-item", "the item to edit is not there");
        };
        let mut item = item.record;
        item.price = Some(Decimal::new(9_90, 2));
        if let Err(error) = self.world.edit(item).await {
            self.differ("conflict/edit", error);
        }
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/conflict").await;
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/conflict-again").await;
        // Without its time the POS wins.
        let timed = pos.dialect().side_elements == SideElements::Told;
        let wanted = Some(if timed { Decimal::new(9_90, 2) } else { Decimal::new(9_10, 2) });
        let at_pos = pos.article(article).and_then(|article| article.price_incl);
        let held = self.world.item(article).await.and_then(|item| item.record.price);
        if (at_pos, held) != (wanted, wanted) {
            self.differ(
                "conflict/price",
                format!("{at_pos:?} at the POS, {held:?} in the host, {wanted:?} is right"),
            );
        }
    }

    /// What changes by itself at the third hour.
    async fn turn(&mut self, integration: &Integration) {
        let active = self.world.items().await.iter().filter(|item| item.record.active).count();
        self.pass_until(3);
        let pos = self.world.pos.clone();
        let restored = pos.dialect().history == History::Restored;
        let reports = self.world.reports.len();
        if pos.dialect().menu_answer != MenuAnswer::Whole {
            self.sync(integration, &RunOptions::full(SyncContext::Scheduled)).await;
            let still = self.world.items().await.iter().filter(|item| item.record.active).count();
            if still < active && !restored {
                self.differ("turn/switched-off", format!("{active} items were active, {still} are"));
            }
            if self.world.reports[reports..]
                .iter()
                .all(|report| report.is_clean() && report.outcome == RunOutcome::Completed)
            {
                self.differ("turn/untold", "a list that was cut is reported as clean");
            }
            return;
        }
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/turn").await;
        let article = pos.article_number(PRICED).unwrap();
        pos.set_price(article, Decimal::new(3_95, 2));
        self.sync_to_the_end(integration, &RunOptions::manual(), "sync/turn-changes").await;
        let mut found = compare(&pos, &self.world.held().await);
        if restored {
            // What the host had made itself is not the POS's any more.
            found.retain(|difference| difference.kind != "menu/gone");
        }
        self.differences.extend(found);
    }
}

/// What nobody edited in an article.
fn kept(article: &Article) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        // What a dialect adds on the wire may come back.
        article.description.as_ref().map(|text| text.trim_end_matches('\u{1f355}').to_owned()),
        article.barcode.clone(),
        article.vat_code,
        article.stock_article,
        article.active,
        article.turnover_group,
        article.image_list.len(),
    )
}

fn new_item(category: Option<CategoryId>) -> Item {
    let mut item = Item::new("host-soup", NEW);
    item.category = category;
    item.price = Some(Decimal::new(6_50, 2));
    item.tax_rate = Some(9.into());
    item.active = true;
    item
}
