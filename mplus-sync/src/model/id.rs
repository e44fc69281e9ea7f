//! Names and numbers of things, one type each, so that a branch number never passes for an article number.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Declares an identifier that the host gives: text of any form, compared byte by byte.
macro_rules! host_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the host's own identifier as it is.
            pub fn new(id: impl AsRef<str>) -> Self {
                Self(Arc::from(id.as_ref()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(Arc::from(id))
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(Arc::from(id))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

host_ids! {
    /// One merchant's connection with the POS; everything that is stored belongs to one.
    ConnectionId;
    /// A host category.
    CategoryId;
    /// A host item.
    ItemId;
    /// A host modifier group.
    ModifierGroupId;
    /// A modifier within its group.
    ModifierId;
    /// A host combo.
    ComboId;
    /// A host location.
    LocationId;
    /// A host customer.
    CustomerId;
    /// The host's order number, sent to the POS as `extOrderId`; unique within its connection.
    OrderNumber;
    /// One worker of one process, as it names itself in claims and leases.
    WorkerId;
}

/// Declares a number that the POS gives.
macro_rules! pos_numbers {
    ($($(#[$doc:meta])* $name:ident($number:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($number);

        impl $name {
            /// Takes the number as the POS wrote it.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// The plain number, as the wire wants it.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$number> for $name {
            fn from(number: $number) -> Self {
                Self(number)
            }
        }
    )*};
}

pos_numbers! {
    /// `productNumber`: the POS's number of a product.
    ProductNumber(i64);
    /// `articleNumber`: the POS's number of an article.
    ArticleNumber(i64);
    /// `branchNumber`: the POS's number of a branch.
    BranchNumber(i32);
    /// `relationNumber`: the POS's number of a relation.
    RelationNumber(i64);
    /// `vatCode`: the POS's number of a BTW code; what it stands for is set up per POS (`getVatGroupList`).
    BtwCode(i32);
    /// `courseNumber`: the POS's number of a course.
    CourseNumber(i32);
}

impl CategoryId {
    /// The identifier of a category that was first seen as this product.
    ///
    /// The same product gives the same identifier, so that a pull that is cut off and repeated makes no second one.
    pub fn for_product(number: ProductNumber) -> Self {
        Self::from(format!("mpluskassa-{number}"))
    }
}

impl ItemId {
    /// The identifier of an item that was first seen as this article; see [`CategoryId::for_product`].
    pub fn for_article(number: ArticleNumber) -> Self {
        Self::from(format!("mpluskassa-{number}"))
    }
}

impl LocationId {
    /// The identifier of a location that was first seen as this branch; see [`CategoryId::for_product`].
    pub fn for_branch(number: BranchNumber) -> Self {
        Self::from(format!("mpluskassa-{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_plain_text_in_json_and_numbers_plain_numbers() {
        assert_eq!(serde_json::to_string(&ItemId::from("a-1")).unwrap(), "\"a-1\"");
        assert_eq!(serde_json::from_str::<ItemId>("\"a-1\"").unwrap(), ItemId::new("a-1"));
        assert_eq!(serde_json::to_string(&ArticleNumber::new(7)).unwrap(), "7");
    }

    #[test]
    fn the_same_article_always_gives_the_same_item() {
        assert_eq!(ItemId::for_article(ArticleNumber::new(12)), ItemId::for_article(ArticleNumber::new(12)));
        assert_ne!(ItemId::for_article(ArticleNumber::new(12)), ItemId::for_article(ArticleNumber::new(13)));
    }
}
