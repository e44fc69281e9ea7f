//! Requests and responses as a host may look at them: redacted, and only when it asks for them.

use std::fmt;

/// Gets to see every request and every buffered response, for a support case or a test.
///
/// Bodies are redacted before they get here: the client's own ident and secret wherever they stand, and the content of
/// every element that [`Self::is_sensitive`] names. The query with the credentials is never shown. Names, addresses and
/// orders of customers are in the bodies: whoever keeps them is bound by what applies to personal data.
///
/// Items of a stream are not shown (they are never held together); its request is, and a response with an error status.
///
/// ```
/// use mplus_qapi::{Capture, CapturedMessage};
///
/// #[derive(Debug)]
/// struct ToLog;
///
/// impl Capture for ToLog {
///     fn capture(&self, message: &CapturedMessage<'_>) {
///         println!("{} {:?} {}", message.operation, message.part, message.body);
///     }
///
///     fn is_sensitive(&self, element: &str) -> bool {
///         mplus_qapi::is_sensitive(element) || element == "email"
///     }
/// }
/// ```
pub trait Capture: fmt::Debug + Send + Sync + 'static {
    /// Takes one message. It is called in the middle of the exchange, so it should not take long.
    fn capture(&self, message: &CapturedMessage<'_>);

    /// Whether the content of elements with this local name is replaced by `***`. [`is_sensitive`] unless overridden.
    fn is_sensitive(&self, element: &str) -> bool {
        is_sensitive(element)
    }
}

/// One redacted body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapturedMessage<'a> {
    /// The operation that was called.
    pub operation: &'static str,
    /// The `X-Request-Id` of the attempt: the same for a request and its response.
    pub request_id: &'a str,
    /// Which way it went.
    pub part: CapturedPart,
    /// The redacted body.
    pub body: &'a str,
}

impl<'a> CapturedMessage<'a> {
    /// A message, for tests of a hook. Whether it is redacted is up to them.
    pub fn new(operation: &'static str, request_id: &'a str, part: CapturedPart, body: &'a str) -> Self {
        Self { operation, request_id, part, body }
    }
}

/// Which way a captured body went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CapturedPart {
    /// To the service.
    Request,
    /// From the service.
    Response {
        /// The HTTP status.
        status: u16,
    },
}

/// What stands in place of what is not shown.
pub(crate) const REDACTED: &str = "***";

/// Whether an element of the service holds what should not be kept in a log: passwords, keys and credentials, numbers of
/// bank accounts, payment cards, gift cards and vouchers. The case of the name does not matter.
pub fn is_sensitive(element: &str) -> bool {
    const WHOLE: [&str; 5] = ["ident", "apiident", "iban", "pin", "plainstring"];
    const PARTS: [&str; 9] = [
        "encryptionkey",
        "password",
        "secret",
        "token",
        "cardnumber",
        "bankaccountnumber",
        "workplacekey",
        "scancode",
        "voucherissuancecode",
    ];
    let name = element.to_ascii_lowercase();
    WHOLE.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

/// The document with the content of sensitive elements replaced. Malformed text is cut off rather than shown where it can
/// not be told what it is.
pub(crate) fn redact(document: &str, is_sensitive: impl Fn(&str) -> bool) -> String {
    let mut shown = String::with_capacity(document.len());
    // Depth below the sensitive element that is being left out.
    let mut hidden: Option<usize> = None;
    let mut rest = document;
    while let Some(start) = rest.find('<') {
        let (text, markup) = rest.split_at(start);
        let Some(end) = markup_end(markup) else {
            rest = text;
            break;
        };
        let (markup, after) = markup.split_at(end);
        rest = after;
        if hidden.is_none() {
            shown.push_str(text);
        }
        let is_tag = !markup.starts_with("<!") && !markup.starts_with("<?");
        let closes = markup.starts_with("</");
        let empty = markup.ends_with("/>");
        match (&mut hidden, is_tag) {
            (None, true) if !closes && !empty && is_sensitive(local_name(markup)) => {
                shown.push_str(markup);
                shown.push_str(REDACTED);
                hidden = Some(0);
            }
            (None, _) => shown.push_str(markup),
            (Some(0), true) if closes => {
                shown.push_str(markup);
                hidden = None;
            }
            (Some(depth), true) if closes => *depth -= 1,
            (Some(depth), true) if !empty => *depth += 1,
            (Some(_), _) => {}
        }
    }
    if hidden.is_none() {
        shown.push_str(rest);
    }
    shown
}

/// Where the tag, comment, CDATA section or instruction at the start ends.
fn markup_end(markup: &str) -> Option<usize> {
    let end = |with: &str| markup.find(with).map(|at| at + with.len());
    if markup.starts_with("<!--") {
        end("-->")
    } else if markup.starts_with("<![CDATA[") {
        end("]]>")
    } else if markup.starts_with("<?") {
        end("?>")
    } else {
        tag_end(markup)
    }
}

/// Where the tag at the start ends. In an attribute's value a `>` is one of its characters.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    let end = tag.bytes().position(|byte| match (quote, byte) {
        (Some(open), _) => {
            if byte == open {
                quote = None;
            }
            false
        }
        (None, b'"' | b'\'') => {
            quote = Some(byte);
            false
        }
        (None, _) => byte == b'>',
    });
    end.map(|end| end + 1)
}

fn local_name(tag: &str) -> &str {
    let name =
        tag.trim_start_matches('<').split(['>', '/', ' ', '\t', '\r', '\n']).next().unwrap_or_default();
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &str) -> String {
        redact(document, is_sensitive)
    }

    #[test]
    fn the_content_of_sensitive_elements_is_replaced_whatever_it_is() {
        assert_eq!(
            shown("<a><ns:password>x</ns:password><b>y</b></a>"),
            "<a><ns:password>***</ns:password><b>y</b></a>"
        );
        assert_eq!(
            shown("<cardNumber><![CDATA[1</cardNumber>2]]><i><i>3</i></i></cardNumber>!"),
            "<cardNumber>***</cardNumber>!"
        );
        assert_eq!(
            shown("<password/><PASSWORD a=\"1\">x</PASSWORD>"),
            "<password/><PASSWORD a=\"1\">***</PASSWORD>"
        );
    }

    #[test]
    fn an_attribute_does_not_end_its_tag() {
        for attribute in ["a='/>'", "a=\"</password>\"", "a='\"/>'", "xmlns:x = '>'"] {
            let document = format!("<a><ns:password {attribute}>x</ns:password><b {attribute}/></a>");
            assert_eq!(shown(&document), document.replace(">x<", ">***<"), "{attribute}");
        }
    }

    #[test]
    fn what_is_cut_off_inside_of_a_sensitive_element_is_not_shown() {
        for cut in ["<a><secret>abc", "<a><secret>abc</sec", "<a><secret>abc<![CDATA[d"] {
            assert_eq!(shown(cut), "<a><secret>***");
        }
    }

    #[test]
    fn everything_else_is_left_as_it_is() {
        let document = "<?xml version=\"1.0\"?><a><!-- <password> --><b>x &amp; y</b></a>\n";
        assert_eq!(shown(document), document);
        assert_eq!(shown("no markup"), "no markup");
    }
}
