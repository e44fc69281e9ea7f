//! Everything that the test POS remembers, a file for each kind of thing. What is done with it is in `domain`.

pub(super) mod article_groups;
pub(super) mod branches;
pub(super) mod external_payments;
pub(super) mod media;
pub(super) mod orders;
pub(super) mod preparation;
pub(super) mod prices;
pub(super) mod relations;
mod set_up;
pub(super) mod stock;
pub(super) mod tables;
pub(super) mod terminals;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use self::{
    article_groups::ArticleGroups, branches::Branches, external_payments::ExternalPayments, media::Media,
    orders::Orders, preparation::Preparation, prices::Prices, relations::Relations, stock::Stock,
    terminals::Terminals,
};
use crate::testkit::{
    catalogue::{Catalogue, Generated},
    clock::Clock,
    dialect::{Dialect, History, TURN},
};

#[derive(Debug)]
pub(in crate::testkit) struct State {
    pub(in crate::testkit) clock: Clock,
    pub(in crate::testkit) dialect: Dialect,
    /// What is restored when the dialect wants it.
    backup: Option<Box<Backup>>,
    /// Shared with responses that are being sent.
    pub(in crate::testkit) catalogue: Arc<Catalogue>,
    pub(in crate::testkit) article_groups: ArticleGroups,
    pub(in crate::testkit) prices: Prices,
    pub(in crate::testkit) preparation: Preparation,
    pub(in crate::testkit) media: Media,
    pub(in crate::testkit) branches: Branches,
    pub(in crate::testkit) stock: Stock,
    pub(in crate::testkit) relations: Relations,
    pub(in crate::testkit) orders: Orders,
    pub(in crate::testkit) terminals: Terminals,
    pub(in crate::testkit) external_payments: ExternalPayments,
    /// Payment methods that it lists and does not take now.
    pub(in crate::testkit) refused_methods: BTreeSet<String>,
    /// Responses by operation and idempotency key, as they are sent again, and when they were made.
    pub(in crate::testkit) replays: HashMap<(&'static str, String), (Bytes, DateTime<Utc>)>,
}

/// The menu and the stock of a moment.
#[derive(Debug)]
struct Backup {
    catalogue: Arc<Catalogue>,
    article_groups: ArticleGroups,
    prices: Prices,
    preparation: Preparation,
    stock: Stock,
}

impl State {
    /// A POS without products.
    fn empty(base: Generated) -> Self {
        let branches = Branches::brasserie();
        Self {
            clock: Clock::default(),
            dialect: Dialect::default(),
            backup: None,
            catalogue: Arc::new(Catalogue::new(base)),
            article_groups: ArticleGroups::brasserie(),
            prices: Prices::default(),
            preparation: Preparation::default(),
            media: Media::default(),
            terminals: Terminals::of(&branches),
            stock: Stock::default(),
            branches,
            relations: Relations::brasserie(),
            orders: Orders::default(),
            external_payments: ExternalPayments::default(),
            refused_methods: BTreeSet::new(),
            replays: HashMap::new(),
        }
    }

    pub(in crate::testkit) fn generated(products: u32, seed: u64) -> Self {
        Self::empty(Generated::new(products, seed))
    }

    /// Keeps what is restored later, where the dialect wants that.
    pub(in crate::testkit) fn keep_backup(&mut self) {
        self.backup = (self.dialect.history == History::Restored).then(|| {
            Box::new(Backup {
                catalogue: Arc::clone(&self.catalogue),
                article_groups: self.article_groups.clone(),
                prices: self.prices.clone(),
                preparation: self.preparation.clone(),
                stock: self.stock.clone(),
            })
        });
    }

    /// What happens by itself before a call.
    pub(in crate::testkit) fn catch_up(&mut self) {
        if self.clock.hours() >= TURN
            && let Some(backup) = self.backup.take()
        {
            let Backup { catalogue, article_groups, prices, preparation, stock } = *backup;
            (self.catalogue, self.article_groups, self.prices) = (catalogue, article_groups, prices);
            (self.preparation, self.stock) = (preparation, stock);
        }
    }

    pub(in crate::testkit) fn catalogue_mut(&mut self) -> &mut Catalogue {
        Arc::make_mut(&mut self.catalogue)
    }
}
