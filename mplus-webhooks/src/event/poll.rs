//! The short way for the event that comes most often.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The payment that a plain poll asks about. `None` for anything out of the ordinary, which [`read`] then judges.
///
/// Polls come every second from every till that waits, and their answer needs nothing but this. So whatever else they carry is
/// passed over, unread.
pub(crate) fn polled_payment(body: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Poll<'a> {
        #[serde(borrow)]
        external_payment: Polled<'a>,
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Polled<'a> {
        external_payment_id: &'a str,
    }
    let poll: Poll<'_> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    poll.error.is_none().then_some(poll.external_payment.external_payment_id)
}

#[cfg(test)]
mod tests {
    use super::polled_payment;

    #[test]
    fn a_plain_poll_is_read_no_further_than_its_payments_id() {
        let body =
            br#"{"event":{"eventCounter":"not judged"},"sender":{},"session":{"lines":[{"x":[[[1]]]}]},
            "externalPayment":{"externalPaymentId":"p","amount":2.7}}"#;
        assert_eq!(polled_payment(body), Some("p"));
    }

    #[test]
    fn whatever_is_out_of_the_ordinary_takes_the_long_way() {
        for body in [
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"},"error":{"code":"X"}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p","externalPaymentId":"q"}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"},"externalPayment":{"externalPaymentId":"q"}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":7}}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"\u0070"}}"#,
            r#"{"sender":{},"externalPayment":null}"#,
            r#"{"sender":{},"externalPayment":{"externalPaymentId":"p"}} {}"#,
            "[]",
            "",
        ] {
            assert_eq!(polled_payment(body.as_bytes()), None, "{body}");
        }
    }
}
