//! Who calls.

use std::fmt;

use crate::{Error, Secret, environment::variable, erase};

/// The name and the password of a connection, as the POS's supplier hands them out ("ident" and "secret").
///
/// They travel in the query of every request and are shown nowhere else.
#[derive(Clone)]
pub struct Credentials {
    ident: Secret,
    secret: Secret,
}

impl Credentials {
    /// Credentials of one connection.
    pub fn new(ident: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        Self { ident: ident.into(), secret: secret.into() }
    }

    /// From the environment: `MPLUS_IDENT` and `MPLUS_SECRET`.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`](crate::ErrorKind::Setup) when one of them is not set.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(variable("MPLUS_IDENT")?, variable("MPLUS_SECRET")?))
    }

    /// The text with `***` in the place of ident and secret, however they are escaped: percent, plus, XML, JSON, base64,
    /// once or more often, whole or cut. The case does not matter. Ones of fewer than 4 bytes stay: they would be found
    /// everywhere.
    pub fn erase_from(&self, text: impl Into<String>) -> String {
        erase::erase(text.into(), &self.exposed())
    }

    pub(crate) fn exposed(&self) -> [&str; 2] {
        [self.secret.expose(), self.ident.expose()]
    }

    /// The URL of a request: for the wire alone.
    pub(crate) fn url(&self, endpoint: &str) -> Secret {
        let mut url = format!("{endpoint}?ident=");
        percent_encode(&mut url, self.ident.expose());
        url.push_str("&secret=");
        percent_encode(&mut url, self.secret.expose());
        Secret::new(url)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

/// Everything but letters, digits and `-._~` as percent escapes of its UTF-8 bytes.
fn percent_encode(query: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_escaped_in_the_url_and_shown_nowhere() {
        let credentials = Credentials::new("user&name", "p=w d/é?");
        let url = credentials.url("https://api.example:1234/");
        assert_eq!(url.expose(), "https://api.example:1234/?ident=user%26name&secret=p%3Dw%20d%2F%C3%A9%3F");
        assert_eq!(format!("{credentials:?} {url:?}").matches("user").count(), 0);
        let shown = credentials.erase_from(url.expose());
        assert_eq!(shown, "https://api.example:1234/?ident=***&secret=***");
    }
}
