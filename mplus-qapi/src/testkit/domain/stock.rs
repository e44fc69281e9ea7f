//! Stock levels and what changed them.

use std::sync::Arc;

use crate::{
    products::Article,
    stock::*,
    testkit::{
        catalogue::{Catalogue, MADE},
        dialect::{StockRows, TURN},
        domain::{
            operations::{Answer, Items, Operations},
            page::page,
        },
        state::{
            State,
            stock::{COMPUTED_ID, Level},
        },
    },
    value::Decimal,
};

pub(super) fn register(operations: &mut Operations) {
    operations.list(get_stock);
    operations.on(get_stock_history);
    operations.on(update_stock);
    operations.on(set_stock);
}

impl State {
    /// Sets what is free of an article in a branch; the id of the change, if the article keeps stock.
    pub(in crate::testkit) fn set_free(&mut self, branch: i32, article: i64, free: Decimal) -> Option<i64> {
        self.catalogue.article(article).filter(keeps_stock)?;
        let before = self.stock.level(&self.catalogue, article, branch);
        let cause = (StockHistoryType::Correction, None);
        let stamp = self.clock.stamp();
        Some(self.stock.keep((article, branch), before, (free, before.reserved), stamp, cause))
    }

    /// What is free of an article in a branch, if it keeps stock: as `getStock` would tell it.
    pub(in crate::testkit) fn free(&self, branch: i32, article: i64) -> Option<Decimal> {
        self.catalogue.article(article).filter(keeps_stock)?;
        let level = self.stock.level(&self.catalogue, article, branch);
        Rows::of_now(self).of(article, level).map(|level| level.free)
    }

    /// Moves a quantity from free to reserved (or back, when it is negative), as far as the article keeps stock.
    pub(super) fn reserve(&mut self, branch: i32, article: &Article, quantity: Decimal, order: &str) {
        let Some(number) = article.article_number.filter(|_| keeps_stock(article)) else { return };
        let before = self.stock.level(&self.catalogue, number, branch);
        let after = (before.free - quantity, before.reserved + quantity);
        let cause = (StockHistoryType::Sales, Some(order.to_owned()));
        self.stock.keep((number, branch), before, after, self.clock.stamp(), cause);
    }
}

pub(super) fn keeps_stock(article: &Article) -> bool {
    article.stock_article == Some(true)
}

/// The levels of a branch: of the asked for articles or of all that keep stock, changed since `stockId` if it is given.
fn get_stock(state: &mut State, GetStock { request }: GetStock) -> Answer<Items<GetStock>> {
    let mut branches = vec![request.branch_number];
    if !request.branch_numbers.is_empty() {
        branches = request.branch_numbers.into_vec();
    }
    if request.day_stock_only_filter == Some(true) {
        return Ok(Box::new(std::iter::empty()));
    }
    let (stock, catalogue) = (state.stock.clone(), Arc::clone(&state.catalogue));
    let since = request.stock_id;
    let rows = Rows::of_now(state);
    let levels = branches.into_iter().flat_map(move |branch| {
        let numbers: Box<dyn Iterator<Item = i64> + Send> = if request.article_numbers.is_empty() {
            let touched: Vec<i64> = stock
                .changed
                .keys()
                .filter(|(_, held)| *held == branch)
                .map(|(article, _)| *article)
                .collect();
            let computed = since.is_none_or(|since| since <= COMPUTED_ID);
            let changed = Arc::clone(&stock.changed);
            let untouched = catalogue.computed_stock().take(if computed { usize::MAX } else { 0 });
            let untouched = untouched.map(|(article, _)| article);
            let others: Vec<i64> = if rows.every { without_stock(&catalogue) } else { Vec::new() };
            Box::new(
                untouched
                    .filter(move |article| !changed.contains_key(&(*article, branch)))
                    .chain(touched)
                    .chain(others),
            )
        } else {
            Box::new(request.article_numbers.clone().into_iter())
        };
        let (stock, catalogue) = (stock.clone(), Arc::clone(&catalogue));
        numbers.filter_map(move |article| {
            let keeps = keeps_stock(&catalogue.article(article)?);
            let level = match (keeps, rows.every) {
                (true, _) => rows.of(article, stock.level(&catalogue, article, branch))?,
                (false, true) => NOTHING,
                (false, false) => return None,
            };
            since.is_none_or(|since| level.id >= since).then(|| article_stock(article, branch, level))
        })
    });
    Ok(Box::new(levels))
}

