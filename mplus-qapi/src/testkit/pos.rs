//! The POS as a test holds it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::{Dialect, ExternalPaymentStatus, Faults, Menu, Replies, Requests, VirtualRuntime, state::State};
use crate::{
    Client, ClientBuilder, Credentials, Endpoint,
    products::{Article, ArticleBranchDeviationLine, Product},
    types::{Order, Relation},
    value::Decimal,
};

/// A point of sale in memory. Cheap to clone: clones are the same POS.
#[derive(Clone)]
pub struct Pos {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) requests: Mutex<Requests>,
    pub(super) faults: Faults,
    pub(super) replies: Replies,
    clients: Mutex<u64>,
    /// Calls that are carried out later.
    pub(super) late: Mutex<Vec<Late>>,
}

/// A call that the POS is still at work on.
pub(super) struct Late {
    pub(super) due: DateTime<Utc>,
    pub(super) operation: String,
    pub(super) document: Vec<u8>,
}

pub(super) const IDENT: &str = "testkit";
pub(super) const SECRET: &str = "geheim & vertrouwelijk";

impl Pos {
    /// A brasserie with three branches: about sixty articles with Dutch names, allergens, sizes, combos, choices,
    /// pictures and stock; prices that differ between branches; twenty tables in each.
    pub fn brasserie() -> Self {
        Self::of(State::brasserie())
    }

    /// A catalogue of `products` products with two articles each on average, in the same three branches. Products are
    /// computed from the seed when they are asked for, and never held; changes are kept beside them.
    pub fn generated(products: u32, seed: u64) -> Self {
        Self::of(State::generated(products, seed))
    }

    fn of(state: State) -> Self {
        let shared = Shared {
            state: Mutex::new(state),
            requests: Mutex::default(),
            faults: Faults::default(),
            replies: Replies::new(),
            clients: Mutex::default(),
            late: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// This POS, with these readings of the open questions.
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        self.set_dialect(dialect);
        self
    }

    /// Takes other readings of the open questions from now on. What the POS holds follows: a dialect with special prices
    /// sets some.
    pub fn set_dialect(&self, dialect: Dialect) {
        let mut state = self.state();
        state.dialect = dialect;
        state.set_special_prices();
        state.set_branch_texts();
        state.keep_backup();
    }

    /// Its readings of the open questions.
    pub fn dialect(&self) -> Dialect {
        self.state().dialect
    }

    /// The only credentials that are accepted.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(IDENT, SECRET)
    }

    /// A client that talks to this POS without a socket, whose pauses take no time.
    pub fn client(&self) -> Client {
        self.client_builder().build()
    }

    /// The same, to be adjusted.
    pub fn client_builder(&self) -> ClientBuilder {
        let mut clients = locked(&self.shared.clients);
        // Each client has random numbers of its own: idempotency keys are made of them.
        *clients += 1;
        Client::builder(
            Endpoint::in_memory(),
            self.credentials(),
            self.clone(),
            VirtualRuntime::new(*clients),
        )
    }

    /// What goes wrong on purpose.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Answers that go before the POS's own, whatever its state: for one call or for all of an operation. Nothing is
    /// carried out then.
    pub fn replies(&self) -> &Replies {
        &self.shared.replies
    }

    /// What was called so far.
    pub fn requests(&self) -> Requests {
        locked(&self.shared.requests).clone()
    }

    /// All orders, table orders too, in the order of their creation.
    pub fn orders(&self) -> Vec<Order> {
        self.state().orders.all().cloned().collect()
    }

    /// The order with this `extOrderId`.
    pub fn order(&self, ext_order_id: &str) -> Option<Order> {
        self.state().orders.find(ext_order_id).cloned()
    }

    /// The order that sits at a table.
    pub fn table_order(&self, branch: i32, table: i32) -> Option<Order> {
        self.state().table_order(branch, table).cloned()
    }

    /// A waiter enters an article for the guests of a branch's table, and opens the table when it is free. `false` when there
    /// is no such table, or the article cannot be sold.
    pub fn serve_table(&self, branch: i32, table: i32, article: i64, quantity: Decimal) -> bool {
        self.state().serve((branch, table), article, quantity).is_ok()
    }

    /// Refuses payments of a method, which it goes on listing, until they are [allowed](Self::allow_payments).
    pub fn refuse_payments(&self, method: &str) {
        self.state().refused_methods.insert(method.to_owned());
    }

    /// Takes payments of a method again.
    pub fn allow_payments(&self, method: &str) {
        self.state().refused_methods.remove(method);
    }

    /// Claims a table for a workplace, as a waiter at a terminal does.
    pub fn claim_table(&self, branch: i32, table: i32, workplace: i32) {
        self.state().claim_table(branch, table, workplace);
    }

    /// All relations.
    pub fn relations(&self) -> Vec<Relation> {
        self.state().relations.all().cloned().collect()
    }

    /// A product with its articles.
    pub fn product(&self, number: i64) -> Option<Product> {
        self.state().catalogue.product(number).map(Arc::unwrap_or_clone)
    }

    /// An article.
    pub fn article(&self, number: i64) -> Option<Article> {
        self.state().catalogue.article(number)
    }

