//! Whether a request comes from whom it says: signatures and tokens of webhooks, compared in
//! constant time over the body as it came.
//!
//! - GitHub: `X-Hub-Signature-256: sha256=HEX`, an HMAC-SHA256 of the body.
//! - GitLab with a signing token (`whsec_BASE64`): Standard Webhooks, an HMAC-SHA256 of
//!   `ID.TIMESTAMP.BODY` in `webhook-signature`, the time at most [`CLOCK_SKEW_MAX`] away.
//! - GitLab with a secret token: the secret itself in `X-Gitlab-Token`.
//!
//! A hook whose secret is a signing token takes signatures only: the weaker form is no way around.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use telemetry::Timestamp;

use crate::IngestError;

/// How far a signed time may be from ours (the tolerance of Standard Webhooks).
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);
/// Leads a signing token.
const SIGNING_TOKEN: &[u8] = b"whsec_";
/// A header may carry several signatures while keys are exchanged; more are not looked at.
const SIGNATURES_MAX: usize = 8;

const GITHUB_HEADER: &str = "x-hub-signature-256";
const GITLAB_TOKEN_HEADER: &str = "x-gitlab-token";
const ID_HEADER: &str = "webhook-id";
const TIMESTAMP_HEADER: &str = "webhook-timestamp";
const SIGNATURE_HEADER: &str = "webhook-signature";

const WRONG: IngestError = IngestError::Unauthenticated("the signature is not right for this hook's secret");

type Outcome = Result<(), IngestError>;

/// Refuses a request without a signature before its body is read.
pub(super) fn github_head(headers: &HeaderMap) -> Outcome {
    let missing = IngestError::Unauthenticated("X-Hub-Signature-256 is missing: set the webhook's secret");
    headers.contains_key(GITHUB_HEADER).then_some(()).ok_or(missing)
}

pub(super) fn github(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> Outcome {
    let signature = text(headers, GITHUB_HEADER).and_then(|text| text.strip_prefix("sha256="));
    let signature = signature.and_then(hex_bytes).ok_or(WRONG)?;
    mac(secret)?.chain_update(body).verify_slice(&signature).map_err(|_| WRONG)
}

/// As [`github_head`].
pub(super) fn gitlab_head(secret: &[u8], headers: &HeaderMap) -> Outcome {
    let (needed, message) = match signing_key(secret) {
        Some(_) => (SIGNATURE_HEADER, "webhook-signature is missing: this hook's secret is a signing token"),
        None => (GITLAB_TOKEN_HEADER, "X-Gitlab-Token is missing: set the webhook's secret token"),
    };
    headers.contains_key(needed).then_some(()).ok_or(IngestError::Unauthenticated(message))
}

pub(super) fn gitlab(secret: &[u8], headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
    match signing_key(secret) {
        Some(key) => standard(&key, headers, body, now),
        None => {
            // Of equal length whatever was sent, so that the time tells nothing about the secret's.
            let sent = text(headers, GITLAB_TOKEN_HEADER).map(Sha256::digest).ok_or(WRONG)?;
            bool::from(sent.ct_eq(&Sha256::digest(secret))).then_some(()).ok_or(WRONG)
        }
    }
}

/// Standard Webhooks, version 1 signatures.
fn standard(key: &[u8], headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
    let header = |name| text(headers, name).ok_or(WRONG);
    let (id, timestamp, signatures) =
        (header(ID_HEADER)?, header(TIMESTAMP_HEADER)?, header(SIGNATURE_HEADER)?);
    let signed = mac(key)?.chain_update(id).chain_update(".").chain_update(timestamp).chain_update(".");
    let signed = signed.chain_update(body);
    let is_right = signatures
        .split(' ')
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| signed.clone().verify_slice(&signature).is_ok());
    if !is_right {
        return Err(WRONG);
    }
    let at = timestamp.parse().map(Timestamp::from_secs).map_err(|_| WRONG)?;
    if at.since(now).max(now.since(at)) > CLOCK_SKEW_MAX {
        return Err(IngestError::Unauthenticated(
            "webhook-timestamp is more than 5 minutes away: is a clock wrong, or was it sent before?",
        ));
    }
    Ok(())
}

