//! Everything that the test POS remembers.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use super::{
    catalogue::{Catalogue, Generated},
    clock::Clock,
    domain::{
        article_groups::ArticleGroups, branches::Branches, external_payments::ExternalPayments, media::Media,
        orders::Orders, preparation::Preparation, prices::Prices, relations::Relations, stock::Stock,
        terminals::Terminals,
    },
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: Clock,
    /// Shared with responses that are being sent.
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) article_groups: ArticleGroups,
    pub(super) prices: Prices,
    pub(super) preparation: Preparation,
    pub(super) media: Media,
    pub(super) branches: Branches,
    pub(super) stock: Stock,
    pub(super) relations: Relations,
    pub(super) orders: Orders,
    pub(super) terminals: Terminals,
    pub(super) external_payments: ExternalPayments,
    /// Responses by operation and idempotency key, as they are sent again.
    pub(super) replays: HashMap<(&'static str, String), Bytes>,
}

impl State {
    /// A POS without products.
    fn empty(base: Generated) -> Self {
        let branches = Branches::brasserie();
        Self {
            clock: Clock::default(),
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
            replays: HashMap::new(),
        }
    }

    pub(super) fn brasserie() -> Self {
        let mut state = Self::empty(Generated::none());
        state.set_menu();
        state
    }

    pub(super) fn generated(products: u32, seed: u64) -> Self {
        Self::empty(Generated::new(products, seed))
    }

    pub(super) fn catalogue_mut(&mut self) -> &mut Catalogue {
        Arc::make_mut(&mut self.catalogue)
    }
}
