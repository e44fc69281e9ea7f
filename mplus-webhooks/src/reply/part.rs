//! How the objects of a reply are made: required fields in `new`, the others one by one.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A decimal that is written as a JSON number with exactly its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub Decimal);

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.to_string();
        let raw: &RawValue = serde_json::from_str(&digits).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Makes a reply object: required fields in `new`, the others public and left out when `None`.
macro_rules! part {
    (
        $(#[$doc:meta])* $name:ident
        { $($(#[$need_doc:meta])* $need:ident: $need_type:ty,)* }
        { $($(#[$may_doc:meta])* $may:ident: $may_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$need_doc])* pub $need: $need_type,)*
            $($(#[$may_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $may: Option<$may_type>,)*
        }

        impl $name {
            /// With what the POS needs and nothing more.
            #[allow(clippy::new_without_default, reason = "objects without a needed field are rare")]
            pub fn new($($need: impl Into<$need_type>),*) -> Self {
                Self { $($need: $need.into(),)* $($may: None,)* }
            }

            $(
                $(#[$may_doc])*
                #[must_use]
                pub fn $may(mut self, $may: impl Into<$may_type>) -> Self {
                    self.$may = Some($may.into());
                    self
                }
            )*
        }
    };
}
pub(super) use part;
