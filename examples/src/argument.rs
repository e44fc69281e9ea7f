//! Arguments that clap has no type for.

use http::Uri;

/// A share from 0 to 1.
///
/// # Errors
/// What it has to be.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("it has to be a number from 0 to 1, such as 0.2".to_owned()),
    }
}

/// The URL of a webhook before the event's name.
///
/// # Errors
/// What it has to be.
pub fn webhook_url(text: &str) -> Result<String, String> {
    let wanted =
        "it has to be a URL such as https://office.example.nl/webhook/mpluskassa, without the event's name";
    let url: Uri = text.parse().map_err(|_| wanted.to_owned())?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https"));
    if !is_web || url.host().is_none_or(str::is_empty) || url.query().is_some() || text.contains('@') {
        return Err(wanted.to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        assert_eq!(share("0.25"), Ok(0.25));
        for wrong in ["2", "-0.1", "NaN", "inf", "a half", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_webhook_url_is_one_of_the_web_without_a_query_and_a_user() {
        assert!(webhook_url("http://127.0.0.1:8080/webhook/mpluskassa").is_ok());
        for wrong in [
            "127.0.0.1:8080",
            "ftp://a.example/x",
            "https://a.example/x?a=b",
            "https://u:p@a.example/",
            "x",
            "",
        ] {
            assert!(webhook_url(wrong).is_err(), "{wrong}");
        }
    }
}