    /// The first active article with this description, whatever its case; its number. For the brasserie: a generated
    /// catalogue is searched one by one.
    pub fn article_number(&self, description: &str) -> Option<i64> {
        let catalogue = Arc::clone(&self.state().catalogue);
        let products = catalogue.since(0).filter_map(|number| catalogue.product(number));
        let mut articles = products.flat_map(|product| product.article_list.to_vec());
        let named = |article: &Article| {
            article.active != Some(false)
                && article
                    .description
                    .as_ref()
                    .is_some_and(|held| held.to_lowercase() == description.to_lowercase())
        };
        articles.find(named)?.article_number
    }

    /// Changes an article at the POS: it gets a new sync marker. `false` when there is none with this number.
    pub fn change_article(&self, number: i64, change: impl FnOnce(&mut Article)) -> bool {
        let mut state = self.state();
        let stamp = state.clock.stamp();
        state.catalogue_mut().change_article(number, |article| {
            change(article);
            article.change_timestamp = Some(stamp);
        })
    }

    /// Deletes an article, as the dialect tells it: see [`DeletedArticle`](super::dialect::DeletedArticle). `false` when
    /// there is none with this number.
    pub fn delete_article(&self, number: i64) -> bool {
        self.state().delete_article(number)
    }

    /// Moves an article into another product: both get a new sync marker. `false` when one of them is not there.
    pub fn move_article(&self, number: i64, product: i64) -> bool {
        self.state().move_article(number, product)
    }

    /// Sets an article's price in euros with VAT: it gets a new sync marker. `false` when there is no such article.
    pub fn set_price(&self, article: i64, price: Decimal) -> bool {
        self.change_article(article, |article| {
            article.price_incl = Some(price);
            let code = article.vat_code.unwrap_or_default();
            article.price_excl = Some(super::catalogue::without_vat(price, code));
        })
    }

    /// Gives an article another price in one branch, in euros with VAT; with `None` the article's own again.
    pub fn set_branch_price(&self, branch: i32, article: i64, price: Option<Decimal>) {
        self.state().prices.deviate(article, branch, price);
    }

    /// The lines of prices that differ in a branch.
    pub fn branch_lines(&self) -> Vec<ArticleBranchDeviationLine> {
        self.state().prices.lines().cloned().collect()
    }

    /// All products with their articles, by number. For the brasserie: a generated catalogue may be large.
    pub fn products(&self) -> Vec<Product> {
        let catalogue = Arc::clone(&self.state().catalogue);
        let products = catalogue.since(0).filter_map(|number| catalogue.product(number));
        let mut products: Vec<Product> = products.map(Arc::unwrap_or_clone).collect();
        products.sort_by_key(|product| product.product_number);
        products
    }

    /// What is free of an article in a branch; `None` when it keeps no stock, or is not there.
    pub fn stock(&self, branch: i32, article: i64) -> Option<Decimal> {
        self.state().free(branch, article)
    }

    /// The percentage of a VAT code, in hundredths.
    pub fn vat_rate(&self, code: i32) -> Option<i64> {
        self.state().vat_rate(code)
    }

    /// Sets what is free of an article in a branch. `false` when it keeps no stock, or is not there.
    pub fn set_stock(&self, branch: i32, article: i64, free: Decimal) -> bool {
        self.state().set_free(branch, article, free).is_some()
    }

    /// The set menu of an article, as far as it is one.
    pub fn menu(&self, article: i64) -> Option<Menu> {
        self.state().prices.menu(article)
    }

    /// Deletes a preparation method group: from then on it is told as deleted, under a new sync marker. `false` when there
    /// is none.
    pub fn delete_preparation_group(&self, group: i32) -> bool {
        let mut state = self.state();
        let now = state.clock.date_time();
        state.preparation.delete_group(group, now)
    }

    /// The same for an article alterations group.
    pub fn delete_alterations_group(&self, group: i32) -> bool {
        let mut state = self.state();
        let now = state.clock.date_time();
        state.preparation.delete_alterations(group, now)
    }

    /// Opens a branch with two workplaces; its number.
    pub fn add_branch(&self, name: &str) -> i32 {
        let state = &mut *self.state();
        let number = 1 + state.branches.numbers().into_iter().max().unwrap_or_default();
        state.branches.add(number, name);
        state.terminals.add(&state.branches, number);
        number
    }

    /// How far an external payment is that was started with `startExternalPaymentV2`.
    pub fn external_payment(&self, id: &str) -> Option<ExternalPaymentStatus> {
        self.state().external_payments.status(id)
    }

    /// Ends a pending external payment, as the other party would. `false` when none is pending with this id.
    pub fn end_external_payment(&self, id: &str, status: ExternalPaymentStatus) -> bool {
        self.state().external_payments.end(id, status)
    }

    /// What the POS's clock shows. It begins on 1 June 2026 at noon in Amsterdam and goes on one second with each call.
    pub fn now(&self) -> DateTime<Utc> {
        self.state().clock.now()
    }

    /// Lets time pass on the POS's clock.
    pub fn pass(&self, time: Duration) {
        self.state().clock.advance(time);
        self.finish_late();
    }

    /// Sets the POS's clock.
    pub fn set_clock(&self, now: DateTime<Utc>) {
        self.state().clock.set(now);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.shared.state)
    }
}

impl fmt::Debug for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pos").field("requests", &self.requests().total()).finish_non_exhaustive()
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
