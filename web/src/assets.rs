//! The dashboard's files, embedded by `build.rs`.
//!
//! `/assets/*` never changes under its name (the build puts a hash into it) and is cached for a
//! year; everything else is asked for again by ETag. `index.html` is different for each request: it
//! carries the request's nonce and the base path.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::error::WebError;
use crate::pages;
use crate::security::Nonce;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A file of the build and its pre-compressed copies.
struct Embedded {
    path: &'static str,
    /// Quoted, as the header has it.
    etag: &'static str,
    raw: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

/// The path's file, `None` when there is no such file.
fn find(path: &str) -> Option<&'static Embedded> {
    FILES.iter().find(|file| file.path == path)
}

/// `/assets/{path}`: the file or a 404, never the dashboard.
pub(crate) fn asset(path: &str, headers: &HeaderMap) -> Response {
    match find(&format!("assets/{path}")) {
        Some(file) => serve(file, headers, IMMUTABLE),
        None => WebError::NoSuchPath.into_response(),
    }
}

/// A file of the build's top folder or a 404, never the dashboard.
pub(crate) fn top_file(path: &str, headers: &HeaderMap) -> Response {
    match find(path) {
        Some(file) => serve(file, headers, REVALIDATE),
        None => WebError::NoSuchPath.into_response(),
    }
}

/// Any other path: a file of the build's top folder (favicon, licences), else the dashboard, whose
/// own router reads the path.
pub(crate) fn page(path: &str, headers: &HeaderMap, nonce: &Nonce, base_path: &str) -> Response {
    match find(path) {
        Some(file) if file.path != "index.html" => serve(file, headers, REVALIDATE),
        _ => index(nonce, base_path),
    }
}

fn index(nonce: &Nonce, base_path: &str) -> Response {
    let Some(file) = find("index.html") else { return pages::ui_not_built(nonce, base_path) };
    let text = with_nonce(&String::from_utf8_lossy(file.raw), nonce.as_str(), base_path);
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, text).into_response()
}

/// Puts this answer's nonce and base path where the build left room for them.
fn with_nonce(index: &str, nonce: &str, base_path: &str) -> String {
    index.replace("__CSP_NONCE__", nonce).replace("__BASE_HREF__", &pages::escape(base_path))
}

fn serve(file: &'static Embedded, headers: &HeaderMap, cache: &'static str) -> Response {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body_of(file, &Accepted::of(headers))
    };
    let answer = response.headers_mut();
    answer.insert(ETAG, HeaderValue::from_static(file.etag));
    answer.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn body_of(file: &'static Embedded, accepted: &Accepted) -> Response {
    let (body, encoding) = match (file.br, file.gz) {
        (Some(br), _) if accepted.br => (br, Some("br")),
        (_, Some(gz)) if accepted.gzip => (gz, Some("gzip")),
        _ => (file.raw, None),
    };
    let mut response = Response::new(Body::from(Bytes::from_static(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Which of the embedded encodings the client takes.
#[derive(Debug, PartialEq)]
struct Accepted {
    br: bool,
    gzip: bool,
}

impl Accepted {
    fn of(headers: &HeaderMap) -> Accepted {
        let takes = |wanted: &str| {
            let values = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|item| {
                let (name, quality) = item.split_once(';').unwrap_or((item, ""));
                let is_refused = matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
                name.trim().eq_ignore_ascii_case(wanted) && !is_refused
            })
        };
        Accepted { br: takes("br"), gzip: takes("gzip") }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" | "md" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILE: Embedded =
        Embedded { path: "assets/main-1f.js", etag: "\"1f\"", raw: b"raw", br: Some(b"br"), gz: Some(b"gz") };

    fn answer(headers: &[(http::HeaderName, &str)]) -> (StatusCode, Option<String>) {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let response = serve(&FILE, &headers, IMMUTABLE);
        assert_eq!(response.headers()[CACHE_CONTROL], IMMUTABLE);
        assert_eq!(response.headers()[ETAG], "\"1f\"");
        let encoding = response.headers().get(CONTENT_ENCODING).map(|it| it.to_str().unwrap().to_owned());
        (response.status(), encoding)
    }

    #[test]
    fn the_best_encoding_the_client_takes_is_sent() {
        let ok = |encoding: Option<&str>| (StatusCode::OK, encoding.map(str::to_owned));
        assert_eq!(answer(&[(ACCEPT_ENCODING, "gzip, deflate, br, zstd")]), ok(Some("br")));
        assert_eq!(answer(&[(ACCEPT_ENCODING, "br;q=0, gzip;q=0.5")]), ok(Some("gzip")));
        assert_eq!(answer(&[(ACCEPT_ENCODING, "identity")]), ok(None));
        assert_eq!(answer(&[]), ok(None));
    }

    #[test]
    fn a_known_etag_is_not_sent_again() {
        assert_eq!(answer(&[(IF_NONE_MATCH, "\"00\", W/\"1f\"")]).0, StatusCode::NOT_MODIFIED);
        assert_eq!(answer(&[(IF_NONE_MATCH, "\"00\"")]).0, StatusCode::OK);
    }

    #[test]
    fn the_index_carries_nonce_and_base() {
        let index = "<base href=\"__BASE_HREF__\"><script nonce=\"__CSP_NONCE__\">";
        assert_eq!(with_nonce(index, "abc", "/ops/"), "<base href=\"/ops/\"><script nonce=\"abc\">");
    }
}