/// The key in a signing token; `None` for a secret token.
fn signing_key(secret: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(SIGNING_TOKEN)?).ok()
}

/// A secret that looks like a signing token has to be one.
pub(super) fn is_usable(secret: &[u8]) -> bool {
    !secret.starts_with(SIGNING_TOKEN) || signing_key(secret).is_some_and(|key| !key.is_empty())
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, IngestError> {
    Hmac::new_from_slice(key).map_err(|_| WRONG)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::receiver::tests::head;

    /// What GitHub would send in its header.
    pub(crate) fn github_signature(secret: &[u8], body: &[u8]) -> String {
        let tag = mac(secret).unwrap().chain_update(body).finalize().into_bytes();
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }

    fn check(outcome: Outcome) -> bool {
        outcome.is_ok()
    }

    #[test]
    fn githubs_own_example_is_right_and_anything_else_is_not() {
        // From GitHub's page "Validating webhook deliveries".
        let secret = b"It's a Secret to Everybody";
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let verify = |signature: &str, body: &[u8]| {
            check(github(secret, &head(&[(GITHUB_HEADER, signature)]).headers, body))
        };
        assert!(verify(signature, b"Hello, World!"));
        assert!(verify(&signature.to_uppercase().replace("SHA256", "sha256"), b"Hello, World!"));
        assert!(!verify(signature, b"Hello, World"));
        assert!(!verify(&signature[..signature.len() - 2], b"Hello, World!"), "a shorter one");
        assert!(!verify("sha256=", b"Hello, World!"));
        assert!(!verify("sha1=d03207e4b030cf234e3447bac4d93add4c6643d8", b"Hello, World!"));
        assert!(!verify(&signature.replace("sha256=", ""), b"Hello, World!"));
        assert!(!verify("sha256=ééé", b"Hello, World!"));
        assert!(!check(github(secret, &head(&[]).headers, b"Hello, World!")));
        assert!(!check(github_head(&head(&[]).headers)));
        assert_eq!(github_signature(secret, b"Hello, World!"), signature);
    }

    #[test]
    fn a_secret_token_is_compared_whole() {
        let secret = b"a-secret-token-of-length";
        let now = Timestamp::from_secs(0);
        let verify =
            |token: &str| check(gitlab(secret, &head(&[(GITLAB_TOKEN_HEADER, token)]).headers, b"", now));
        assert!(verify("a-secret-token-of-length"));
        for wrong in ["", "a-secret-token-of-lengt", "a-secret-token-of-length2", "A-secret-token-of-length"]
        {
            assert!(!verify(wrong), "{wrong:?}");
        }
        assert!(!check(gitlab(secret, &head(&[]).headers, b"", now)));
    }

    #[test]
    fn a_signing_token_takes_standard_webhooks_and_no_plain_token() {
        // The example of the Standard Webhooks specification.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, timestamp) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = br#"{"test": 2432232314}"#;
        let at = Timestamp::from_secs(1_614_265_330);
        let verify = |headers: &[(&str, &str)], now: Timestamp| {
            let headers = head(headers).headers;
            check(gitlab_head(secret.as_bytes(), &headers))
                && check(gitlab(secret.as_bytes(), &headers, body, now))
        };
        let signed = [(ID_HEADER, id), (TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, signature)];
        assert!(verify(&signed, at));
        let rotated = format!("v1,AAAA v1a,BBBB {signature}");
        assert!(verify(&[signed[0], signed[1], (SIGNATURE_HEADER, &rotated)], at), "several signatures");
        assert!(verify(&signed, at.plus(CLOCK_SKEW_MAX)));
        assert!(!verify(&signed, at.plus(CLOCK_SKEW_MAX + Duration::from_secs(1))), "an old one");
        assert!(!verify(&signed, at.minus(CLOCK_SKEW_MAX + Duration::from_secs(1))), "one of the future");
        assert!(!verify(&[signed[0], (TIMESTAMP_HEADER, "1614265331"), signed[2]], at), "another time");
        assert!(!verify(&[signed[1], signed[2]], at), "without an id");
        assert!(!verify(&[(GITLAB_TOKEN_HEADER, secret)], at), "the weaker form");
    }
}
