//! Pulls products and articles, page by page: while one page is being stored, the next one is read and decided.
//!
//! A page goes one way: [`read`], [`know`] what the store has of it, [`decide`], [`write`], [`tell`].

mod decide;
mod gone;
mod know;
mod read;
mod restored;
mod rows;
mod tell;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::try_join;

use super::branch_prices::{self, BranchPrices};
use super::images::{self, Pictures};
use super::markers::Markers;
use super::vat::{self, CheckedTax};
use crate::conflict::SyncContext;
use crate::model::{Connection, ConnectionId, Resource};
use crate::progress::Phase;
use crate::report::Note;
use crate::run::{DECISIONS, Run, StepError};
use crate::settings::MerchantSettings;
use crate::store::{Page, Select, Store, StoreError, StoreErrorKind, update_connection};

use decide::{Decided, Rules, decide};
use gone::{FEW, Seen, deactivate_gone, take_stock_of_menu};
use know::{Known, KnownGroups};
use read::{Pages, PulledPage};
use restored::{LastChanged, is_restored};
use write::{Settles, write};

/// What the pull is told by the steps before it.
pub(crate) struct Basis {
    pub(crate) markers: Markers,
    /// None when they were not read.
    pub(crate) branch_prices: Option<Arc<BranchPrices>>,
}

/// What the pull found out for the steps after it.
#[derive(Default)]
pub(crate) struct Pulled {
    pub(crate) tax: CheckedTax,
    /// The articles, all of them read by this run, told their allergens: nobody else has to be asked.
    pub(crate) tells_allergens: bool,
    pub(crate) pictures: Pictures,
    /// In a dry run: edits that the pull would have settled, which the push then leaves out.
    pub(crate) settled: BTreeSet<String>,
    /// From which marker on it is still to be asked which choices articles have.
    links_from: Option<i64>,
    webshop: Webshop,
}

/// What there is to tell of articles where only those of the web shop are sold.
#[derive(Default)]
struct Webshop {
    untold: u64,
    left: u64,
}

impl Webshop {
    fn tell(self, run: &mut Run<'_>) {
        if self.untold > 0 {
            run.report.skip(Note::general(
                Resource::ARTICLES,
                &format!(
                    "the POS does not say of {} articles whether they are for the web shop: that stays as it was",
                    self.untold
                ),
                "Have it say so (webshop), or sell all articles (webshop_only)",
            ));
        }
        if self.left > FEW as u64 {
            run.report.skip(Note::general(
                Resource::ARTICLES,
                &format!(
                    "{} items were switched off: the POS says that they are not for the web shop",
                    self.left
                ),
                "Look at the articles in the POS if it is not meant, or sell all articles (webshop_only)",
            ));
        }
    }
}

