//! An operation as data: what it sends, what it answers, how safe a repeat is.

use std::fmt;

use super::{Field, Record};

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

/// A response that is one list: its items can be streamed.
pub trait ListResponse: Record + Default + 'static {
    /// One item.
    type Item: Field + Default + Clone + fmt::Debug + Send + 'static;

    /// Number of the field that holds the list.
    #[doc(hidden)]
    const FIELD: usize;

    /// Takes the items out of the response.
    fn take_items(&mut self) -> Vec<Self::Item>;
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
}

/// A response that tells in `result` whether the service did what was asked.
pub trait Outcome: Record + Sized {
    /// The response itself when the service did it, else a typed error.
    fn into_result(self) -> Result<Self, OutcomeError>;
}

/// The service answered that it did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeError {
    /// The WSDL type of the response.
    pub response: &'static str,
    /// The `result` as it was on the wire; empty when the response had none.
    pub result: String,
    /// The service's explanation.
    pub message: Option<String>,
}

impl OutcomeError {
    /// A refusal, as a response told it.
    pub fn new(response: &'static str, result: String, message: Option<String>) -> Self {
        Self { response, result, message: message.filter(|message| !message.is_empty()) }
    }
}

impl fmt::Display for OutcomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = if self.result.is_empty() { "no result" } else { &self.result };
        write!(f, "{} says {result}", self.response)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OutcomeError {}

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

/// A `result` field, optional or not.
pub(crate) trait ResultField<T> {
    fn told(&self) -> Option<&T>;
}

impl<T> ResultField<T> for T {
    fn told(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> ResultField<T> for Option<T> {
    fn told(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// An `errorMessage` field, optional or not.
pub(crate) trait MessageField {
    fn told(&self) -> Option<String>;
}

impl MessageField for String {
    fn told(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl MessageField for Option<String> {
    fn told(&self) -> Option<String> {
        self.clone()
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

/// Response types that are one list; where the type is.
macro_rules! lists {
    ($( $response:ident . $field:ident [$index:literal] : $item:ty ; )*) => {
        $(
            impl $crate::soap::ListResponse for $response {
                type Item = $item;

                const FIELD: usize = $index;

                #[inline]
                fn take_items(&mut self) -> Vec<$item> {
                    std::mem::take(&mut self.$field).into()
                }
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
                    use $crate::soap::operation::Marker as _;
                    let place = $crate::soap::operation::opened!(self; $($place)+);
                    place.$marker.set(marker);
                    place.$limit.set(i64::from(limit));
                }

                #[inline]
                fn newest_marker(
                    item: &<<Self as $crate::soap::Operation>::Response as $crate::soap::ListResponse>::Item,
                ) -> Option<i64> {
                    use $crate::soap::operation::Marker as _;
                    [$($crate::soap::operation::newest!(item, $($newest).+)),+].into_iter().flatten().max()
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
        $crate::soap::operation::opened!($at.$field; $($rest)+)
    };
    ($at:expr; $field:ident ? . $($rest:tt)+) => {
        $crate::soap::operation::opened!($at.$field.get_or_insert_default(); $($rest)+)
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

/// Responses that tell in `result` whether it worked.
macro_rules! outcomes {
    ($( $response:ident . $field:ident : $result:ident { $($accepted:ident),* } $(message $message:ident)? ; )*) => {
        $(
            impl $crate::soap::Outcome for $response {
                #[inline]
                fn into_result(self) -> Result<Self, $crate::soap::OutcomeError> {
                    use $crate::soap::operation::ResultField;
                    let result: Option<&$result> = ResultField::<$result>::told(&self.$field);
                    if matches!(result, Some($($result::$accepted)|*)) {
                        return Ok(self);
                    }
                    let text = result.map(|result| result.as_str().to_owned()).unwrap_or_default();
                    let message: Option<String> =
                        None $(.or($crate::soap::operation::MessageField::told(&self.$message)))?;
                    Err($crate::soap::OutcomeError::new(
                        $crate::soap::Record::schema(&self).name,
                        text,
                        message,
                    ))
                }
            }
        )*
    };
}

pub(crate) use {
    from_request, lists, newest, opened, operations, outcomes, pages, repeat, repeat_doc, streams,
};
