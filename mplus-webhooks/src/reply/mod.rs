//! What the POS may be answered: one type per event, which offers only what that event allows.
//!
//! An empty reply (`{}`) acknowledges and is always allowed.

mod ask;
mod lines;
mod part;
mod payment;
mod show;

use serde::Serialize;

use crate::event::EventName;

pub use ask::{
    Dialog, DialogOption, Form, FormCalendar, FormField, FormFieldType, FormNumber, FormOption, FormSelect,
    FormSeparator, FormWeekday, ScanRequest,
};
pub use lines::{Discount, LineAddition, LineChange, LineDeletion};
pub use part::Number;
pub use payment::{PaymentAnswer, PaymentWord, Polling, ReceiptFor, ReceiptText};
pub use show::{Barcode, BarcodeType, CardScan, Footer, Message, OpenUrl, ScannedCode};

/// Every object that a reply can hold. Private: the reply types decide which of them an event may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    line_changes: Vec<LineChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    line_additions: Vec<LineAddition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    line_deletions: Vec<LineDeletion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_session: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_session_for_additions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_code: Option<Box<ScannedCode>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_scan_code: Option<Box<ScanRequest>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialog: Option<Box<Dialog>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Box<Form>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_url: Option<Box<OpenUrl>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_barcode: Option<Box<Barcode>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_card_scan: Option<Box<CardScan>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_footer: Option<Box<Footer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_footer: Option<Box<Footer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_payment: Option<Box<PaymentAnswer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    polling: Option<Box<Polling>>,
}

impl Body {
    /// The reply, which says that the POS is not to ask again unless it says otherwise.
    #[must_use]
    pub(crate) fn ending_polls(mut self) -> Self {
        self.polling.get_or_insert_with(|| Box::new(Polling::new(true)));
        self
    }
}

/// A reply to one kind of event.
pub(crate) trait Reply {
    fn into_body(self) -> Body;
}

/// The methods that a group of objects gives to a reply type, and the objects' names on the wire.
macro_rules! group {
    (methods lines) => {
        /// Changes a line of the session.
        #[must_use]
        pub fn change_line(mut self, change: LineChange) -> Self {
            self.0.line_changes.push(change);
            self
        }

        /// Adds a line to the session.
        #[must_use]
        pub fn add_line(mut self, addition: LineAddition) -> Self {
            self.0.line_additions.push(addition);
            self
        }

        /// Removes a line from the session.
        #[must_use]
        pub fn delete_line(mut self, deletion: LineDeletion) -> Self {
            self.0.line_deletions.push(deletion);
            self
        }

        /// Allows no further changes to the session.
        #[must_use]
        pub fn lock_session(mut self) -> Self {
            self.0.lock_session = Some(true);
            self
        }

        /// Allows no further additions; removing and decreasing stay possible.
        #[must_use]
        pub fn lock_session_for_additions(mut self) -> Self {
            self.0.lock_session_for_additions = Some(true);
            self
        }
    };
    (keys lines) => {
        &["lineChanges", "lineAdditions", "lineDeletions", "lockSession", "lockSessionForAdditions"]
    };
    (methods ask) => {
        /// Asks the cashier to choose. Only a blocking event can ask.
        #[must_use]
        pub fn dialog(mut self, dialog: Dialog) -> Self {
            self.0.dialog = Some(Box::new(dialog));
            self
        }

        /// Asks the cashier to fill in a form. Only a blocking event can ask.
        #[must_use]
        pub fn form(mut self, form: Form) -> Self {
            self.0.form = Some(Box::new(form));
            self
        }

        /// Asks the cashier to scan something. Only a blocking event can ask.
        #[must_use]
        pub fn request_scan(mut self, request: ScanRequest) -> Self {
            self.0.request_scan_code = Some(Box::new(request));
            self
        }
    };
    (keys ask) => {
        &["dialog", "form", "requestScanCode"]
    };
    (methods show) => {
        /// Shows a message.
        #[must_use]
        pub fn message(mut self, message: Message) -> Self {
            self.0.messages.push(message);
            self
        }

        /// Opens a web page.
        #[must_use]
        pub fn open_url(mut self, open_url: OpenUrl) -> Self {
            self.0.open_url = Some(Box::new(open_url));
            self
        }

        /// Shows a code.
        #[must_use]
        pub fn display_barcode(mut self, barcode: Barcode) -> Self {
            self.0.display_barcode = Some(Box::new(barcode));
            self
        }
    };
    (keys show) => {
        &["messages", "openUrl", "displayBarcode"]
    };
    (methods polling) => {
        /// Says whether the POS is to ask again. Only for an event that is configured as polling. A reply to the end or the merge of a
        /// sale that does not say it has the POS ask no more.
        #[must_use]
        pub fn polling(mut self, polling: Polling) -> Self {
            self.0.polling = Some(Box::new(polling));
            self
        }
    };
    (keys polling) => {
        &["polling"]
    };
    (methods scanned) => {
        /// Says what the code meant.
        #[must_use]
        pub fn scanned(mut self, scanned: ScannedCode) -> Self {
            self.0.scan_code = Some(Box::new(scanned));
            self
        }
    };
    (keys scanned) => {
        &["scanCode"]
    };
    (methods card) => {
        /// Hands over a card that was read elsewhere.
        #[must_use]
        pub fn card_scan(mut self, card: CardScan) -> Self {
            self.0.external_card_scan = Some(Box::new(card));
            self
        }
    };
    (keys card) => {
        &["externalCardScan"]
    };
    (methods receipt) => {
        /// Prints this below the receipt. The event has to be blocking and the print layout has to support it.
        #[must_use]
        pub fn receipt_footer(mut self, footer: Footer) -> Self {
            self.0.receipt_footer = Some(Box::new(footer));
            self
        }
    };
    (keys receipt) => {
        &["receiptFooter"]
    };
    (methods bill) => {
        /// Prints this below the bill. The event has to be blocking.
        #[must_use]
        pub fn bill_footer(mut self, footer: Footer) -> Self {
            self.0.bill_footer = Some(Box::new(footer));
            self
        }
    };
    (keys bill) => {
        &["billFooter"]
    };
    (methods payment) => {
        /// Says how the payment stands.
        #[must_use]
        pub fn payment(mut self, payment: PaymentAnswer) -> Self {
            self.0.external_payment = Some(Box::new(payment));
            self
        }
    };
    (keys payment) => {
        &["externalPayment"]
    };
}

