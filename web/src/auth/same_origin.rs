//! Cross-site request forgery: a browser attaches the cookie to requests that other sites start.
//! `SameSite=Strict` stops most of them; a request that changes something must also show that it
//! comes from our own pages. Pure.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use url::Url;

/// Whether the request was made by one of our own pages. `Sec-Fetch-Site` decides where the browser
/// sends it (not over plain HTTP to another machine); else `Origin` must be the requested host or
/// the external URL. Neither header: no.
pub(super) fn is_same_origin(headers: &HeaderMap, external_url: Option<&Url>) -> bool {
    let text = |name: http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(http::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let Some(origin) = text(ORIGIN).and_then(|origin| Url::parse(origin).ok()) else { return false };
    let is_external = external_url.is_some_and(|url| url.origin() == origin.origin());
    let is_host = text(HOST).is_some_and(|host| authority(&origin).as_deref() == Some(host));
    is_external || is_host
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expect: bool) {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let external = Url::parse("https://evenkeel.example").unwrap();
        assert_eq!(is_same_origin(&map, Some(&external)), expect, "{headers:?}");
    }

    #[test]
    fn only_our_own_pages_are_same_origin() {
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site"), ("origin", "https://evenkeel.example")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("origin", "https://evenkeel.example")], true);
        check(&[("origin", "http://10.0.0.7:7400"), ("host", "10.0.0.7:7400")], true);
        check(&[("origin", "http://10.0.0.7:7401"), ("host", "10.0.0.7:7400")], false);
        check(&[("origin", "http://evil.example"), ("host", "10.0.0.7:7400")], false);
        check(&[("origin", "null"), ("host", "10.0.0.7:7400")], false);
        check(&[("host", "10.0.0.7:7400")], false);
    }
}
