//! Pages of what has a marker.

use crate::testkit::dialect::ListLength;

/// How many items a list holds that is cut.
const SHORT: i32 = 5;

/// What a request with a marker and a limit gets: the items with the lowest markers from `marker` on. They do not come in
/// the order of their markers, as at the real POS.
pub(super) fn page<T>(mut items: Vec<(i64, T)>, marker: Option<i64>, limit: Option<i32>) -> Vec<T> {
    if let Some(marker) = marker {
        items.retain(|(own, _)| *own >= marker);
        items.sort_by_key(|(own, _)| *own);
        if let Some(limit) = limit {
            items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        items.reverse();
    }
    items.into_iter().map(|(_, item)| item).collect()
}

/// The same of a list whose length the dialect bounds.
pub(super) fn bounded_page<T>(
    length: ListLength,
    items: Vec<(i64, T)>,
    marker: Option<i64>,
    limit: Option<i32>,
) -> Vec<T> {
    let most = match (length, limit) {
        (ListLength::Whole, _) | (ListLength::Cut, Some(_)) => return page(items, marker, limit),
        (ListLength::Cut, None) => SHORT,
        (ListLength::Capped, limit) => limit.map_or(SHORT, |limit| limit.min(SHORT)),
    };
    let mut page = page(items, marker, Some(most));
    page.truncate(usize::try_from(most).unwrap_or_default());
    page
}
