//! HTTP steps.

use futures::StreamExt;

use super::StepOutcome;
use crate::document::HttpRequest;

pub(super) async fn send(
    request: &HttpRequest,
    client: &reqwest::Client,
    output_bytes_max: usize,
) -> StepOutcome {
    let method = match reqwest::Method::from_bytes(request.method.as_bytes()) {
        Ok(method) => method,
        Err(error) => return StepOutcome::failed(error.to_string()),
    };
    let mut builder = client.request(method, &request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let answer = match builder.body(request.body.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => return StepOutcome::failed(with_causes(&error)),
    };
    let status = answer.status();
    let mut body = Vec::new();
    let mut chunks = answer.bytes_stream();
    let mut cut = false;
    while let Some(Ok(chunk)) = chunks.next().await {
        let room = output_bytes_max.saturating_sub(body.len()).min(chunk.len());
        body.extend_from_slice(&chunk[..room]);
        if room < chunk.len() {
            cut = true;
            break;
        }
    }
    let mut output = format!("{status}\n\n{}", String::from_utf8_lossy(&body));
    if cut {
        output.push_str("\n[the rest is not kept]");
    }
    StepOutcome { succeeded: status.is_success(), exit_code: Some(i64::from(status.as_u16())), output }
}

/// An error with what led to it: reqwest's own text alone rarely says more than that it failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
