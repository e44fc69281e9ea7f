//! Responses that are one list: item by item, and page by page of what changed.

use std::fmt;

use super::{Field, Operation, OutcomeError, Record};

/// A response that is one list: its items can be streamed.
pub trait ListResponse: Record + Default + 'static {
    /// One item.
    type Item: Field + Default + Clone + fmt::Debug + Send + 'static;

    /// Number of the field that holds the list.
    #[doc(hidden)]
    const FIELD: usize;

    /// Takes the items out of the response.
    fn take_items(&mut self) -> Vec<Self::Item>;

    /// Why there may be no items, where the response tells beside them whether it did what was asked.
    #[doc(hidden)]
    fn refusal(&self) -> Option<OutcomeError> {
        None
    }
}

/// An operation that returns what changed since a sync marker, a limited number at a time.
///
/// Every operation with a marker and a limit is one but `getOrderHistory`: its response is five lists, one for each type of
/// order, so page through it by setting `sync_marker` to the highest marker in all of them plus one.
pub trait Paged: Operation<Response: ListResponse> {
    /// Asks for items whose marker is at least `marker`, at most `limit` of them.
    fn set_page(&mut self, marker: i64, limit: i32);

    /// The highest sync marker in an item, and in what is inside of it as far as it counts.
    fn newest_marker(item: &<Self::Response as ListResponse>::Item) -> Option<i64>;

    /// Whether there is something inside of an item, where the service counts what is inside (articles, not products).
    #[doc(hidden)]
    fn is_hollow(_: &<Self::Response as ListResponse>::Item) -> bool {
        false
    }
}

/// A sync marker field of any width, optional or not.
pub(crate) trait Marker {
    fn set(&mut self, marker: i64);
    fn get(&self) -> Option<i64>;
}

macro_rules! marker {
    ($($type:ty),*) => {$(
        impl Marker for $type {
            fn set(&mut self, marker: i64) {
                // A limit or marker beyond the field's width asks for as much as it can.
                *self = <$type>::try_from(marker).unwrap_or(<$type>::MAX);
            }

            fn get(&self) -> Option<i64> {
                i64::try_from(*self).ok()
            }
        }
    )*};
}

marker!(i32, i64, u32, u64);

impl<T: Marker + Default> Marker for Option<T> {
    fn set(&mut self, marker: i64) {
        self.insert(T::default()).set(marker);
    }

    fn get(&self) -> Option<i64> {
        self.as_ref().and_then(Marker::get)
    }
}

// What the macros below make is `#[inline]`: it is compiled with the programs that use it, and as far as they do.

/// Response types that are one list; where the type is. `outcome`: they tell beside it whether they are one.
macro_rules! lists {
    ($( $response:ident . $field:ident [$index:literal] : $item:ty $(, $outcome:ident)? ; )*) => {
        $(
            impl $crate::soap::ListResponse for $response {
                type Item = $item;

                const FIELD: usize = $index;

                #[inline]
                fn take_items(&mut self) -> Vec<$item> {
                    std::mem::take(&mut self.$field).into()
                }

                $(
                    #[inline]
                    fn refusal(&self) -> Option<$crate::soap::OutcomeError> {
                        $crate::soap::Outcome::$outcome(self).err()
                    }
                )?
            }
        )*
    };
}

/// Operations whose response is one list; where the operation is.
macro_rules! streams {
    ($( $method:ident : $request:ident -> $item:ty ; )*) => {
        impl $crate::Client {
            $(
                #[inline]
                #[doc = concat!("Streams the items that [`", stringify!($request), "`] returns, as their bytes arrive.")]
                pub fn $method(&self, request: impl Into<$request>) -> $crate::ItemStream<$request> {
                    self.call(request.into()).stream()
                }
            )*
        }
    };
}

/// Operations that page by sync marker.
macro_rules! pages {
    ($( $request:ident ( $($place:tt)+ ) {
        marker: $marker:ident,
        limit: $limit:ident,
        newest: $($($newest:ident).+),+
    } ; )*) => {
        $(
            impl $crate::soap::Paged for $request {
                #[inline]
                fn set_page(&mut self, marker: i64, limit: i32) {
                    use $crate::soap::list::Marker as _;
                    let place = $crate::soap::list::opened!(self; $($place)+);
                    place.$marker.set(marker);
                    place.$limit.set(i64::from(limit));
                }

                #[inline]
                fn newest_marker(
                    item: &<<Self as $crate::soap::Operation>::Response as $crate::soap::ListResponse>::Item,
                ) -> Option<i64> {
                    use $crate::soap::list::Marker as _;
                    // What an item lists counts before its own: a product may be ahead of the articles of its page.
                    [$($crate::soap::list::newest!(item, $($newest).+)),+].into_iter().rev().flatten().next()
                }

                #[inline]
                fn is_hollow(
                    item: &<<Self as $crate::soap::Operation>::Response as $crate::soap::ListResponse>::Item,
                ) -> bool {
                    let _ = item;
                    false $(|| $crate::soap::list::hollow!(item, $($newest).+))+
                }
            }
        )*
    };
}

/// The struct at a path in a request; what may be absent (`?`) is put there.
macro_rules! opened {
    ($at:expr; $field:ident) => {
        &mut $at.$field
    };
    ($at:expr; $field:ident ?) => {
        $at.$field.get_or_insert_default()
    };
    ($at:expr; $field:ident . $($rest:tt)+) => {
        $crate::soap::list::opened!($at.$field; $($rest)+)
    };
    ($at:expr; $field:ident ? . $($rest:tt)+) => {
        $crate::soap::list::opened!($at.$field.get_or_insert_default(); $($rest)+)
    };
}

macro_rules! newest {
    ($item:ident, $marker:ident) => {
        $item.$marker.get()
    };
    ($item:ident, $list:ident . $marker:ident) => {
        $item.$list.iter().filter_map(|inner| inner.$marker.get()).max()
    };
}

/// Whether the list inside of an item, whose items count, is empty.
macro_rules! hollow {
    ($item:ident, $marker:ident) => {
        false
    };
    ($item:ident, $list:ident . $marker:ident) => {
        $item.$list.is_empty()
    };
}

pub(crate) use {hollow, lists, newest, opened, pages, streams};
