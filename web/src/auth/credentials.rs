//! The forms in which clients send a token: `Bearer T`, `Basic any:T` (amtool, promtool, shippers),
//! `ApiKey T` and `ApiKey base64(id:T)` (Elasticsearch), `GenieKey T` (Opsgenie). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The secrets that an `Authorization` header may mean, most likely first; `None` without the
/// header, empty when its form is not known. At most two: `ApiKey` can be raw or base64.
pub(super) fn presented_secrets(headers: &HeaderMap) -> Option<Vec<String>> {
    let header = headers.get(AUTHORIZATION)?;
    Some(header.to_str().map(secrets_in).unwrap_or_default())
}

pub(super) fn secrets_in(header: &str) -> Vec<String> {
    let Some((scheme, rest)) = header.trim().split_once(' ') else { return Vec::new() };
    let rest = rest.trim();
    let secrets: Vec<String> = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "geniekey" => vec![rest.to_owned()],
        "basic" => after_colon(rest).into_iter().collect(),
        "apikey" => std::iter::once(rest.to_owned()).chain(after_colon(rest)).collect(),
        _ => Vec::new(),
    };
    secrets.into_iter().filter(|secret| !secret.is_empty()).collect()
}

/// `T` of base64 `anything:T`.
fn after_colon(encoded: &str) -> Option<String> {
    let bytes = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(_, secret)| secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expect: &[&str]) {
        assert_eq!(secrets_in(header), expect, "{header}");
    }

    #[test]
    fn every_accepted_form_yields_the_token() {
        check("Bearer ek_1", &["ek_1"]);
        check("bearer   ek_1 ", &["ek_1"]);
        check("GenieKey ek_1", &["ek_1"]);
        check("Basic YW55OmVrXzE=", &["ek_1"]); // any:ek_1
        check("Basic OmVrXzE=", &["ek_1"]); // :ek_1
        check("ApiKey ek_1", &["ek_1"]);
        check("ApiKey aWQ6ZWtfMQ==", &["aWQ6ZWtfMQ==", "ek_1"]); // id:ek_1
    }

    #[test]
    fn anything_else_yields_nothing() {
        for header in ["", "Bearer", "Bearer ", "Digest x", "Basic !!!", "Basic YW55", "Basic YW55Og=="] {
            check(header, &[]);
        }
        assert_eq!(presented_secrets(&HeaderMap::new()), None);
    }
}