/// Pulls what changed of products and articles; all of it in a full run, which also finds what is gone.
pub(super) async fn pull(run: &mut Run<'_>, basis: Basis) -> Result<Pulled, StepError> {
    let mut pulled = Pulled::default();
    let Basis { markers, branch_prices } = basis;
    let current = markers.articles;
    let tax = pulled.tax.of(run).await?;
    let rates_changed = vat::reach_items(run, &tax).await?;
    if let Some(prices) = branch_prices.as_ref().filter(|_| rates_changed) {
        branch_prices::store_all(run, prices).await?;
    }
    let channel = channel(run.settings());
    let known_channel = run.checkpoint(&Resource::SALES_CHANNEL);
    let channel_changed = known_channel.is_some_and(|known| known != channel);
    // A price that is told without VAT is another one now, too.
    let due = match rates_changed || channel_changed {
        true => Some(0),
        false => run.due(&Resource::ARTICLES, current),
    };
    // What the POS did not tell of choices is read again.
    let links_from = run.checkpoint(&Resource::ARTICLE_LINKS).filter(|from| *from >= 0);
    let Some(mut since) = due.into_iter().chain(links_from).min() else { return Ok(pulled) };
    if since > 0 && is_restored(run).await? {
        since = 0;
        forget_groups(run).await?;
    }
    let branch_prices = branch_prices.filter(|prices| prices.are_told());
    if branch_prices.is_none() {
        branch_prices::forget(run).await?;
    }
    run.expect(&Resource::ARTICLES, Phase::Pull, None);
    // Whoever reads all that there is can tell what is gone.
    let mut seen = (since == 0).then(Seen::default);
    let (mut last, mut done) = (since - 1, 0);
    let mut last_changed = LastChanged::default();
    let (store, connection) = (run.store(), run.connection());
    let was_empty = seen.is_some() && is_empty(store, connection).await?;
    let has_combos = !store.combos(connection, Select::Page(Page::first(1))).await?.is_empty();
    let groups = KnownGroups::of(store, connection).await?;
    let (how, webshop_only) = (run.settling(), run.settings().webshop_only);
    let (price_group, zone) = (run.settings().price_group, run.settings().zone);
    // Whoever accepts the loss believes every answer.
    let most_gone = if run.options.accepts_loss { 100 } else { run.settings().most_gone };
    let rules =
        Rules { how, zone, most_gone, tax, groups, webshop_only, price_group, branch_prices, has_combos };
    // Whoever reads all articles knows all allergens, if articles tell theirs.
    let nutrition = markers.nutrition.filter(|_| since == 0);
    let mut pages = Pages::new(run, &markers, since);
    let mut next = next_page(&mut pages, store, connection, &rules).await;
    tell_of_pages(run, &mut pages);
    while let Some((page, decided)) = next? {
        run.options.cancel.check()?;
        last = page.last;
        last_changed.note(&page.rows);
        if let Some(seen) = &mut seen {
            seen.note(&page.rows);
        }
        pulled.tells_allergens |= since == 0 && decided.told.tells_allergens();
        let articles = page.rows.article_count();
        // That the next page fails does not stop what is being stored.
        let following = async { Ok(next_page(&mut pages, store, connection, &rules).await) };
        let both = try_join(settle(run, page, decided, &rules, nutrition, &mut pulled), following).await;
        tell_of_pages(run, &mut pages);
        ((), next) = both?;
        done += articles as u64;
        run.expect_all(&Resource::ARTICLES, estimate(done, since, last, current));
        run.advance(&Resource::ARTICLES, articles);
    }
    if let Some(operation) = pages.lacking() {
        run.learn_lacking(operation).await;
    }
    std::mem::take(&mut pulled.webshop).tell(run);
    let complete = pages.is_complete();
    if let Some(mut seen) = seen {
        if !complete {
            seen.note_nameless();
        }
        if done == 0 && current.is_some_and(|current| current > 0) {
            run.break_off(Note::general(
                Resource::ARTICLES,
                "the POS lists no articles, although it says that it has some",
                "Sync again; if it goes on, have the POS looked at",
            ));
        }
        // Of a menu that has just come for the first time nothing can be gone.
        if !was_empty {
            deactivate_gone(run, &seen).await?;
        }
        let now = run.now().timestamp();
        run.keep_checkpoint(Resource::FULL_MENU, now).await?;
    } else if run.options.context == SyncContext::Scheduled && run.settings().counts_articles {
        // The menu was changed: somebody may have deleted an article, too, of which no marker tells.
        take_stock_of_menu(run, current).await?;
    }
    // What was deleted at the POS leaves a marker that no article has, and what changed meanwhile is read by the next run.
    let last = current.unwrap_or(last);
    if last >= 0 {
        run.keep_checkpoint(Resource::ARTICLES, last).await?;
    }
    // All that earlier runs left open was read again.
    if links_from.or(pulled.links_from).is_some() {
        let open = pulled.links_from.unwrap_or(vat::NOTHING_READ.get());
        run.keep_checkpoint(Resource::ARTICLE_LINKS, open).await?;
    }
    last_changed.keep(run).await?;
    if known_channel != Some(channel) {
        run.keep_checkpoint(Resource::SALES_CHANNEL, channel).await?;
    }
    if known_channel.is_none() && !run.options.dry_run {
        end_former_menu(run).await?;
    }
    Ok(pulled)
}

/// What else the POS counts went back with its articles, and may have passed what was read since: the next run reads it whole.
async fn forget_groups(run: &mut Run<'_>) -> Result<(), StepError> {
    let counted = [
        Resource::PREPARATION_METHOD_GROUPS,
        Resource::ARTICLE_ALTERATIONS_GROUPS,
        Resource::ARTICLE_NUTRITION,
    ];
    for resource in counted {
        if run.checkpoint(&resource).is_some() {
            run.keep_checkpoint(resource, vat::NOTHING_READ.get()).await?;
        }
    }
    Ok(())
}

/// What was ordered until now was ordered of the menu of the POS that the merchant had before, if there was one.
async fn end_former_menu(run: &Run<'_>) -> Result<(), StepError> {
    let now = run.now();
    let end = |connection: &mut Connection| {
        connection.former_pos.as_mut().map(|former| former.until = now).is_some()
    };
    update_connection(run.store(), run.connection(), &end).await?;
    Ok(())
}

