//! Events, CloudEvents, the webhooks of code hosts, PagerDuty's change events.

use std::sync::{Arc, LazyLock};

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use sha2::Sha256;

use super::{head, promises, refused, take};
use crate::events::Events;
use crate::hooks::{GithubHook, GitlabHook, Hook, HookConfig, Hooks, Provider};
use crate::pagerduty::{ChangeEvents, Integration, IntegrationKeys, Keyring};
use crate::{Decoded, Dialect};

/// Every event is stored or refused.
fn check_rows(decoded: &Decoded) {
    assert_eq!(decoded.rows, decoded.batch.events.len() as u64 + refused(decoded));
}

/// As JSON and as NDJSON. Lines of which none is refused say the same as elements of an array.
pub fn events(body: &[u8]) {
    if let Ok(decoded) = take(&Events, &head("application/json"), body) {
        check_rows(&decoded);
    }
    let Ok(decoded) = take(&Events, &head("application/x-ndjson"), body) else { return };
    check_rows(&decoded);
    if decoded.rows > 0 && refused(&decoded) == 0 {
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
        let array = [b"[", lines.join(&b","[..]).as_slice(), b"]"].concat();
        let of_array = take(&Events, &head("application/json"), &array).expect("an array of good events");
        assert_eq!(promises::told(&decoded), promises::told(&of_array));
    }
}

/// Structured, in a batch, and binary: then lines of headers and an empty one stand before the data. One
/// event is the same alone and in a batch.
pub fn cloudevents(body: &[u8]) {
    if let Ok(alone) = take(&Events, &head("application/cloudevents+json"), body) {
        check_rows(&alone);
        let batch = [b"[", body, b"]"].concat();
        let in_batch = take(&Events, &head("application/cloudevents-batch+json"), &batch);
        assert_eq!(promises::told(&alone), promises::told(&in_batch.expect("the one event is JSON")));
    }
    if let Ok(decoded) = take(&Events, &head("application/cloudevents-batch+json"), body) {
        check_rows(&decoded);
    }
    let (parts, data) = binary(body);
    if Events.check_head(&parts).is_ok()
        && let Ok(decoded) = take(&Events, &parts, data)
    {
        check_rows(&decoded);
    }
}

fn binary(body: &[u8]) -> (Parts, &[u8]) {
    let mut parts = head("application/json");
    let mut rest = body;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        let (Ok(name), Ok(value)) = (name, value) else { break };
        parts.headers.insert(name, value);
    }
    (parts, rest)
}

const SECRET: &str = "a secret of the webhook";

fn hook(provider: Provider) -> Arc<Hook> {
    let config = HookConfig {
        name: "shop".to_owned(),
        provider,
        secret: Some(SECRET.to_owned()),
        secret_file: None,
        service: None,
        environments: [("production".to_owned(), "prod".to_owned())].into(),
    };
    let hooks = Hooks::from_config(&[config]).expect("a right hook");
    hooks.get(provider, "shop").expect("the hook was configured")
}

static HOOKS: LazyLock<[Arc<Hook>; 2]> = LazyLock::new(|| [Provider::Github, Provider::Gitlab].map(hook));

/// The body as what it may be, with the right proof: a deployment or a status from GitHub, a deployment
/// from GitLab. It is one event, nothing to keep and why, or no such body.
pub fn hooks(body: &[u8]) {
    let [github, gitlab] = &*HOOKS;
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    let digest = mac.chain_update(body).finalize().into_bytes();
    let signature = format!("sha256={}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    for event in ["deployment", "deployment_status"] {
        let headers = [("x-github-event", event), ("x-hub-signature-256", signature.as_str())];
        check_hook(&GithubHook, github, &headers, body);
    }
    check_hook(
        &GitlabHook,
        gitlab,
        &[("x-gitlab-event", "Deployment Hook"), ("x-gitlab-token", SECRET)],
        body,
    );
}

fn check_hook(dialect: &dyn Dialect, hook: &Arc<Hook>, headers: &[(&'static str, &str)], body: &[u8]) {
    let mut parts = head("application/json");
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("our own headers are ASCII");
        parts.headers.insert(HeaderName::from_static(name), value);
    }
    parts.extensions.insert(hook.clone());
    dialect.check_head(&parts).expect("our own head is right");
    let Ok(decoded) = take(dialect, &parts, body) else { return };
    assert_eq!(decoded.rows, decoded.batch.events.len() as u64);
    assert_eq!(decoded.rows == 0, decoded.notice.is_some());
}

/// A ring with a key for everybody.
struct AnyKey;

impl IntegrationKeys for AnyKey {
    fn integration(&self, _key: &str) -> Option<Integration> {
        Some(Integration { name: "acme".to_owned(), service: "checkout".to_owned() })
    }
}

/// One change is stored or refused, and is that of its key's service.
pub fn pagerduty_change(body: &[u8]) {
    let mut parts = head("application/json");
    parts.extensions.insert(Keyring(Arc::new(AnyKey)));
    let Ok(decoded) = take(&ChangeEvents, &parts, body) else { return };
    check_rows(&decoded);
    assert_eq!(decoded.rows, 1);
    assert!(decoded.batch.events.iter().all(|event| event.service.as_deref() == Some("checkout")));
}
