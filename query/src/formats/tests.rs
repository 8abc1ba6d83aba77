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
fn an_error_on_the_way_is_an_error_of_the_whole() {
    let mut broken = rows(vec![("a", Arc::new(Int64Array::from(vec![1])))]);
    broken.stream = futures::stream::iter([Err(QueryError::Canceled)]).boxed();
    assert!(futures::executor::block_on(collect(json_document(broken))).is_err());
}

#[test]
fn accept_headers_name_formats() {
    assert_eq!(Format::from_accept("text/csv;q=0.9, application/json"), Some(Format::Csv));
    assert_eq!(Format::from_accept("text/html,*/*;q=0.8"), Some(Format::Json));
    assert_eq!(Format::from_accept("image/png"), None);
}
