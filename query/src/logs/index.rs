//! Leaving out blocks of rows that cannot have what a query looks for, by the index in log files.
//!
//! What is asked of the index follows from the predicates of a scan: words of `log_match`, those that regular
//! expressions and LIKE cannot match without, values of attributes. Everything else, and every file without an
//! index, is read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, LikeExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use lake::log_index::{LogIndex, Mark, fold, words};
use lake::{DataFile, FileKind, LakeError, TableSnapshot};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::functions::{LogField, LogMatch, text_query};
use super::language::{FieldTest, Test, TextTest};
use super::required;
use crate::QueryError;
use crate::provider::footer;

/// More marks rule out little more.
const MARKS_MAX: usize = 16;
/// Files whose index is read beside each other.
const FILES_AT_ONCE: usize = 8;

/// For files of a scan the rows that may match, by path; of others all may.
pub(crate) type FoundRows = HashMap<String, RowSelection>;

/// The column that the words of the index are from.
const BODY: &str = "body";

/// What lines need: of each group one of its marks.
pub(crate) fn marks_of(predicates: &[Arc<dyn PhysicalExpr>]) -> Vec<Vec<Mark>> {
    let mut wanted: Vec<Vec<Mark>> = Vec::new();
    for predicate in predicates.iter().flat_map(split_conjunction) {
        if let Some(call) = predicate.downcast_ref::<ScalarFunctionExpr>() {
            wanted.extend(marks_of_call(call));
        } else if let Some(like) = predicate.downcast_ref::<LikeExpr>() {
            if let Some(pattern) = with_body(like.expr(), like.pattern()).filter(|_| !like.negated()) {
                let pattern = required::pattern_of_like(pattern, like.case_insensitive());
                wanted.extend(marks_of_pattern(&pattern));
            }
        } else if let Some(comparison) = predicate.downcast_ref::<BinaryExpr>()
            && let Some(text) = with_body(comparison.left(), comparison.right())
        {
            match comparison.op() {
                Operator::Eq => words(&fold(text), |word| wanted.push(vec![Mark::word(word)])),
                Operator::RegexMatch => wanted.extend(marks_of_pattern(text)),
                Operator::RegexIMatch => wanted.extend(marks_of_pattern(&format!("(?i){text}"))),
                _ => {}
            }
        }
    }
    wanted.truncate(MARKS_MAX);
    wanted
}

/// What the body of lines is compared with, when it is a known text.
fn with_body<'e>(column: &Arc<dyn PhysicalExpr>, text: &'e Arc<dyn PhysicalExpr>) -> Option<&'e str> {
    column.downcast_ref::<Column>().filter(|column| column.name() == BODY)?;
    text.downcast_ref::<Literal>()?.value().try_as_str().flatten()
}

fn marks_of_call(call: &ScalarFunctionExpr) -> Vec<Vec<Mark>> {
    if call.fun().inner().downcast_ref::<LogMatch>().is_some()
        && let [line, text] = call.args()
    {
        return with_body(line, text).map(marks_of_text).unwrap_or_default();
    }
    match call.fun().inner().downcast_ref::<LogField>() {
        Some(LogField { attribute: Some(name), test: FieldTest::OneOf(values), .. }) => {
            vec![values.iter().map(|value| Mark::attribute(name, value)).collect()]
        }
        _ => Vec::new(),
    }
}

fn marks_of_pattern(pattern: &str) -> impl Iterator<Item = Vec<Mark>> {
    let marks_of = |group: Vec<String>| group.iter().map(|word| Mark::word(word)).collect();
    required::words_of(pattern).into_iter().map(marks_of)
}

/// Of words that a line must have. A text that is no search fails where it is evaluated.
fn marks_of_text(text: &str) -> Vec<Vec<Mark>> {
    let mut marks = Vec::new();
    let terms = text_query(text).map(|query| query.terms).unwrap_or_default();
    for term in terms.iter().filter(|term| !term.negated) {
        match &term.test {
            Test::Text(TextTest::Literal(text)) => words(text, |word| marks.push(vec![Mark::word(word)])),
            Test::Text(TextTest::Prefix(text)) => {
                // Its last word goes on.
                let whole = text.rfind(|c| !lake::log_index::is_word_char(c)).map_or("", |end| &text[..end]);
                words(whole, |word| marks.push(vec![Mark::word(word)]));
            }
            Test::Text(TextTest::Regex(pattern)) => {
                marks.extend(marks_of_pattern(pattern.0.as_str()));
            }
            Test::Field { .. } => {}
        }
    }
    marks
}

/// Asks the indexes of the files.
pub(crate) async fn find_rows(
    snapshot: &TableSnapshot,
    files: &[&DataFile],
    wanted: &[Vec<Mark>],
    runtime: &RuntimeEnv,
) -> Result<FoundRows> {
    let mut asked = Vec::new();
    for file in files {
        if matches!(file.kind, FileKind::Hour | FileKind::Day) {
            asked.push(find_in(snapshot, file, wanted, runtime).boxed());
        }
    }
    let found: Vec<Option<(String, RowSelection)>> =
        stream::iter(asked).buffer_unordered(FILES_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn find_in(
    snapshot: &TableSnapshot,
    file: &DataFile,
    wanted: &[Vec<Mark>],
    runtime: &RuntimeEnv,
) -> Result<Option<(String, RowSelection)>> {
    let failed = |error: LakeError| DataFusionError::External(Box::new(QueryError::Lake(error)));
    let location = snapshot.location(file).map_err(failed)?;
    let metadata = footer(snapshot, file, runtime).await?;
    let store = snapshot.store.as_ref();
    let Some(index) = LogIndex::read(store, &location, &metadata).await.map_err(failed)? else {
        return Ok(None);
    };
    let runs = index.find(store, &location, wanted).await.map_err(failed)?;
    let selector = |run: lake::log_index::RowRun| match run.may_match {
        true => RowSelector::select(run.rows),
        false => RowSelector::skip(run.rows),
    };
    Ok(Some((file.path.clone(), runs.into_iter().map(selector).collect())))
}
