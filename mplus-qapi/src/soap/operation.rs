//! An operation as data: what it sends, what it answers, how safe a repeat is.

use std::fmt;

use super::Record;

/// A call of the service: the request's root element with its parameters.
///
/// The generated modules implement it for one struct per operation; [`Client::send`](crate::Client::send) takes any.
pub trait Operation: Record + Default + Clone + fmt::Debug + 'static {
    /// What the service answers.
    type Response: Record + Default + Clone + fmt::Debug + PartialEq + 'static;

    /// Names and repeat safety.
    const INFO: OperationInfo;

    /// Where the request carries its idempotency key, for operations that have one.
    fn idempotency_key(&mut self) -> Option<&mut String> {
        None
    }
}

/// The fixed facts of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationInfo {
    /// Name in the WSDL; also the request's root element and the SOAPAction.
    pub name: &'static str,
    /// The response's root element.
    pub response: &'static str,
    /// How safe it is to send the same request again.
    pub repeat: Repeat,
    /// The domain (cargo feature and module) that it belongs to.
    pub domain: &'static str,
}

impl OperationInfo {
    pub(crate) const fn new(
        name: &'static str,
        response: &'static str,
        repeat: Repeat,
        domain: &'static str,
    ) -> Self {
        Self { name, response, repeat, domain }
    }
}

/// What a repeat of a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeat {
    /// It changes nothing: repeated freely.
    Read,
    /// It carries a key; the service answers a repeat with the first response. Repeated with the same key.
    Idempotent,
    /// It may be carried out twice: repeated only when the first request provably never left.
    Write,
}

/// An operation without its types, for tools and test servers that learn at run time which one is called.
#[cfg(feature = "testkit")]
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Descriptor {
    /// Names and repeat safety.
    pub info: OperationInfo,
    /// An empty request.
    pub request: fn() -> Box<dyn Record>,
    /// An empty response.
    pub response: fn() -> Box<dyn Record>,
}

#[cfg(feature = "testkit")]
impl Descriptor {
    pub(crate) const fn of<O: Operation>() -> Self {
        Self {
            info: O::INFO,
            request: || Box::new(O::default()),
            response: || Box::new(O::Response::default()),
        }
    }
}

// What the macros below make is `#[inline]`: it is compiled with the programs that use it, and as far as they do.

/// `client.method(request)` and the facts behind it, one line per operation.
macro_rules! operations {
    ($domain:literal { $(
        $(#[$about:meta])*
        $method:ident : $request:ident $name:literal -> $response:ident $root:literal
        $repeat:ident $(($($key:ident).+))? ;
    )* }) => {
        $(
            impl $crate::soap::Operation for $request {
                type Response = $response;

                const INFO: $crate::soap::OperationInfo = $crate::soap::OperationInfo::new(
                    $name,
                    $root,
                    $crate::soap::operation::repeat!($repeat),
                    $domain,
                );

                $(fn idempotency_key(&mut self) -> Option<&mut String> {
                    Some(&mut self.$($key).+)
                })?
            }
        )*

        impl $crate::Client {
            $(
                #[inline]
                $(#[$about])*
                #[doc = concat!("Calls `", $name, "` (", $crate::soap::operation::repeat_doc!($repeat), ").")]
                pub fn $method(&self, request: impl Into<$request>) -> $crate::Call<$request> {
                    self.call(request.into())
                }
            )*
        }

        #[cfg(feature = "testkit")]
        pub(crate) const OPERATIONS: &[$crate::soap::Descriptor] =
            &[$($crate::soap::Descriptor::of::<$request>()),*];
    };
}

macro_rules! repeat {
    (read) => {
        $crate::soap::Repeat::Read
    };
    (idempotent) => {
        $crate::soap::Repeat::Idempotent
    };
    (write) => {
        $crate::soap::Repeat::Write
    };
}

macro_rules! repeat_doc {
    (read) => {
        "a read: repeated freely"
    };
    (idempotent) => {
        "carries an idempotency key: repeated with the same key"
    };
    (write) => {
        "a write: repeated only when it provably never left"
    };
}

/// Lets a method take the type inside of a root element with one child; `?` when the child may be absent.
macro_rules! from_request {
    ($inner:ident => $request:ident . $field:ident ; $($more:tt)*) => {
        impl From<$inner> for $request {
            fn from(inner: $inner) -> Self {
                Self { $field: inner }
            }
        }
        $crate::soap::operation::from_request!($($more)*);
    };
    ($inner:ident => $request:ident . $field:ident ? ; $($more:tt)*) => {
        impl From<$inner> for $request {
            fn from(inner: $inner) -> Self {
                Self { $field: Some(inner) }
            }
        }
        $crate::soap::operation::from_request!($($more)*);
    };
    () => {};
}

pub(crate) use {from_request, operations, repeat, repeat_doc};
