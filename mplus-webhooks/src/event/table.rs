//! The table of all events. Names, handlers, closures and dispatch are made from it, so that none can be forgotten.

/// Calls `$then! { rows }` with one row per event: type, name in the URL, handler method, closure setter, reply type.
macro_rules! for_each_event {
    ($then:ident) => {
        $then! {
            /// A sale began.
            StartSession "startSession" start_session on_start_session StartSessionReply;
            /// A code was scanned. Saying that it was recognised stops the POS's own search.
            ScanCode "scanCode" scan_code on_scan_code ScanCodeReply;
            /// A line was added to the sale.
            AddSessionLine "addSessionLine" add_session_line on_add_session_line AddSessionLineReply;
            /// A line of the sale was changed.
            UpdateSessionLine "updateSessionLine" update_session_line on_update_session_line UpdateSessionLineReply;
            /// A line was removed from the sale.
            RemoveSessionLine "removeSessionLine" remove_session_line on_remove_session_line RemoveSessionLineReply;
            /// The sale was parked.
            PauseSession "pauseSession" pause_session on_pause_session PauseSessionReply;
            /// The sale was fetched back.
            ResumeSession "resumeSession" resume_session on_resume_session ResumeSessionReply;
            /// The sale became part of another one.
            MergeSession "mergeSession" merge_session on_merge_session MergeSessionReply;
            /// A customer was selected or deselected.
            SelectRelation "selectRelation" select_relation on_select_relation SelectRelationReply;
            /// The payment screen is about to open.
            StartPayment "startPayment" start_payment on_start_payment StartPaymentReply;
            /// The payment screen was closed without a payment.
            CancelPayment "cancelPayment" cancel_payment on_cancel_payment CancelPaymentReply;
            /// The sale is paid and finished. The transaction has been recorded before this is called.
            CompleteSession "completeSession" complete_session on_complete_session CompleteSessionReply;
            /// The sale was given up. The transaction has been cancelled before this is called.
            CancelSession "cancelSession" cancel_session on_cancel_session CancelSessionReply;
            /// A finished sale was credited. Nothing else happens, unless the host opted in to refunds.
            CreditSession "creditSession" credit_session on_credit_session CreditSessionReply;
            /// A button of the restaurant's own was pressed.
            CustomAction "customAction" custom_action on_custom_action CustomActionReply;
            /// A bill was printed.
            PrintBill "printBill" print_bill on_print_bill PrintBillReply;
            /// The kitchen began a course.
            KitchenStartCourse "kitchenStartCourse" kitchen_start_course on_kitchen_start_course KitchenStartCourseReply;
            /// The kitchen finished a course.
            KitchenCompleteCourse "kitchenCompleteCourse" kitchen_complete_course on_kitchen_complete_course KitchenCompleteCourseReply;
            /// The waiter served a course.
            KitchenServeCourse "kitchenServeCourse" kitchen_serve_course on_kitchen_serve_course KitchenServeCourseReply;
            /// The running POS asks whether there is anything for it.
            BackgroundPoll "backgroundPoll" background_poll on_background_poll BackgroundPollReply;
            /// A payment is to be carried out. Called only when the orchestrator has no payments of its own.
            StartExternalPayment "startExternalPayment" start_external_payment on_start_external_payment StartExternalPaymentReply;
            /// Is the payment done? Called only when the orchestrator has no payments of its own.
            PollExternalPayment "pollExternalPayment" poll_external_payment on_poll_external_payment PollExternalPaymentReply;
            /// The cashier wants to cancel the payment. Called only when the orchestrator has no payments of its own.
            RequestCancelExternalPayment "requestCancelExternalPayment" request_cancel_external_payment on_request_cancel_external_payment RequestCancelExternalPaymentReply;
            /// The POS gave the payment up. Called only when the orchestrator has no payments of its own.
            CancelExternalPayment "cancelExternalPayment" cancel_external_payment on_cancel_external_payment CancelExternalPaymentReply;
        }
    };
}
pub(crate) use for_each_event;
