//! The frames of a bulk body: an action line, then, but for `delete`, the line of its document.
//!
//! A line that is no action spoils the request, for nobody knows what the next line is; a document
//! that is no JSON spoils only itself.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use telemetry::Limit;
use xxhash_rust::xxh3::Xxh3;

use crate::body::{check_json_depth, excerpt};
use crate::json_text::JsonText;
use crate::{IngestError, IngestLimits, OverLimit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Index,
    Update,
    Delete,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Index => "index",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
}

/// One action with its document.
#[derive(Debug, PartialEq)]
pub(super) struct Operation<'a> {
    pub(super) action: Action,
    pub(super) index: Cow<'a, str>,
    /// As the sender chose it.
    pub(super) id: Option<Cow<'a, str>>,
    /// The line after the action's; empty for `delete`.
    pub(super) document: &'a [u8],
}

impl Operation<'_> {
    /// Bytes of text in it.
    pub(super) fn bytes(&self) -> usize {
        self.index.len() + self.id.as_ref().map_or(0, |id| id.len()) + self.document.len()
    }
}

/// Beside these an action may hold `_type`, `routing`, `pipeline` and others that mean nothing here.
#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow, rename = "_index")]
    index: Option<JsonText<'a>>,
    #[serde(borrow, rename = "_id")]
    id: Option<JsonText<'a>>,
}

#[derive(Deserialize)]
struct ActionLine<'a> {
    #[serde(borrow)]
    create: Option<Target<'a>>,
    #[serde(borrow)]
    index: Option<Target<'a>>,
    #[serde(borrow)]
    update: Option<Target<'a>>,
    #[serde(borrow)]
    delete: Option<Target<'a>>,
}

/// The operations of a body, in order; the first error is the last item. `index_in_path` is for
/// actions that name none, `""` when the path has none either.
pub(super) fn operations<'a>(
    body: &'a [u8],
    index_in_path: &'a str,
    limits: &'a IngestLimits,
) -> impl Iterator<Item = Result<Operation<'a>, IngestError>> {
    // Numbered from 1. Lines without a letter are passed over, the last one above all.
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1_usize..);
    let mut lines = lines.map(|(line, number)| (number, line)).filter(|(_, line)| !line.is_empty());
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let (number, line) = lines.next()?;
        let operation = read_action(line, index_in_path, limits)
            .map_err(|error| at_line(error, number))
            .and_then(|(action, index, id)| match action {
                Action::Delete => Ok(Operation { action, index, id, document: b"" }),
                _ => match lines.next() {
                    Some((_, document)) => Ok(Operation { action, index, id, document }),
                    None => Err(at_line(malformed("the document after this action is missing"), number)),
                },
            });
        is_over = operation.is_err();
        Some(operation)
    })
}

/// Says where in the body the error is.
fn at_line(error: IngestError, number: usize) -> IngestError {
    let place = format!("line {number} of the bulk body");
    match error {
        IngestError::Malformed(what) => IngestError::Malformed(format!("{place}: {what}")),
        IngestError::OverLimit(over) => over.at(place).into(),
        other => other,
    }
}

type ActionHead<'a> = (Action, Cow<'a, str>, Option<Cow<'a, str>>);

fn read_action<'a>(
    line: &'a [u8],
    index_in_path: &'a str,
    limits: &IngestLimits,
) -> Result<ActionHead<'a>, IngestError> {
    check_json_depth(line, limits.json_depth_max)?;
    let read: ActionLine<'a> =
        serde_json::from_slice(line).map_err(|error| malformed(format!("not an action: {error}")))?;
    let (action, target) = match read {
        ActionLine { create: Some(target), .. } => (Action::Create, target),
        ActionLine { index: Some(target), .. } => (Action::Index, target),
        ActionLine { update: Some(target), .. } => (Action::Update, target),
        ActionLine { delete: Some(target), .. } => (Action::Delete, target),
        _ => {
            let text = excerpt(&String::from_utf8_lossy(line));
            return Err(malformed(format!("{text:?} is not an action (create, index, update or delete)")));
        }
    };
    let index = target.index.map_or(Cow::Borrowed(index_in_path), |JsonText(index)| index);
    if index.is_empty() {
        return Err(malformed("the action names no index (_index), and the path neither"));
    }
    let id = target.id.map(|JsonText(id)| id);
    check_target(&index, id.as_deref(), limits)?;
    Ok((action, index, id))
}

