//! Files as merges write them, asked for words and attributes.

use std::sync::Arc;

use object_store::memory::InMemory;
use parquet::file::reader::{FileReader, SerializedFileReader};
use telemetry::{LogRecord, LogRows, Timestamp};

use super::*;
use crate::columns::{log_rows, read_logs};
use crate::file::FileKind;
use crate::schema::Table;
use crate::writer::{Effort, FileWriter};

fn record(n: usize) -> LogRecord {
    LogRecord {
        ts: Timestamp::from_micros(n as i64),
        service: Some("shop".into()),
        body: format!("order {n} of customer c_{} was Placed", n % 7).into(),
        attrs: vec![("request".into(), format!("r-{n}").into())],
        ..LogRecord::default()
    }
}

/// A file of so many lines, as a merge writes it.
fn file_of(lines: usize, effort: Effort) -> (ParquetMetaData, Bytes) {
    let rows: LogRows = (0..lines).map(record).collect::<Vec<_>>().iter().collect();
    let date = Table::Logs.schema().fields().len() - 1;
    let columns: Vec<usize> = (0..date).collect();
    let batch = log_rows(&rows).unwrap().project(&columns).unwrap();
    let mut writer = FileWriter::new(Table::Logs, effort).unwrap();
    writer.write(&batch).unwrap();
    let content = Bytes::from(writer.finish("1970-01-01", FileKind::Hour, 1).unwrap().content);
    let metadata = SerializedFileReader::new(content.clone()).unwrap().metadata().clone();
    (metadata, content)
}

async fn found(lines: usize, wanted: &[Vec<Mark>]) -> Vec<RowRun> {
    let (metadata, content) = file_of(lines, Effort::Hour);
    let (store, location) = (Arc::new(InMemory::new()), Path::from("a.parquet"));
    store.put(&location, content.into()).await.unwrap();
    let index = LogIndex::read(store.as_ref(), &location, &metadata).await.unwrap().unwrap();
    index.find(store.as_ref(), &location, wanted).await.unwrap()
}

fn run(rows: usize, may_match: bool) -> RowRun {
    RowRun { rows, may_match }
}

#[tokio::test]
async fn a_word_is_looked_for_in_its_block_alone() {
    let all = 131_072 + 20_000;
    // The row group ends within a block; the next one begins with a block of its own.
    let place = 131_072 + BLOCK_ROWS + 5;
    let before = place / BLOCK_ROWS * BLOCK_ROWS;
    let runs = [run(before, false), run(BLOCK_ROWS, true), run(all - before - BLOCK_ROWS, false)];
    assert_eq!(found(all, &[vec![Mark::word(&place.to_string())]]).await, runs);
    assert_eq!(found(all, &[vec![Mark::attribute("request", &format!("r-{place}"))]]).await, runs);
    let both = [vec![Mark::word("placed")], vec![Mark::word(&place.to_string())]];
    assert_eq!(found(all, &both).await, runs);
}

#[tokio::test]
async fn words_of_every_line_rule_nothing_out_and_words_of_none_everything() {
    assert_eq!(
        found(20_000, &[vec![Mark::word("order")], vec![Mark::word("placed")]]).await,
        [run(20_000, true)]
    );
    assert_eq!(found(20_000, &[]).await, [run(20_000, true)]);
    assert_eq!(found(20_000, &[vec![Mark::word("Placed")]]).await, [run(20_000, false)], "words are folded");
    let either = vec![Mark::word("nowhere"), Mark::word("c_3")];
    assert_eq!(found(20_000, &[either]).await, [run(20_000, true)]);
}

#[test]
fn a_file_with_an_index_reads_as_one_without() {
    let (metadata, content) = file_of(20_000, Effort::Day);
    assert!(directory(&metadata).is_some());
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(content).unwrap();
    let rows: Vec<LogRows> =
        reader.build().unwrap().map(|batch| read_logs(&batch.unwrap()).unwrap()).collect();
    let bodies: Vec<&str> = rows.iter().flat_map(|rows| rows.bodies().iter()).collect();
    assert_eq!(bodies.len(), 20_000);
    assert_eq!(bodies[19_999], "order 19999 of customer c_0 was Placed");
    assert_eq!(directory(&file_of(10, Effort::Flush).0), None, "flush files are merged before long");
}
