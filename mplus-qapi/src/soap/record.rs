//! The two macros that turn a schema written as lines into Rust types.
//!
//! What they make is `#[inline]`: a program compiles the types that it uses, this crate none of its thousands.

/// A struct of the service, its element table and the access to its fields by number.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident $wsdl:literal {
        $($index:literal $field:ident : $shape:ident $(<$inner:ty>)? = $wire:literal $(/ $item:literal)? $([$role:ident])? ;
          $(scale $companion:literal of $target:literal ;)*)*
    }) => {
        #[doc = concat!("`", $wsdl, "` of the service.")]
        $(#[$meta])*
        #[derive(Clone, Default)]
        pub struct $name {
            $(
                #[doc = concat!("`", $wire, $("/", $item,)? "`", $($crate::soap::record::unit!($role),)? ".")]
                pub $field: $shape $(<$inner>)?,
            )*
        }

        impl $crate::soap::schema::sealed::Sealed for $name {}

        impl $crate::soap::Record for $name {
            #[inline]
            fn schema(&self) -> &'static $crate::soap::Schema {
                static SCHEMA: $crate::soap::Schema = $crate::soap::Schema {
                    name: $wsdl,
                    elements: &[$(
                        $crate::soap::Element {
                            name: $wire,
                            item: $crate::soap::record::item!($($item)?),
                            repeated: $crate::soap::record::repeated!($shape $($item)?),
                            field: $index,
                            role: $crate::soap::record::role!($($role)?),
                        },
                        $($crate::soap::Element {
                            name: $companion,
                            item: None,
                            repeated: false,
                            field: $target,
                            role: $crate::soap::Role::ScaleOf,
                        },)*
                    )*],
                    required: 0 $(| $crate::soap::record::required!($index $shape $($item)?))*,
                };
                &SCHEMA
            }

            #[inline]
            fn field(&self, index: usize) -> Option<&dyn $crate::soap::Field> {
                match index {
                    $($index => Some(&self.$field),)*
                    _ => None,
                }
            }

            #[inline]
            fn field_mut(&mut self, index: usize) -> Option<&mut dyn $crate::soap::Field> {
                match index {
                    $($index => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Debug for $name {
            #[inline]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self as &dyn $crate::soap::Record, f)
            }
        }

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self as &dyn $crate::soap::Record == other as &dyn $crate::soap::Record
            }
        }

        $crate::soap::record::serde_impl!($name);
    };
}

/// An enum of the service. A text that this version does not know is kept as `Unknown` and written back as it came.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident $wsdl:literal { $($variant:ident = $text:literal;)* }) => {
        #[doc = concat!("`", $wsdl, "` of the service.")]
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`.")]
                $variant,
            )*
            /// A text that this version of the crate does not know. Empty means not set.
            Unknown(String),
        }

        impl $name {
            /// The text on the wire.
            #[inline]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            #[inline]
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        impl Default for $name {
            /// Not set: encoding it is an error.
            fn default() -> Self {
                Self::Unknown(String::new())
            }
        }

        impl std::fmt::Display for $name {
            #[inline]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::soap::scalar::Choice for $name {
            #[cfg(feature = "testkit")]
            const TEXTS: &'static [&'static str] = &[$($text),*];

            #[inline]
            fn text(&self) -> &str {
                self.as_str()
            }

            #[inline]
            fn parse(text: &str) -> Self {
                Self::from(text)
            }
        }

        $crate::soap::scalar::choice!($name);
    };
}

macro_rules! item {
    () => {
        None::<&'static str>
    };
    ($item:literal) => {
        Some($item)
    };
}

/// Whether the element itself occurs any number of times: a list without a wrapper.
macro_rules! repeated {
    (Vec) => {
        true
    };
    ($shape:ident $($item:literal)?) => {
        false
    };
}

/// The bit of a field whose element has to be there: a value, or the wrapper of a list.
macro_rules! required {
    ($index:literal Option) => {
        0
    };
    ($index:literal List $($item:literal)?) => {
        0
    };
    ($index:literal Vec) => {
        0
    };
    ($index:literal $shape:ident $($item:literal)?) => {
        1 << $index
    };
}

macro_rules! role {
    () => {
        $crate::soap::Role::Value
    };
    (cents) => {
        $crate::soap::Role::Cents
    };
    (scaled) => {
        $crate::soap::Role::Scaled
    };
    (set) => {
        $crate::soap::Role::Set
    };
}

macro_rules! unit {
    (set) => {
        " (has to be set before it is sent)"
    };
    (cents) => {
        " (euros here, cents on the wire)"
    };
    (scaled) => {
        " (the scale of this decimal is what the wire tells in a companion element)"
    };
}

#[cfg(feature = "serde")]
macro_rules! serde_impl {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::soap::serialize::serialize_record(self, serializer)
            }
        }
    };
}

#[cfg(not(feature = "serde"))]
macro_rules! serde_impl {
    ($name:ident) => {};
}

pub(crate) use {item, record, repeated, required, role, serde_impl, unit, wire_enum};
