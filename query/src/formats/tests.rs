//! Values and errors in every result format.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::Int32Type;
use expect_test::{Expect, expect};

use super::*;
use crate::functions::map_builder;

fn rows(columns: Vec<(&str, ArrayRef)>) -> SqlRows {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    SqlRows { schema: batch.schema(), stream: futures::stream::iter([Ok(batch)]).boxed() }
}

fn text_of(rows: SqlRows, format: Format) -> String {
    let bytes = futures::executor::block_on(collect(encode(rows, format))).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn check(columns: Vec<(&str, ArrayRef)>, expected: Expect) {
    expected.assert_eq(&text_of(rows(columns), Format::Json));
}

#[test]
fn numbers_keep_every_digit_and_what_json_has_no_number_for_is_text() {
    check(
        vec![
            ("long", Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN, 0]))),
            ("unsigned", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
            ("double", Arc::new(Float64Array::from(vec![0.1, f64::NAN, f64::NEG_INFINITY]))),
            (
                "decimal",
                Arc::new(Decimal128Array::from(vec![110, -5, 0]).with_precision_and_scale(10, 2).unwrap()),
            ),
        ],
        expect![[
            r#"{"columns":[{"name":"long","type":"bigint"},{"name":"unsigned","type":"bigint"},{"name":"double","type":"double"},{"name":"decimal","type":"decimal(10,2)"}],"rows":[[9223372036854775807,18446744073709551615,0.1,1.10],[-9223372036854775808,0,"NaN",-0.05],[0,1,"-Inf",0.00]]}"#
        ]],
    );
}

#[test]
fn times_are_rfc_3339_in_utc() {
    let micros = vec![Some(1_700_000_000_123_456), Some(-1), None];
    check(
        vec![
            ("at", Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))),
            ("day", Arc::new(Date32Array::from(vec![Some(0), Some(20_000), None]))),
        ],
        expect![[
            r#"{"columns":[{"name":"at","type":"timestamptz"},{"name":"day","type":"date"}],"rows":[["2023-11-14T22:13:20.123456Z","1970-01-01"],["1969-12-31T23:59:59.999999Z","2024-10-04"],[null,null]]}"#
        ]],
    );
}

#[test]
fn maps_are_objects_and_lists_arrays() {
    let mut labels = map_builder();
    labels.keys().append_value("job");
    labels.values().append_value("a \"b\"\n");
    labels.append(true).unwrap();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
    check(
        vec![
            ("labels", Arc::new(labels.finish())),
            ("list", Arc::new(list)),
            ("ok", Arc::new(BooleanArray::from(vec![true]))),
            ("bytes", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]]))),
        ],
        expect![[
            r#"{"columns":[{"name":"labels","type":"map"},{"name":"list","type":"integer[]"},{"name":"ok","type":"boolean"},{"name":"bytes","type":"bytea"}],"rows":[[{"job":"a \"b\"\n"},[1,null],true,"\\x00ff"]]}"#
        ]],
    );
}

#[test]
fn csv_tells_null_from_empty_and_quotes_what_needs_it() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(StringArray::from(vec![Some("x,y"), Some(""), None, Some("say \"hi\"")]))),
        ("n", Arc::new(Float64Array::from(vec![1.5, f64::INFINITY, 2.0, 1e300]))),
    ];
    let expected = "a,n\r\n\"x,y\",1.5\r\n\"\",+Inf\r\n,2.0\r\n\"say \"\"hi\"\"\",1e+300\r\n";
    assert_eq!(text_of(rows(columns), Format::Csv), expected);
}

#[test]
fn ndjson_is_an_object_per_line() {
    let columns: Vec<(&str, ArrayRef)> = vec![("a", Arc::new(Int64Array::from(vec![Some(1), None])))];
    assert_eq!(text_of(rows(columns), Format::Ndjson), "{\"a\":1}\n{\"a\":null}\n");
}

#[test]
fn an_arrow_stream_reads_back() {
    let columns: Vec<(&str, ArrayRef)> = vec![("a", Arc::new(Int64Array::from(vec![1, 2])))];
    let bytes = futures::executor::block_on(collect(arrow_ipc_stream(rows(columns)))).unwrap();
    let read: Vec<RecordBatch> =
        arrow_ipc::reader::StreamReader::try_new(&bytes[..], None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[test]
fn a_result_is_read_as_it_comes() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(StringArray::from(vec![Some("x"), None]))),
        ("n", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
    ];
    let bytes = futures::executor::block_on(collect(arrow_ipc_stream(rows(columns)))).unwrap();
    let mut reader = CellReader::default();
    let mut read = Vec::new();
    for piece in bytes.chunks(7) {
        read.extend(reader.push(Bytes::copy_from_slice(piece)).unwrap());
    }
    assert_eq!(
        read,
        [vec![serde_json::json!("x"), serde_json::json!(0.5)], vec![serde_json::Value::Null, "NaN".into()]]
    );
    let names: Vec<String> = reader.columns().iter().map(|c| format!("{} {}", c.name, c.type_name)).collect();
    assert_eq!(names, ["a text", "n double"]);
    reader.finish().unwrap();

    let mut cut = CellReader::default();
    cut.push(bytes.slice(..bytes.len() / 2)).unwrap();
    assert!(cut.finish().is_err());
}

#[test]
fn a_parquet_file_reads_back() {
    let mut labels = map_builder();
    labels.keys().append_value("job");
    labels.values().append_value("api");
    labels.append(true).unwrap();
    labels.append(false).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("value", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
        ("labels", Arc::new(labels.finish())),
    ];
    let whole = rows(columns.clone());
    let schema = whole.schema.clone();
    let bytes = futures::executor::block_on(collect(encode(whole, Format::Parquet))).unwrap();
    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes, 1_024).unwrap();
    let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    assert_eq!(
        read,
        [RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect()).unwrap()]
    );
}

#[test]
fn a_parquet_file_that_broke_off_has_no_footer() {
    let mut broken = rows(vec![("a", Arc::new(Int64Array::from(vec![1])))]);
    broken.stream = futures::stream::iter([Err(QueryError::Canceled)]).boxed();
    let pieces: Vec<_> = futures::executor::block_on(encode(broken, Format::Parquet).collect());
    assert!(matches!(pieces.as_slice(), [Err(QueryError::Canceled)]), "{pieces:?}");
}

#[test]
fn the_end_may_be_asked_for_twice() {
    for format in Format::ALL {
        let mut bytes = encode(rows(vec![("a", Arc::new(Int64Array::from(vec![1])))]), format);
        while futures::executor::block_on(bytes.next()).is_some() {}
        assert!(futures::executor::block_on(bytes.next()).is_none(), "{format:?}");
    }
}

#[test]
fn an_error_on_the_way_is_an_error_of_the_whole() {
    let mut broken = rows(vec![("a", Arc::new(Int64Array::from(vec![1])))]);
    broken.stream = futures::stream::iter([Err(QueryError::Canceled)]).boxed();
    assert!(futures::executor::block_on(collect(json_document(broken))).is_err());
}

#[test]
fn accept_headers_name_formats() {
    assert_eq!(Format::from_accept("text/csv;q=0.9, application/json"), Some(Format::Csv));
    assert_eq!(Format::from_accept("text/html,*/*;q=0.8"), Some(Format::Json));
    assert_eq!(Format::from_accept("application/vnd.apache.parquet"), Some(Format::Parquet));
    assert_eq!(Format::from_accept("image/png"), None);
    for format in Format::ALL {
        assert_eq!(Format::from_extension(format.extension()), Some(format));
    }
}
