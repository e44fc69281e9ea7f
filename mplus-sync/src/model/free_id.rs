//! The identifier of a record that is new to the host, where a record of another number has its usual one.
//!
//! It happens when a host links an item with another article by hand: the first article is new then, and the item goes on
//! having the identifier that the article would get.

use std::collections::BTreeSet;

/// How many identifiers are tried.
const TRIED: usize = 9;

/// The identifier, and those that are tried after it, in their order. The same every time, so that a pull that is repeated
/// makes no second record.
pub(crate) fn candidates<I>(usual: I) -> impl Iterator<Item = I>
where
    I: Clone + AsRef<str> + From<String>,
{
    let first = usual.clone();
    let further = (2..=TRIED).map(move |number| I::from(format!("{}-{number}", usual.as_ref())));
    std::iter::once(first).chain(further)
}

/// The first of them that no other record has, which is taken from then on. The usual one when there is none.
pub(crate) fn free<I>(usual: I, taken: &mut BTreeSet<I>) -> I
where
    I: Clone + Ord + AsRef<str> + From<String>,
{
    let free = candidates(usual.clone()).find(|id| !taken.contains(id)).unwrap_or(usual);
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ItemId;

    #[test]
    fn the_first_free_identifier_is_taken_once() {
        let mut taken = BTreeSet::from([ItemId::new("mpluskassa-5")]);
        assert_eq!(free(ItemId::new("mpluskassa-5"), &mut taken), ItemId::new("mpluskassa-5-2"));
        assert_eq!(free(ItemId::new("mpluskassa-5"), &mut taken), ItemId::new("mpluskassa-5-3"));
        assert_eq!(free(ItemId::new("mpluskassa-6"), &mut taken), ItemId::new("mpluskassa-6"));
    }
}
