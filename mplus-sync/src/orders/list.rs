//! Lists of the POS that are read to their end.

use futures_util::StreamExt;
use mplus_qapi::ErrorKind;
use mplus_qapi::soap::{ListResponse, Operation, Paged, Unreadable};

use super::OrderService;

/// How many items are asked for at once.
const PAGE: i32 = 250;

type Item<O> = <<O as Operation>::Response as ListResponse>::Item;

impl OrderService {
    /// The first item of a list of which `is_it` is true; none when there is none in all of it.
    ///
    /// How many items an answer holds at most is not known, with a limit or without: the list is asked for page by page until
    /// a page is empty. That the filters of the request hold beside a marker is not needed: more is read then.
    ///
    /// An item of which a value cannot be read is known all the same by what it is called: one of others holds ours up no more.
    ///
    /// # Errors
    /// When a call fails, or the list does not go on from where it was asked to: what it does not show may be there.
    pub(super) async fn first_of<O: Paged + Clone>(
        &self,
        list: O,
        is_it: impl Fn(&Item<O>) -> bool + Send,
    ) -> Result<Option<Item<O>>, mplus_qapi::Error> {
        self.first_unless_hidden(list, is_it, |_, _| false).await
    }

    /// The same where a value that cannot be read may hide that an item is it, as `hides` says.
    ///
    /// # Errors
    /// Also when nothing else is it, and one of these may be.
    pub(super) async fn first_unless_hidden<O: Paged + Clone>(
        &self,
        list: O,
        is_it: impl Fn(&Item<O>) -> bool + Send,
        hides: impl Fn(&Item<O>, &Unreadable) -> bool + Send,
    ) -> Result<Option<Item<O>>, mplus_qapi::Error> {
        let unread = |value: &Unreadable| {
            mplus_qapi::Error::new(O::INFO.name, ErrorKind::Response(value.error().clone()))
        };
        let mut hidden = None;
        let mut marker = 0;
        loop {
            let mut page = list.clone();
            page.set_page(marker, PAGE);
            let call = self.merchant.client().call(page).timeout(self.timeout());
            let mut items = call.leaving_out_unreadable(true).stream();
            let mut newest = None;
            let mut is_empty = true;
            while let Some(item) = items.next().await {
                let item = item?;
                let unreadable = items.take_unreadable();
                match (is_it(&item), unreadable.first()) {
                    (true, None) => return Ok(Some(item)),
                    // What is not known of it may matter.
                    (true, Some(value)) => return Err(unread(value)),
                    (false, _) => {
                        let may_be = unreadable.iter().find(|value| hides(&item, value));
                        hidden = hidden.or_else(|| may_be.map(unread));
                    }
                }
                is_empty = false;
                newest = newest.max(O::newest_marker(&item));
            }
            if is_empty {
                return hidden.map_or(Ok(None), Err);
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
