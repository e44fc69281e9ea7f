//! Pages of what has a marker.

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
