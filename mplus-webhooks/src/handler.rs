//! What the host does with an event: one trait with a default for everything, or a closure per event.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::error::Refusal;
use crate::event::table::for_each_event;
use crate::event::*;
use crate::inbox::InboxNotice;
use crate::payment::PaymentNotice;
use crate::reply::*;

macro_rules! handler {
    ($($(#[$doc:meta])* $event:ident $wire:literal $method:ident $setter:ident $reply:ident;)*) => {
        /// What the host does with the POS's events. Every method has a default: acknowledge.
        ///
        /// Only verified events arrive here. An event that changes something (the end or the merge of a sale, and whatever
        /// [`Builder::keep`](crate::Builder::keep) names) is stored before this is called: when a method fails, panics or takes longer than
        /// [`Attempts::patience`](crate::Attempts), the event was acknowledged nevertheless and is handled again, until it succeeds or is a
        /// dead letter. So such a method is called at least once, and once only when it succeeds, unless a crash comes in between. Any other event is handled within the
        /// till's time when the cashier waits, else cut off; only the repeats that come soon are answered with the first answer.
        ///
        /// Returning `Err` answers HTTP 400 with the error's code, and a repeat of the event is handled again; with
        /// [`Refusal::internal`] it says that the host failed.
        #[async_trait]
        pub trait Handler: Send + Sync {
            $(
                $(#[$doc])*
                async fn $method(&self, event: &Event<$event>) -> Result<$reply, Refusal> {
                    let _ = event;
                    Ok($reply::acknowledge())
                }
            )*

            /// An event that this crate does not know. It is acknowledged whatever this does.
            async fn unknown(&self, event: &Event<UnknownEvent>) {
                let _ = event;
            }

            /// The POS complains about an earlier reply. It has been logged; nothing is expected back.
            async fn error_reported(&self, report: &ErrorReport) {
                let _ = report;
            }

            /// Something about an event that a person should know: a dead letter, a further part of a sale, an odd body. It has been
            /// logged. May come more than once for the same entry.
            async fn inbox_notice(&self, notice: &InboxNotice) {
                let _ = notice;
            }

            /// An external payment came to a new state, or needs a person.
            async fn payment_changed(&self, notice: &PaymentNotice) {
                let _ = notice;
            }
        }

        /// A closure per event; what has none is acknowledged.
        ///
        /// ```
        /// use mplus_webhooks::Handlers;
        /// use mplus_webhooks::reply::{ScanCodeReply, ScannedCode};
        ///
        /// let handlers = Handlers::new().on_scan_code(|event| async move {
        ///     let known = event.payload.scanned_code.starts_with("25");
        ///     Ok(ScanCodeReply::acknowledge().scanned(ScannedCode::new(known)))
        /// });
        /// ```
        #[derive(Clone, Default)]
        pub struct Handlers {
            $($method: Option<Closure<$event, $reply>>,)*
            unknown: Option<Listener<Event<UnknownEvent>>>,
            error_reported: Option<Listener<ErrorReport>>,
            inbox_notice: Option<Listener<InboxNotice>>,
            payment_changed: Option<Listener<PaymentNotice>>,
        }

        impl Handlers {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $setter<F, R>(mut self, closure: F) -> Self
                where
                    F: Fn(Event<$event>) -> R + Send + Sync + 'static,
                    R: Future<Output = Result<$reply, Refusal>> + Send + 'static,
                {
                    self.$method = Some(Arc::new(move |event| Box::pin(closure(event))));
                    self
                }
            )*
        }

        #[async_trait]
        impl Handler for Handlers {
            $(
                async fn $method(&self, event: &Event<$event>) -> Result<$reply, Refusal> {
                    match &self.$method {
                        Some(closure) => closure(event.clone()).await,
                        None => Ok($reply::acknowledge()),
                    }
                }
            )*

            async fn unknown(&self, event: &Event<UnknownEvent>) {
                if let Some(listener) = &self.unknown {
                    listener(event.clone()).await;
                }
            }

            async fn error_reported(&self, report: &ErrorReport) {
                if let Some(listener) = &self.error_reported {
                    listener(report.clone()).await;
                }
            }

            async fn inbox_notice(&self, notice: &InboxNotice) {
                if let Some(listener) = &self.inbox_notice {
                    listener(notice.clone()).await;
                }
            }

            async fn payment_changed(&self, notice: &PaymentNotice) {
                if let Some(listener) = &self.payment_changed {
                    listener(notice.clone()).await;
                }
            }
        }

        /// Hands an event to its handler.
        pub(crate) async fn dispatch(handler: &dyn Handler, event: &AnyEvent) -> Result<Body, Refusal> {
            Ok(match event {
                $(AnyEvent::$event(event) => handler.$method(event).await?.into_body(),)*
                AnyEvent::Unknown(event) => {
                    handler.unknown(event).await;
                    Body::default()
                }
            })
        }
    };
}

type Closure<E, R> = Arc<dyn Fn(Event<E>) -> BoxFuture<'static, Result<R, Refusal>> + Send + Sync>;
type Listener<T> = Arc<dyn Fn(T) -> BoxFuture<'static, ()> + Send + Sync>;

for_each_event!(handler);

impl Handlers {
    /// Acknowledges everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens to events that this crate does not know.
    #[must_use]
    pub fn on_unknown<F, R>(mut self, closure: F) -> Self
    where
        F: Fn(Event<UnknownEvent>) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.unknown = Some(Arc::new(move |event| Box::pin(closure(event))));
        self
    }

    /// Listens to the POS's complaints about earlier replies.
    #[must_use]
    pub fn on_error_reported<F, R>(mut self, closure: F) -> Self
    where
        F: Fn(ErrorReport) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.error_reported = Some(Arc::new(move |report| Box::pin(closure(report))));
        self
    }

    /// Listens to what a person should know about events.
    #[must_use]
    pub fn on_inbox_notice<F, R>(mut self, closure: F) -> Self
    where
        F: Fn(InboxNotice) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.inbox_notice = Some(Arc::new(move |notice| Box::pin(closure(notice))));
        self
    }

    /// Listens to external payments.
    #[must_use]
    pub fn on_payment_changed<F, R>(mut self, closure: F) -> Self
    where
        F: Fn(PaymentNotice) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.payment_changed = Some(Arc::new(move |notice| Box::pin(closure(notice))));
        self
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Handlers { .. }")
    }
}
