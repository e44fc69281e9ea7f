//! No secret shows anywhere: every log line down to the finest, every error, report and reply, and every byte of the databases is
//! looked through, while the other side repeats what it was sent.

mod log;
mod pos;
mod spellings;
mod till;

use log::Log;
use spellings::Secrets;

#[tokio::test]
async fn no_secret_of_a_pos_shows_in_a_log_an_error_a_report_or_a_database() {
    let (log, _recording) = Log::record();
    let mut shown = pos::everything_that_shows().await;
    let lines = log.text();
    assert!(lines.contains("getProducts"), "the log tells what was called: {lines:.500}");
    shown.push(("the log", lines));
    Secrets::new([pos::IDENT, pos::SECRET, pos::RIGHT_SECRET]).are_in_none_of(&shown);
}

#[tokio::test]
async fn no_secret_of_a_subscription_or_a_payment_provider_shows_in_a_log_a_reply_a_notice_or_a_database() {
    let (log, _recording) = Log::record();
    let mut shown = till::everything_that_shows().await;
    let lines = log.text();
    assert!(
        lines.contains("WARN") || lines.contains("ERROR"),
        "the log tells what was refused: {lines:.500}"
    );
    shown.push(("the log", lines));
    Secrets::new(till::secrets()).are_in_none_of(&shown);
}
