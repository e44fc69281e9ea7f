//! The POS as a test holds it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{
    Dialect, ExternalPaymentStatus, Fault, Faults, Menu, Refusal, Replies, Requests, VirtualRuntime,
    dialect::{Authentication, Latency, OUTAGE, Outage, wire::XML},
    dispatch::{called_operation, carry_out, fault_document},
    domain::{operations::Pieces, state::State},
};
use crate::{
    Client, ClientBuilder, Credentials, Endpoint,
    products::{Article, ArticleBranchDeviationLine, Product},
    soap,
    transport::TransportErrorKind,
    types::{Order, Relation},
    value::Decimal,
};

/// A point of sale in memory. Cheap to clone: clones are the same POS.
#[derive(Clone)]
pub struct Pos {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    requests: Mutex<Requests>,
    faults: Faults,
    replies: Replies,
    clients: Mutex<u64>,
}

/// What a request leads to.
pub(super) enum Outcome {
    Refused,
    Reset,
    Timeout,
    Answer(Answer),
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Pieces,
    /// A few bytes at a time.
    pub(super) drip: bool,
}

const IDENT: &str = "testkit";
const SECRET: &str = "geheim & vertrouwelijk";
/// What some services tell to anybody.
const SYSTEM_CALLS: [&str; 6] = [
    "getApiVersion",
    "getDatabaseVersion",
    "getCurrentSyncMarkers",
    "getCurrentSyncMarkersV2",
    "getVatGroupList",
    "getBranches",
];

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
        self.state().adopt(dialect);
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
    }

    /// Sets the POS's clock.
    pub fn set_clock(&self, now: DateTime<Utc>) {
        self.state().clock.set(now);
    }

    /// One request, from its query and its body to what happens.
    pub(super) fn exchange(&self, query: Option<&str>, document: &[u8]) -> Outcome {
        let called = called_operation(document);
        let operation = called.as_deref().unwrap_or("(unreadable)");
        let fault = self.shared.faults.next(operation);
        let dialect = self.pass_time();
        if fault == Some(Fault::Refused) || self.is_away() {
            return Outcome::Refused;
        }
        locked(&self.shared.requests).arrived(operation);
        match fault {
            Some(Fault::ResetBefore) => return Outcome::Reset,
            Some(Fault::ServerFault) => {
                return Outcome::Answer(refusal(&soap::Fault::new("Server", "the service is out of order")));
            }
            Some(Fault::Unavailable { retry_after }) => {
                let body = "<html><body><h1>503 Service Unavailable</h1></body></html>";
                let retry_after = Some(retry_after.as_secs());
                return Outcome::Answer(Answer { status: 503, retry_after, ..page(body) });
            }
            Some(Fault::Garbage) => {
                return Outcome::Answer(page(
                    "<!DOCTYPE html><html><body>Welcome to the router</body></html>",
                ));
            }
            _ => {}
        }
        if let Some(answer) = self.shared.replies.take(operation, document) {
            return told(answer);
        }
        let answer = match self.answer(query, called.as_deref(), document) {
            Ok(body) if dialect.is_plainly_written() => {
                Answer { status: 200, content_type: XML, retry_after: None, body, drip: false }
            }
            Ok(body) => {
                let written = body.flatten().collect::<Vec<u8>>();
                let written = dialect.rewrite(operation, &String::from_utf8_lossy(&written));
                let (content_type, body) = (dialect.content_type(), Box::new(std::iter::once(written)));
                Answer { status: 200, content_type, retry_after: None, body, drip: false }
            }
            Err(fault) => refusal(&fault),
        };
        match fault {
            Some(Fault::ResetAfter) => Outcome::Reset,
            Some(Fault::TimeoutAfter) => Outcome::Timeout,
            Some(Fault::Truncated) => {
                let half = |piece: Bytes| piece.slice(..piece.len() / 2);
                Outcome::Answer(Answer { body: Box::new(answer.body.take(1).map(half)), ..answer })
            }
            Some(Fault::SlowDrip) => Outcome::Answer(Answer { drip: true, ..answer }),
            _ => Outcome::Answer(answer),
        }
    }

    fn answer(
        &self,
        query: Option<&str>,
        called: Result<&str, &soap::Fault>,
        document: &[u8],
    ) -> Result<Pieces, soap::Fault> {
        let ident = parameter(query, "ident");
        let secret = parameter(query, "secret");
        let open = match self.dialect().authentication {
            Authentication::Every => false,
            Authentication::NotVersion => called == Ok("getApiVersion"),
            Authentication::NotSystem => called.is_ok_and(|called| SYSTEM_CALLS.contains(&called)),
        };
        if !open && (ident.as_deref(), secret.as_deref()) != (Some(IDENT), Some(SECRET)) {
            return Err(soap::Fault::new("Client.Authentication", "ident or secret is wrong"));
        }
        let operation = called.map_err(Clone::clone)?;
        let pieces = carry_out(&mut self.state(), operation, document)?;
        locked(&self.shared.requests).was_carried_out(operation);
        Ok(pieces)
    }

    /// The time that a call takes; the dialect in which it is answered.
    fn pass_time(&self) -> Dialect {
        let mut state = self.state();
        let seconds = if state.dialect.latency == Latency::Slow { 30 } else { 1 };
        state.clock.advance(Duration::from_secs(seconds));
        state.dialect
    }

    fn is_away(&self) -> bool {
        let state = self.state();
        state.dialect.outage == Outage::Hours && OUTAGE.contains(&state.clock.hours())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.shared.state)
    }
}

impl fmt::Debug for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pos").field("requests", &self.requests().total()).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer that a test gave.
fn told(answer: Result<String, Refusal>) -> Outcome {
    match answer {
        Ok(document) => {
            let body = Box::new(std::iter::once(Bytes::from(document)));
            Outcome::Answer(Answer { status: 200, content_type: XML, retry_after: None, body, drip: false })
        }
        Err(Refusal::Fault(fault)) => Outcome::Answer(refusal(&fault)),
        Err(Refusal::Status(status)) => Outcome::Answer(Answer { status, ..page("") }),
        Err(Refusal::Transport(TransportErrorKind::Connect | TransportErrorKind::ConnectTimeout)) => {
            Outcome::Refused
        }
        Err(Refusal::Transport(TransportErrorKind::Timeout)) => Outcome::Timeout,
        Err(Refusal::Transport(_)) => Outcome::Reset,
    }
}

fn refusal(fault: &soap::Fault) -> Answer {
    Answer { status: 500, content_type: XML, retry_after: None, body: fault_document(fault), drip: false }
}

/// A page for people.
pub(super) fn page(html: &'static str) -> Answer {
    let body = Box::new(std::iter::once(Bytes::from_static(html.as_bytes())));
    Answer { status: 200, content_type: "text/html", retry_after: None, body, drip: false }
}

/// A parameter of a query, unescaped.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn parameters_are_unescaped_and_found_by_their_whole_name() {
        let query = Some("myident=x&ident=a%20b%26c+d&secret=%C3%A9&broken=%zz");
        assert_eq!(parameter(query, "ident").as_deref(), Some("a b&c d"));
        assert_eq!(parameter(query, "secret").as_deref(), Some("é"));
        assert_eq!(parameter(query, "broken"), None);
        assert_eq!(parameter(None, "ident"), None);
    }
}
