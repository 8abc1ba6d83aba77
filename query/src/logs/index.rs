//! Leaving out blocks of rows that cannot have what a query looks for, by the index in log files.
//!
//! What is asked of the index follows from the predicates of a scan: words of `log_match` and those that its
//! regular expressions cannot match without, values of attributes. Everything else, and every file without an index, is read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use lake::log_index::{LogIndex, Mark, words};
use lake::{DataFile, FileKind, LakeError, TableSnapshot};
use object_store::ObjectMeta;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::functions::{LogField, LogMatch, text_query};
use super::language::{FieldTest, Test, TextTest};
use super::required;
use crate::QueryError;

/// More marks rule out little more.
const MARKS_MAX: usize = 16;
/// Files whose index is read beside each other.
const FILES_AT_ONCE: usize = 8;

/// For files of a scan the rows that may match, by path; of others all may.
pub(crate) type FoundRows = HashMap<String, RowSelection>;

/// What lines need: of each group one of its marks.
pub(crate) fn marks_of(predicates: &[Arc<dyn PhysicalExpr>]) -> Vec<Vec<Mark>> {
    let mut wanted: Vec<Vec<Mark>> = Vec::new();
    for predicate in predicates.iter().flat_map(split_conjunction) {
        let Some(call) = predicate.downcast_ref::<ScalarFunctionExpr>() else { continue };
        if call.fun().inner().downcast_ref::<LogMatch>().is_some() {
            let text = call.args().get(1).and_then(|text| text.downcast_ref::<Literal>());
            if let Some(ScalarValue::Utf8(Some(text))) = text.map(Literal::value) {
                wanted.extend(marks_of_text(text));
            }
        } else if let Some(field) = call.fun().inner().downcast_ref::<LogField>()
            && let (Some(name), FieldTest::OneOf(values)) = (&field.attribute, &field.test)
        {
            wanted.push(values.iter().map(|value| Mark::attribute(name, value)).collect());
        }
    }
    wanted.truncate(MARKS_MAX);
    wanted
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
                let groups = required::words_of(pattern.0.as_str());
                let marks_of = |group: Vec<String>| group.iter().map(|word| Mark::word(word)).collect();
                marks.extend(groups.into_iter().map(marks_of));
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
    let meta = ObjectMeta {
        location: location.clone(),
        // As the scan itself names the file, so that both find it in the cache.
        last_modified: datafusion::datasource::listing::PartitionedFile::new("", file.bytes)
            .object_meta
            .last_modified,
        size: file.bytes,
        e_tag: None,
        version: None,
    };
    let metadata = DFParquetMetadata::new(snapshot.store.as_ref(), &meta)
        .with_file_metadata_cache(Some(runtime.cache_manager.get_file_metadata_cache()))
        .fetch_metadata()
        .await?;
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
