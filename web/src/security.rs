//! Security headers on every answer, and the nonce of the one page that runs scripts.
//!
//! The policy allows nothing but our own files: no inline script, no other origin, no framing. The
//! nonce is for the styles that the dashboard's components insert at run time.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::error::WebError;

/// What the Content-Security-Policy of this one answer trusts; 128 random bits.
#[derive(Clone, Debug)]
pub(crate) struct Nonce(String);

impl Nonce {
    pub(crate) fn random() -> Result<Nonce, getrandom::Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Nonce(STANDARD_NO_PAD.encode(bytes)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn policy(&self) -> String {
        format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
             img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
             base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
            nonce = self.0,
        )
    }
}

/// The middleware: gives the request its nonce and the answer its headers. `is_https` adds HSTS.
pub(crate) async fn headers(is_https: bool, mut request: Request, next: Next) -> Response {
    let nonce = match Nonce::random() {
        Ok(nonce) => nonce,
        Err(error) => return WebError::internal(error).into_response(),
    };
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&nonce.policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    let fixed: [(HeaderName, &'static str); 5] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would make the browser send `Origin: null` with our own forms.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// In handlers that render pages.
impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Nonce {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Nonce, WebError> {
        let nonce = parts.extensions.get::<Nonce>().cloned();
        nonce.ok_or_else(|| WebError::internal("the security headers are not mounted"))
    }
}
