//! Stock levels and what changed them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    stock::*,
    testkit::catalogue::{Catalogue, MADE},
    value::{Decimal, SoapMplusDateTime},
};

/// What is there, per article and branch. Levels of a generated catalogue are computed until they change.
#[derive(Debug, Clone, Default)]
pub(in crate::testkit) struct Stock {
    pub(in crate::testkit) changed: Arc<BTreeMap<(i64, i32), Level>>,
    pub(in crate::testkit) history: Vec<ArticleStockHistory>,
    pub(in crate::testkit) last_id: i64,
}

/// The stock id of every level that was never changed.
pub(in crate::testkit) const COMPUTED_ID: i64 = 1;

#[derive(Debug, Clone, Copy)]
pub(in crate::testkit) struct Level {
    pub(in crate::testkit) id: i64,
    pub(in crate::testkit) free: Decimal,
    pub(in crate::testkit) reserved: Decimal,
    pub(in crate::testkit) changed: SoapMplusDateTime,
}

impl Stock {
    pub(in crate::testkit) fn last_id(&self) -> i64 {
        self.last_id.max(COMPUTED_ID)
    }

    /// What is there of an article when the POS begins.
    pub(in crate::testkit) fn fill(&mut self, article: i64, branch: i32, free: Decimal) {
        self.last_id = self.last_id() + 1;
        let reserved = Decimal::new(0, free.scale());
        let level = Level { id: self.last_id, free, reserved, changed: MADE };
        Arc::make_mut(&mut self.changed).insert((article, branch), level);
    }

    pub(in crate::testkit) fn level(&self, catalogue: &Catalogue, article: i64, branch: i32) -> Level {
        let computed = || {
            let free = catalogue.computed_stock_of(article).unwrap_or_default().into();
            Level { id: COMPUTED_ID, free, reserved: Decimal::ZERO, changed: MADE }
        };
        self.changed.get(&(article, branch)).copied().unwrap_or_else(computed)
    }

    /// Keeps a level under a new id, with a line of history.
    pub(in crate::testkit) fn keep(
        &mut self,
        (article_number, branch): (i64, i32),
        before: Level,
        (free, reserved): (Decimal, Decimal),
        timestamp: SoapMplusDateTime,
        (kind, order): (StockHistoryType, Option<String>),
    ) -> i64 {
        self.last_id = self.last_id() + 1;
        let level = Level { id: self.last_id, free, reserved, changed: timestamp };
        Arc::make_mut(&mut self.changed).insert((article_number, branch), level);
        self.history.push(ArticleStockHistory {
            stock_id: self.last_id,
            timestamp,
            branch_number: Some(branch),
            article_number,
            amount_changed: free - before.free,
            r#type: kind,
            order_id: order,
            ..ArticleStockHistory::default()
        });
        self.last_id
    }
}