macro_rules! replies {
    ($($event:ident $reply:ident [$($group:ident)*];)*) => {
        $(
            #[doc = concat!("Reply to [`", stringify!($event), "`](crate::event::", stringify!($event), ").")]
            #[derive(Debug, Clone, Default, PartialEq)]
            pub struct $reply(Body);

            impl $reply {
                /// Acknowledges and changes nothing.
                pub fn acknowledge() -> Self {
                    Self::default()
                }

                $(group!(methods $group);)*
            }

            impl Reply for $reply {
                fn into_body(self) -> Body {
                    self.0
                }
            }
        )*

        impl EventName {
            /// The names of the objects that a reply to this event may hold, besides `error`.
            ///
            /// The vendor documents a few pairs only (a receipt footer belongs to `completeSession`, say); the rest follows
            /// from what the event is about: the lines of an ended session cannot change.
            pub fn reply_objects(&self) -> impl Iterator<Item = &'static str> {
                let groups: &[&[&'static str]] = match self {
                    $(Self::$event => &[$(group!(keys $group)),*],)*
                    Self::Unknown(_) => &[],
                };
                groups.iter().flat_map(|group| group.iter().copied())
            }
        }
    };
}

replies! {
    StartSession StartSessionReply [lines ask show polling];
    ScanCode ScanCodeReply [scanned lines ask show polling];
    AddSessionLine AddSessionLineReply [lines ask show polling];
    UpdateSessionLine UpdateSessionLineReply [lines ask show polling];
    RemoveSessionLine RemoveSessionLineReply [lines ask show polling];
    PauseSession PauseSessionReply [show polling];
    ResumeSession ResumeSessionReply [lines ask show polling];
    MergeSession MergeSessionReply [show polling];
    SelectRelation SelectRelationReply [lines ask show polling];
    StartPayment StartPaymentReply [lines ask show polling];
    CancelPayment CancelPaymentReply [lines ask show polling];
    CompleteSession CompleteSessionReply [receipt show polling];
    CancelSession CancelSessionReply [show polling];
    CreditSession CreditSessionReply [show polling];
    CustomAction CustomActionReply [lines ask show polling card];
    PrintBill PrintBillReply [bill show polling];
    KitchenStartCourse KitchenStartCourseReply [];
    KitchenCompleteCourse KitchenCompleteCourseReply [];
    KitchenServeCourse KitchenServeCourseReply [];
    BackgroundPoll BackgroundPollReply [card polling];
    StartExternalPayment StartExternalPaymentReply [payment ask show polling];
    PollExternalPayment PollExternalPaymentReply [payment ask show polling];
    RequestCancelExternalPayment RequestCancelExternalPaymentReply [payment ask show polling];
    CancelExternalPayment CancelExternalPaymentReply [payment show polling];
}