/// Which rows are told, as the dialect says.
#[derive(Debug, Clone, Copy)]
struct Rows {
    every: bool,
    negative: bool,
    partly: bool,
}

/// The level of an article that keeps no stock.
const NOTHING: Level = Level { id: COMPUTED_ID, free: Decimal::ZERO, reserved: Decimal::ZERO, changed: MADE };

impl Rows {
    fn of_now(state: &State) -> Self {
        let told = state.dialect.stock_rows;
        Self {
            every: told == StockRows::Every,
            negative: told == StockRows::Negative,
            partly: told == StockRows::Partly || (told == StockRows::Going && state.clock.hours() >= TURN),
        }
    }

    fn of(self, article: i64, level: Level) -> Option<Level> {
        let third = article % 3 == 0;
        match third {
            true if self.partly => None,
            true if self.negative => Some(Level { free: -level.free, ..level }),
            _ => Some(level),
        }
    }
}

fn without_stock(catalogue: &Arc<Catalogue>) -> Vec<i64> {
    let products = catalogue.since(0).filter_map(|number| catalogue.product(number));
    let mut articles = Vec::new();
    for product in products {
        let without = product.article_list.iter().filter(|article| !keeps_stock(article));
        articles.extend(without.filter_map(|article| article.article_number));
    }
    articles
}

fn article_stock(article_number: i64, branch: i32, level: Level) -> ArticleStock {
    ArticleStock {
        branch_number: Some(branch),
        article_number,
        change_timestamp: Some(level.changed),
        stock_id: level.id,
        amount_free: level.free,
        amount_reserved: level.reserved,
        amount_incoming: Decimal::ZERO,
        own_amount_free: Some(level.free.into()),
        own_amount_reserved: Some(level.reserved.into()),
        own_amount_incoming: Some(Decimal::ZERO.into()),
        sub_article: Vec::new(),
        is_day_stock_article: false,
    }
}

fn get_stock_history(
    state: &mut State,
    GetStockHistory { request }: GetStockHistory,
) -> Answer<GetStockHistoryResponse> {
    let wanted = state.stock.history.iter().filter(|entry| {
        entry.branch_number == Some(request.branch_number)
            && (request.article_numbers.is_empty() || request.article_numbers.contains(&entry.article_number))
    });
    let entries = wanted.map(|entry| (entry.stock_id, entry.clone())).collect();
    let list = page(entries, request.since_stock_id, request.since_stock_id_limit);
    Ok(GetStockHistoryResponse { article_stock_history: list })
}

fn update_stock(state: &mut State, UpdateStock { request }: UpdateStock) -> Answer<UpdateStockResponse> {
    let refused = |result| Ok(UpdateStockResponse { result, stock_id: None });
    if state.branches.get(request.branch_number).is_none() {
        return refused(UpdateStockResult::BranchNotFound);
    }
    let Some(article) = state.catalogue.article(request.article_number) else {
        return refused(UpdateStockResult::ArticleNotFound);
    };
    if !keeps_stock(&article) {
        return refused(UpdateStockResult::NoStockArticle);
    }
    let place = (request.article_number, request.branch_number);
    let before = state.stock.level(&state.catalogue, place.0, place.1);
    let after = (before.free + request.amount_changed, before.reserved);
    let id = state.stock.keep(place, before, after, state.clock.stamp(), (StockHistoryType::Api, None));
    Ok(UpdateStockResponse { result: UpdateStockResult::Ok, stock_id: Some(id) })
}

fn set_stock(state: &mut State, SetStock { request }: SetStock) -> Answer<SetStockResponse> {
    let refused = |result| Ok(SetStockResponse { result, stock_id: None });
    if state.branches.get(request.branch_number).is_none() {
        return refused(SetStockResult::BranchNotFound);
    }
    if state.catalogue.article(request.article_number).is_none() {
        return refused(SetStockResult::ArticleNotFound);
    }
    match state.set_free(request.branch_number, request.article_number, request.amount) {
        Some(id) => Ok(SetStockResponse { result: SetStockResult::Ok, stock_id: Some(id) }),
        None => refused(SetStockResult::NoStockArticle),
    }
}
