//! Orders, found by their ids and by the numbers of the host.

use std::collections::BTreeMap;

use super::tables::Tables;
use crate::types::Order;

/// All orders, table orders too.
#[derive(Debug, Default)]
pub(in crate::testkit) struct Orders {
    pub(in crate::testkit) by_id: BTreeMap<String, Order>,
    pub(in crate::testkit) ids_by_ext: BTreeMap<String, String>,
    pub(in crate::testkit) marker: i64,
    pub(in crate::testkit) tables: Tables,
}

impl Orders {
    pub(in crate::testkit) fn marker(&self) -> i64 {
        self.marker
    }

    pub(in crate::testkit) fn all(&self) -> impl Iterator<Item = &Order> {
        self.by_id.values()
    }

    pub(in crate::testkit) fn get(&self, id: &str) -> Option<&Order> {
        self.by_id.get(id)
    }

    pub(in crate::testkit) fn find(&self, ext_order_id: &str) -> Option<&Order> {
        self.by_id.get(self.ids_by_ext.get(ext_order_id)?)
    }

    /// Keeps an order after a change: with a new marker and the next counters.
    pub(in crate::testkit) fn keep_changed(&mut self, mut order: Order) {
        self.marker += 1;
        order.sync_marker = Some(self.marker);
        order.change_counter = Some(order.change_counter.unwrap_or_default() + 1);
        order.version_number = Some(order.version_number.unwrap_or_default() + 1);
        if let Some(ext) = order.ext_order_id.clone().filter(|ext| !ext.is_empty()) {
            self.ids_by_ext.insert(ext, order.order_id.clone());
        }
        self.by_id.insert(order.order_id.clone(), order);
    }
}
