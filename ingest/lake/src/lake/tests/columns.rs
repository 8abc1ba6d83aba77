//! A table that an earlier version created, without a column that came later.

use std::fs::File;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::file::FileKind;

const DAY: i64 = 86_400;

/// The commits of a table, oldest first, as their actions.
fn commits(dir: &Path, table: Table) -> Vec<(std::path::PathBuf, Vec<serde_json::Value>)> {
    let log_dir = dir.join("lake").join(table.name()).join("_delta_log");
    let mut paths: Vec<_> = fs::read_dir(log_dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let actions = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    paths.iter().map(|path| (path.clone(), actions(path))).collect()
}

/// Takes a column out of everything that is stored of a table.
fn forget_column(dir: &Path, table: Table, column: &str) {
    let root = dir.join("lake").join(table.name());
    for (path, mut actions) in commits(dir, table) {
        for action in &mut actions {
            if let Some(schema) = action.pointer_mut("/metaData/schemaString") {
                let mut parsed: serde_json::Value = serde_json::from_str(schema.as_str().unwrap()).unwrap();
                let fields = parsed["fields"].as_array_mut().unwrap();
                fields.retain(|field| field["name"] != column);
                *schema = parsed.to_string().into();
            }
            if let Some(add) = action.get_mut("add") {
                let file = root.join(add["path"].as_str().unwrap());
                add["size"] = without_column(&file, column).into();
            }
        }
        let lines: Vec<String> = actions.iter().map(ToString::to_string).collect();
        fs::write(path, lines.join("\n")).unwrap();
    }
}

/// Writes a file anew; returns its size.
fn without_column(path: &Path, column: &str) -> u64 {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let kept: Vec<usize> = (0..builder.schema().fields().len())
        .filter(|at| builder.schema().field(*at).name() != column)
        .collect();
    let batches: Vec<RecordBatch> =
        builder.build().unwrap().map(|batch| batch.unwrap().project(&kept).unwrap()).collect();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    fs::metadata(path).unwrap().len()
}

fn names_of(schema: &serde_json::Value) -> Vec<String> {
    let parsed: serde_json::Value = serde_json::from_str(schema.as_str().unwrap()).unwrap();
    let fields = parsed["fields"].as_array().unwrap();
    fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_table_of_an_earlier_version_gets_the_new_column_and_its_files_merge_with_new_ones() {
    let f = Fixture::new().await;
    for name in ["a", "b"] {
        f.append(vec![series(name, &[(0, 1.0)])]).await;
        f.lake.flush().await.unwrap();
    }
    f.lake.shutdown().await.unwrap();
    forget_column(f.dir.path(), Table::MetricSeries, "source");
    let before = commits(f.dir.path(), Table::MetricSeries).len();

    let mut f = Fixture::with(f.dir, f.clock).await;
    let after = commits(f.dir.path(), Table::MetricSeries);
    assert_eq!(after.len(), before + 1, "one commit");
    let metadata = after[before].1.iter().find_map(|action| action.get("metaData")).unwrap();
    let mut expected: Vec<String> =
        Table::MetricSeries.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut found = names_of(&metadata["schemaString"]);
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "for every Delta reader");
    assert_eq!(metadata["partitionColumns"], serde_json::json!(["date"]));

    f.append(vec![series("c", &[(60, 1.0)])]).await;
    f.lake.flush().await.unwrap();
    let sources = async |lake: &Lake| {
        let (_, batches) = super::sources(lake, Table::MetricSeries).await;
        let mut sources: Vec<Option<String>> = Vec::new();
        for batch in batches {
            let column = batch.column_by_name("source").unwrap().as_string::<i32>();
            sources.extend(column.iter().map(|source| source.map(str::to_owned)));
        }
        sources.sort();
        sources
    };
    let expected = [None, None, Some("lake".to_owned())];
    assert_eq!(sources(&f.lake).await, expected);
    f.clock.set(at(2 * DAY));
    assert!(f.lake.compact().await.unwrap().merges > 0);
    let files = f.lake.snapshot(Table::MetricSeries).await.unwrap().files;
    let merged: Vec<_> = files.iter().map(|file| (file.kind, file.rows)).collect();
    assert_eq!(merged, [(FileKind::Hour, 3)]);
    assert_eq!(sources(&f.lake).await, expected);
    f = f.restart().await;
    assert_eq!(commits(f.dir.path(), Table::MetricSeries).len(), after.len() + 2, "nothing to add any more");
    assert_eq!(f.lake.series().len(), 3);
    assert_eq!(sources(&f.lake).await, expected);
}

#[tokio::test]
async fn a_table_without_a_column_that_must_not_be_null_is_refused_by_name() {
    let f = Fixture::new().await;
    f.append(vec![series("a", &[(0, 1.0)])]).await;
    f.lake.shutdown().await.unwrap();
    forget_column(f.dir.path(), Table::MetricSamples, "value");
    let error = Lake::open(quiet(f.dir.path()), f.clock.clone()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        error.to_string().contains("metric_samples") && source.contains("column value"),
        "{error}: {source}"
    );
}
