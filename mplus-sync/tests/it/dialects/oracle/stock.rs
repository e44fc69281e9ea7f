//! Stock: the POS is the source of truth, row by row.

use mplus_qapi::testkit::Pos;

use super::{Difference, Host};

pub(super) fn compare_stock(pos: &Pos, host: &Host) -> Vec<Difference> {
    let mut differences = Vec::new();
    for location in &host.locations {
        let Some(branch) = location.external_ids.mpluskassa.map(|number| number.get()) else { continue };
        for item in &host.items {
            let Some(article) = item.external_ids.mpluskassa.map(|number| number.get()) else { continue };
            let held = host
                .levels
                .iter()
                .find(|level| level.location == location.record.id && level.item == item.record.id)
                .map(|level| level.amount);
            let keeps = pos.article(article).is_some_and(|article| article.stock_article == Some(true));
            match pos.stock(branch, article) {
                Some(free) if held != Some(free) => {
                    let detail =
                        format!("{} in branch {branch}: {held:?}, {free} at the POS", item.record.name);
                    differences.push(Difference::new("stock/amount", detail));
                }
                None if !keeps && held.is_some() && pos.article(article).is_some() => {
                    let detail =
                        format!("{} keeps no stock, and has {held:?} in branch {branch}", item.record.name);
                    differences.push(Difference::new("stock/none-kept", detail));
                }
                // What is not told at this moment may be older.
                _ => {}
            }
        }
    }
    differences
}
