//! Pictures of the menu.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::view::answer::Trouble;

/// What a picture may be; nothing that may hold a script.
const KINDS: [(&str, &str); 5] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
];

pub(crate) async fn show(State(app): State<App>, Path(path): Path<String>) -> Result<Response, Trouble> {
    let kind = kind(&path).ok_or(Trouble::NotFound)?;
    let bytes = tokio::fs::read(app.pictures.join(&path)).await.map_err(|_| Trouble::NotFound)?;
    // Its name is the hash of its bytes: it never changes.
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")];
    Ok((headers, bytes).into_response())
}

/// The type of a picture that a path of the media store names, `ab/cd/abcd….jpg`; none for any other path.
fn kind(path: &str) -> Option<&'static str> {
    let (name, extension) = path.rsplit_once('.')?;
    let parts: Vec<_> = name.split('/').collect();
    let is_hex = |part: &&str| !part.is_empty() && part.chars().all(|digit| digit.is_ascii_hexdigit());
    let is_ours = parts.len() == 3 && parts.iter().all(is_hex);
    is_ours.then(|| KINDS.iter().find(|(known, _)| *known == extension).map(|(_, kind)| *kind))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_the_media_store_are_served() {
        assert_eq!(kind("ab/cd/abcd12.jpg"), Some("image/jpeg"));
        for other in [
            "../backoffice.key",
            "ab/cd/../../x.jpg",
            "ab/cd/abcd.svg",
            "/etc/passwd",
            "ab/abcd.png",
            "ab//abcd.png",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
    }
}
