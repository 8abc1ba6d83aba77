//! Log records in file order: by service and time, a file per hour.

use std::collections::BTreeMap;

use telemetry::time::MICROS_PER_HOUR;
use telemetry::{LogRows, Timestamp, Word};

use crate::columns::{LogPlace, LogTable};
use crate::error::LakeError;
use crate::file::FileKind;
use crate::schema::Table;
use crate::writer::{Effort, FileWriter, NewFile, ROW_GROUP_ROWS};

/// The flush files of some rows.
pub fn log_files<'a>(
    parts: impl Iterator<Item = &'a LogRows>,
    sequence: i64,
) -> Result<Vec<NewFile>, LakeError> {
    let table = LogTable::of(parts);
    let mut hours: BTreeMap<i64, Vec<LogPlace>> = BTreeMap::new();
    for place in file_order(&table) {
        let hour = table.time(place).0.micros().div_euclid(MICROS_PER_HOUR);
        hours.entry(hour).or_default().push(place);
    }
    let mut files = Vec::with_capacity(hours.len());
    for (hour, places) in hours {
        let mut writer = FileWriter::new(Table::Logs, Effort::Flush)?;
        for places in places.chunks(ROW_GROUP_ROWS) {
            writer.write(&table.batch(places)?)?;
        }
        let start = Timestamp::from_micros(hour.saturating_mul(MICROS_PER_HOUR));
        files.push(writer.finish(&Table::Logs.partition_value(start), FileKind::Flush, sequence)?);
    }
    Ok(files)
}

/// All rows by [`Table::sort_columns`]: one number for each says where it belongs.
fn file_order(table: &LogTable<'_>) -> Vec<LogPlace> {
    let places: Vec<LogPlace> = table.places().collect();
    let ranks = ranks_of(table, &places);
    let rank_of = |word: Word| word.place().map_or(0, |place| ranks[place]);
    let mut keys: Vec<(u32, i64, i16, u32)> = (0..)
        .zip(&places)
        .map(|(at, place)| {
            let (ts, ns_rem) = table.time(*place);
            (rank_of(table.service(*place)), ts.micros(), ns_rem, at)
        })
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(.., at)| places[at as usize]).collect()
}

/// For each word that is a service its place among the services, from 1; no service comes before them.
fn ranks_of(table: &LogTable<'_>, places: &[LogPlace]) -> Vec<u32> {
    let mut ranks = vec![0; table.words().len()];
    for place in places {
        if let Some(word) = table.service(*place).place() {
            ranks[word] = 1;
        }
    }
    let texts = table.words().texts();
    let mut services: Vec<usize> = (0..ranks.len()).filter(|word| ranks[*word] == 1).collect();
    services.sort_unstable_by_key(|word| texts.get(*word));
    for (rank, word) in (1..).zip(services) {
        ranks[word] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use telemetry::LogRecord;

    use super::*;
    use crate::file::StatValue;

    fn record(service: Option<&str>, micros: i64, ts_ns_rem: i16, body: &str) -> LogRecord {
        LogRecord {
            ts: Timestamp::from_micros(micros),
            ts_ns_rem,
            service: service.map(Into::into),
            trace_id: Some(format!("{micros:032x}").into()),
            body: body.into(),
            attrs: vec![("k".into(), body.into())],
            ..LogRecord::default()
        }
    }

    #[test]
    fn files_hold_an_hour_each_sorted_by_service_and_time() {
        let hour = MICROS_PER_HOUR;
        let parts: [LogRows; 2] = [
            [record(Some("b"), 5, 1, "b5.1"), record(Some("a"), 9, 0, "a9"), record(Some("b"), 5, 0, "b5.0")]
                .iter()
                .collect(),
            [record(None, 7, 0, "7"), record(Some("a"), hour, 0, "next"), record(Some("a"), 2, 0, "a2")]
                .iter()
                .collect(),
        ];
        let files = log_files(parts.iter(), 8).unwrap();
        let found: Vec<Vec<String>> = files
            .iter()
            .map(|new| {
                let content = Bytes::from(new.content.clone());
                let reader = ParquetRecordBatchReaderBuilder::try_new(content).unwrap().build().unwrap();
                let batches: Vec<_> = reader.map(Result::unwrap).collect();
                assert_eq!(batches[0].schema_ref(), &Table::Logs.file_schema());
                let rows = crate::columns::read_logs(&batches[0]).unwrap();
                assert!(rows.records().all(|record| record.attrs == [("k".into(), record.body.clone())]));
                rows.bodies().iter().map(str::to_owned).collect()
            })
            .collect();
        assert_eq!(found, [vec!["7", "a2", "a9", "b5.0", "b5.1"], vec!["next"]]);
        let stats = &files[0].file.stats;
        assert_eq!(stats["service"].null_count, Some(1));
        assert_eq!(stats["service"].min, Some(StatValue::Text("a".into())));
        assert_eq!(stats["service"].max, Some(StatValue::Text("b".into())));
        assert_eq!(stats["trace_id"].max, Some(StatValue::Text(format!("{:032x}", 9))));
        assert_eq!(stats["severity"].min, None);
    }
}
