//! One document, its index and maybe its id in the path: `POST /elastic/{index}/_doc`, `_doc/{id}`,
//! `_create/{id}`.
//!
//! 201 when it was stored, 400 with the reason when it never will be. The same document with the same id is
//! a retry, as the same bulk is. Without an id every document is a new one, as with Elasticsearch: a line
//! that is sent alone may well come twice.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};

use super::bulk::{Action, Operation, check_target};
use super::{Documents, Speech, answer, check_type, filter_path, refused_whole};
use crate::body::Encoding;
use crate::{Context, Decoded, Dialect, IngestError, Item, Outcome};

/// `POST` and `PUT` of `/elastic/{index}/_doc`, `/elastic/{index}/_doc/{id}`, `/elastic/{index}/_create/{id}`.
#[derive(Clone, Copy, Debug)]
pub struct ElasticDocument;

/// What the path says of a document, in the extensions of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentInPath {
    pub index: String,
    pub id: Option<String>,
    /// `_create` instead of `_doc`; logs are only appended either way.
    pub create: bool,
}

impl Dialect for ElasticDocument {
    fn name(&self) -> &'static str {
        "elastic"
    }

    fn encodings(&self) -> (&'static [Encoding], &'static str) {
        super::ElasticBulk.encodings()
    }

    fn check_head(&self, parts: &Parts) -> Result<(), IngestError> {
        check_type(parts)
    }

    /// Whatever the shipper calls it.
    fn is_json(&self, _parts: &Parts) -> bool {
        true
    }

    /// Index and id.
    fn batch_scope<'a>(&self, parts: &'a Parts) -> &'a str {
        parts.uri.path()
    }

    fn decode(&self, parts: &Parts, body: &[u8], context: &Context<'_>) -> Result<Decoded, IngestError> {
        let Some(DocumentInPath { index, id, create }) = parts.extensions.get() else {
            return Err(IngestError::Malformed("the path names no index".to_owned()));
        };
        check_target(index, id.as_deref(), context.limits)?;
        let action = if *create { Action::Create } else { Action::Index };
        let id = id.as_deref().map(Into::into);
        let is_named = id.is_some();
        let mut documents = Documents::new(context);
        documents.add(&Operation { action, index: index.into(), id, document: body.trim_ascii() })?;
        let mut decoded = documents.decoded;
        decoded.never_a_retry |= !is_named;
        Ok(decoded)
    }

    fn answer(&self, parts: &Parts, outcome: &Outcome) -> Response<Bytes> {
        self.answer_items(parts, outcome, &[])
    }

    fn answer_items(&self, parts: &Parts, outcome: &Outcome, items: &[Item]) -> Response<Bytes> {
        let speech = Speech::of(&parts.headers);
        match (outcome, items) {
            (Err(error), _) => refused_whole(&speech, error),
            (Ok(_), [Item { refused: Some((reason, what)), .. }]) => {
                speech.json(StatusCode::BAD_REQUEST, &answer::document_refused(*reason, what))
            }
            (Ok(_), items) => {
                let body = items.first().map(answer::document_stored).unwrap_or_default();
                speech.json(StatusCode::CREATED, &filter_path::apply(parts.uri.query(), body))
            }
        }
    }
}