fn malformed(what: impl Into<String>) -> IngestError {
    IngestError::Malformed(what.into())
}

pub(super) fn check_target(index: &str, id: Option<&str>, limits: &IngestLimits) -> Result<(), OverLimit> {
    let max = limits.label_value_bytes_max;
    if index.len() > max || id.is_some_and(|id| id.len() > max) {
        let what = format!("_index or _id is longer than {max} bytes");
        return Err(OverLimit::new(Limit::LabelValueBytes, what));
    }
    Ok(())
}

/// An id for the answer, as Elasticsearch makes them up: 20 characters. The same document at the same
/// place of a body has the same one, so that a retry is answered with the same ids.
pub(super) fn generated_id(operation: &Operation<'_>, row: u64) -> Box<str> {
    let mut hasher = Xxh3::new();
    hasher.update(&row.to_le_bytes());
    hasher.update(operation.index.as_bytes());
    hasher.update(&[0xff]);
    hasher.update(operation.document);
    URL_SAFE_NO_PAD.encode(&hasher.digest128().to_le_bytes()[..15]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, index_in_path: &str) -> Result<Vec<String>, String> {
        let limits = IngestLimits::default();
        operations(body.as_bytes(), index_in_path, &limits)
            .map(|operation| {
                let Operation { action, index, id, document } =
                    operation.map_err(|error| error.to_string())?;
                let document = std::str::from_utf8(document).unwrap();
                Ok(format!("{} {index} {} {document}", action.as_str(), id.as_deref().unwrap_or("-")))
            })
            .collect()
    }

    #[test]
    fn actions_and_documents_take_turns() {
        let body = "{\"index\":{\"_index\":\"a\",\"_id\":\"1\",\"_type\":\"_doc\"}}\n{\"x\":1}\r\n\n\
                    {\"create\":{}}\n{\"y\":2}\n{\"delete\":{\"_id\":7}}\n{\"update\":{\"_id\":\"9\"}}\n{\"doc\":{}}";
        assert_eq!(
            read(body, "logs").unwrap(),
            [
                "index a 1 {\"x\":1}",
                "create logs - {\"y\":2}",
                "delete logs 7 ",
                "update logs 9 {\"doc\":{}}"
            ]
        );
        assert_eq!(read("", ""), Ok(Vec::new()));
        assert_eq!(read("\n\n", ""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_is_no_action_is_named() {
        let check = |body: &str, says: &str| {
            let error = read(body, "").unwrap_err();
            assert!(error.contains(says), "{body}: {error}");
        };
        check(
            "{\"create\":{\"_index\":\"a\"}}\n{}\nx\n{}",
            "line 3 of the bulk body: not an action: expected value",
        );
        check(
            "{\"merge\":{}}\n{}",
            "\"{\\\"merge\\\":{}}\" is not an action (create, index, update or delete)",
        );
        check("{\"create\":{}}\n{}", "line 1 of the bulk body: the action names no index (_index)");
        check("{\"create\":{\"_index\":\"\"}}\n{}", "names no index");
        check("{\"create\":{\"_index\":[]}}\n{}", "expected a string");
        check(
            "{\"create\":{\"_index\":\"a\"}}\n",
            "line 1 of the bulk body: the document after this action is missing",
        );
        check(&format!("{{\"create\":{}\n{{}}", "[".repeat(100_000)), "json_depth_max");
        check(
            &format!("{{\"create\":{{\"_index\":\"{}\"}}}}\n{{}}", "x".repeat(10_000)),
            "label_value_bytes_max",
        );
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let limits = IngestLimits::default();
        let mut all = operations(b"x\n{\"create\":{}}\n{}\n", "logs", &limits);
        assert!(all.next().unwrap().is_err());
        assert!(all.next().is_none());
    }

    #[test]
    fn made_up_ids_repeat_with_their_document_and_place() {
        let operation = |document| Operation { action: Action::Index, index: "a".into(), id: None, document };
        let id = generated_id(&operation(b"{}"), 0);
        assert_eq!(id.len(), 20);
        assert_eq!(id, generated_id(&operation(b"{}"), 0));
        assert_ne!(id, generated_id(&operation(b"{}"), 1));
        assert_ne!(id, generated_id(&operation(b"{ }"), 0));
    }
}
