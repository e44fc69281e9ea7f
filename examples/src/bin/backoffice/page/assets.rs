//! Style sheet, script and icon: in the program, so that nothing else has to be there.

use axum::http::header;
use axum::response::IntoResponse;

/// Browsers ask again after an hour.
const AGE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=3600");

pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), AGE], include_str!("../files/style.css"))
}

pub(crate) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), AGE], include_str!("../files/script.js"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), AGE], include_str!("../files/icon.svg"))
}
