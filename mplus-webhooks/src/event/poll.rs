//! The short way for the event that comes most often.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a plain poll says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PlainPoll<'a> {
    /// The payment that it asks about.
    pub(crate) payment: &'a str,
    /// Whether the till counts its events: no other one has the same bytes then.
    pub(crate) is_counted: bool,
}

/// What a plain poll says. `None` for anything out of the ordinary, which [`read`](super::read) then judges.
///
/// Polls come every second from every till that waits, and their answer needs nothing but this. So whatever else they carry is
/// passed over, unread.
pub(crate) fn plain_poll(body: &[u8]) -> Option<PlainPoll<'_>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Poll<'a> {
        event: Option<Counted>,
        #[serde(borrow)]
        external_payment: Polled<'a>,
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Counted {
        event_counter: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Polled<'a> {
        external_payment_id: &'a str,
    }
    let poll: Poll<'_> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    poll.error.is_none().then_some(PlainPoll {
        payment: poll.external_payment.external_payment_id,
        is_counted: poll.event.is_some_and(|event| event.event_counter.is_some()),
    })
}

#[cfg(test)]
mod tests {
    use super::{PlainPoll, plain_poll};

    #[test]
    fn a_plain_poll_is_read_no_further_than_its_payments_id() {
        let body =
            br#"{"event":{"eventCounter":"not judged"},"sender":{},"session":{"lines":[{"x":[[[1]]]}]},
            "externalPayment":{"externalPaymentId":"p","amount":2.7}}"#;
        assert_eq!(plain_poll(body), Some(PlainPoll { payment: "p", is_counted: true }));
    }

    #[test]
    fn a_till_that_does_not_count_says_so() {
        for event in ["", r#""event":null,"#, r#""event":{},"#, r#""event":{"eventCounter":null},"#] {
            let body =
                format!(r#"{{{event}"note":"eventCounter","externalPayment":{{"externalPaymentId":"p"}}}}"#);
            let poll = PlainPoll { payment: "p", is_counted: false };
            assert_eq!(plain_poll(body.as_bytes()), Some(poll), "{body}");
        }
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
            assert_eq!(plain_poll(body.as_bytes()), None, "{body}");
        }
    }
}