/// Whether nothing of the menu is stored yet.
async fn is_empty(store: &dyn Store, connection: &ConnectionId) -> Result<bool, StoreError> {
    let items = store.items(connection, Select::Page(Page::first(1))).await?;
    let categories = store.categories(connection, Select::Page(Page::first(1))).await?;
    Ok(items.is_empty() && categories.is_empty())
}

/// The settings that decide what an article is sold for and whether it is, as a number: with others, all have to be read.
fn channel(settings: &MerchantSettings) -> i64 {
    let group = settings.price_group.map_or(0, |group| i64::from(group) * 2 + 1);
    group * 2 + i64::from(settings.webshop_only)
}

/// Counts the requests of pages, and names what could not be read of them.
fn tell_of_pages(run: &mut Run<'_>, pages: &mut Pages<'_>) {
    run.report.requests += pages.take_requests();
    pages.take_notes().into_iter().for_each(|note| run.report.fail(note));
    run.report.worth_repeating |= pages.may_pass();
}

/// Reads the next page and decides it. What is stored meanwhile of the same records makes the decision void, not wrong:
/// their revisions move on.
async fn next_page(
    pages: &mut Pages<'_>,
    store: &dyn Store,
    connection: &ConnectionId,
    rules: &Rules,
) -> Result<Option<(PulledPage, Decided)>, StepError> {
    let Some(mut page) = pages.next().await? else { return Ok(None) };
    let known = Known::of(store, connection, &page.rows, rules.has_combos, false).await?;
    // Whoever accepts the loss believes every answer.
    let has_any = known.items.values().any(|item| rules.groups.are_offered_with(&item.record));
    if has_any && rules.most_gone < 100 {
        pages.look_at_links(&mut page, store, connection, &rules.groups).await?;
    }
    let decided = decide(&page, known, rules)?;
    Ok(Some((page, decided)))
}

/// Stores a page and tells of it; decides it anew, again and again, while the same records move on.
async fn settle(
    run: &mut Run<'_>,
    mut page: PulledPage,
    mut decided: Decided,
    rules: &Rules,
    nutrition: Option<i64>,
    pulled: &mut Pulled,
) -> Result<(), StepError> {
    std::mem::take(&mut page.rows.oddities).into_iter().for_each(|note| run.report.skip(note));
    for _ in 0..DECISIONS {
        let Decided { chunk, wanted, links_from, told } = decided;
        let nutrition = nutrition.filter(|_| told.tells_allergens());
        if write(run, chunk, &Settles { pictures: !wanted.is_empty(), nutrition, links_from }).await? {
            pulled.links_from = pulled.links_from.into_iter().chain(links_from).min();
            pulled.webshop.untold += told.webshop_untold;
            pulled.webshop.left += told.left_webshop;
            let settled = told.report(run);
            if run.options.dry_run {
                pulled.settled.extend(settled);
            }
            return images::download(run, wanted, &mut pulled.pictures).await;
        }
        // It may be no edit that is in the way, but a record that has the identifier of a new one.
        let known = Known::of(run.store(), run.connection(), &page.rows, rules.has_combos, true).await?;
        decided = decide(&page, known, rules)?;
    }
    run.report.fail(Note::general(
        Resource::ARTICLES,
        "articles are edited on the host faster than they can be pulled",
        "The next sync takes them along",
    ));
    Err(StepError::Store(StoreError::new(StoreErrorKind::Unavailable, "store a page of articles")))
}

/// How many articles there will be, when those to come are as dense among the markers as those that came.
fn estimate(done: u64, since: i64, last: i64, current: Option<i64>) -> Option<u64> {
    let markers = |until: i64| u64::try_from(until - since + 1).ok().filter(|markers| *markers > 0);
    Some(done.checked_mul(markers(current?)?)?.div_ceil(markers(last)?).max(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_to_come_follows_from_what_came() {
        // Two articles for three markers: of 60,000 markers a tenth has been read.
        assert_eq!(estimate(4_000, 0, 5_999, Some(59_999)), Some(40_000));
        assert_eq!(estimate(40_000, 0, 59_999, Some(59_999)), Some(40_000), "exact at the end");
        assert_eq!(estimate(100, 50_000, 50_099, Some(50_099)), Some(100), "in an incremental run too");
        assert_eq!(estimate(100, 0, 99, None), None, "a POS that does not tell its marker");
        assert_eq!(estimate(7, 5, 4, Some(3)), None);
    }
}
