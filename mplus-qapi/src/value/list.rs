//! A list whose wrapper element is optional.

use std::ops::{Deref, DerefMut};

/// A list that reads like a slice and remembers whether its wrapper element was there.
///
/// In an update the two differ: an absent list leaves the POS's list alone, an empty one clears it.
///
/// ```
/// use mplus_qapi::value::List;
///
/// let absent: List<i64> = List::absent();
/// let empty: List<i64> = List::empty();
/// assert_eq!(absent.len(), empty.len());
/// assert!(!absent.is_present() && empty.is_present());
///
/// let numbers: List<i64> = vec![4, 2].into();
/// assert_eq!(numbers.iter().max(), Some(&4));
///
/// let mut doubled = numbers;
/// for number in &mut doubled {
///     *number *= 2;
/// }
/// assert_eq!(doubled[..], [8, 4]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct List<T>(Option<Vec<T>>);

impl<T> List<T> {
    /// No wrapper element: not told, or not to be changed.
    pub const fn absent() -> Self {
        Self(None)
    }

    /// A wrapper element with nothing in it.
    pub const fn empty() -> Self {
        Self(Some(Vec::new()))
    }

    /// Whether the wrapper element is there.
    pub const fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// Appends an item; the wrapper is there from then on.
    pub fn push(&mut self, item: T) {
        self.items_mut().push(item);
    }

    /// The items, none for an absent list.
    pub fn into_vec(self) -> Vec<T> {
        self.0.unwrap_or_default()
    }

    pub(crate) fn items(&self) -> Option<&Vec<T>> {
        self.0.as_ref()
    }

    pub(crate) fn items_mut(&mut self) -> &mut Vec<T> {
        self.0.get_or_insert_with(Vec::new)
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::absent()
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self(Some(items))
    }
}

impl<T, const N: usize> From<[T; N]> for List<T> {
    fn from(items: [T; N]) -> Self {
        Self(Some(items.into()))
    }
}

impl<T: Clone> From<&[T]> for List<T> {
    fn from(items: &[T]) -> Self {
        Self(Some(items.to_vec()))
    }
}

impl<T> From<Option<Vec<T>>> for List<T> {
    /// `None` is an absent list.
    fn from(items: Option<Vec<T>>) -> Self {
        Self(items)
    }
}

impl<T> From<List<T>> for Option<Vec<T>> {
    fn from(list: List<T>) -> Self {
        list.0
    }
}

impl<T> From<List<T>> for Vec<T> {
    fn from(list: List<T>) -> Self {
        list.into_vec()
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(Some(items.into_iter().collect()))
    }
}

impl<T> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.items_mut().extend(items);
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a mut List<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
