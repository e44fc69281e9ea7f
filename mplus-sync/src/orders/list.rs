//! Lists of the POS that are read to their end.

use futures_util::StreamExt;
use mplus_qapi::ErrorKind;
use mplus_qapi::soap::{ListResponse, Paged};

use super::OrderService;

/// How many items are asked for at once.
const PAGE: i32 = 250;

type Item<O> = <<O as mplus_qapi::soap::Operation>::Response as ListResponse>::Item;

impl OrderService {
    /// The first item of a list of which `is_it` is true; none when there is none in all of it.
    ///
    /// How many items an answer holds at most is not known, with a limit or without: the list is asked for page by page until
    /// a page is empty. That the filters of the request hold beside a marker is not needed: more is read then.
    ///
    /// # Errors
    /// When a call fails, or the list does not go on from where it was asked to: what it does not show may be there.
    pub(super) async fn first_of<O: Paged + Clone>(
        &self,
        list: O,
        is_it: impl Fn(&Item<O>) -> bool + Send,
    ) -> Result<Option<Item<O>>, mplus_qapi::Error> {
        let mut marker = 0;
        loop {
            let mut page = list.clone();
            page.set_page(marker, PAGE);
            let mut items = self.merchant.client().call(page).timeout(self.timeout()).stream();
            let mut newest = None;
            let mut is_empty = true;
            while let Some(item) = items.next().await {
                let item = item?;
                if is_it(&item) {
                    return Ok(Some(item));
                }
                is_empty = false;
                newest = newest.max(O::newest_marker(&item));
            }
            if is_empty {
                return Ok(None);
            }
            let next = newest.filter(|newest| *newest >= marker).and_then(|newest| newest.checked_add(1));
            let endless = || {
                let what = format!(
                    "the list does not go on after sync marker {marker}: what it does not show may be there all \
                     the same"
                );
                mplus_qapi::Error::new(O::INFO.name, ErrorKind::Paging(what))
            };
            marker = next.ok_or_else(endless)?;
        }
    }
}
