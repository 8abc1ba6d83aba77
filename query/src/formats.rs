//! Results as bytes: a JSON document, NDJSON, CSV, an Arrow IPC stream and a Parquet file.
//!
//! The JSON rules are the contract of `POST /api/sql`: 64-bit integers are numbers, NaN and
//! infinities the strings `"NaN" "+Inf" "-Inf"`, decimals numbers with all their digits, maps
//! objects, times RFC 3339 in UTC with as many digits as are needed. CSV cells are the same texts
//! without quotes; NULL is an empty cell and the empty string `""`.

mod arrow_stream;
mod cells;
mod csv;
mod json;
mod parquet;
mod value;

use bytes::Bytes;
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::{QueryError, SqlRows};

pub use cells::{CellReader, Column, UnreadableResult};
pub(crate) use csv::cell_text;
pub(crate) use value::write_json_value;

/// The bytes of a result, in pieces. An error after the first piece means that the rest is missing.
pub type ByteStream = BoxStream<'static, Result<Bytes, QueryError>>;

/// What a result can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{"columns":[{"name","type"}],"rows":[[...]]}`
    Json,
    /// One object per row and line.
    Ndjson,
    /// RFC 4180 with a header line.
    Csv,
    /// The Arrow IPC streaming format.
    ArrowIpc,
    /// A Parquet file, compressed with zstd.
    Parquet,
}

impl Format {
    pub const ALL: [Format; 5] =
        [Format::Json, Format::Ndjson, Format::Csv, Format::ArrowIpc, Format::Parquet];

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
            Format::ArrowIpc => "application/vnd.apache.arrow.stream",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What the name of a file in this format ends with; also the format's name in a URL.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::ArrowIpc => "arrow",
            Format::Parquet => "parquet",
        }
    }

    pub fn from_extension(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.extension() == name)
    }

    /// The format that an `Accept` header asks for first; `None` when it knows none of ours.
    pub fn from_accept(accept: &str) -> Option<Format> {
        accept.split(',').find_map(|part| {
            match part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
                "application/json" | "application/*" | "*/*" | "" => Some(Format::Json),
                "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
                "text/csv" => Some(Format::Csv),
                "application/vnd.apache.arrow.stream" => Some(Format::ArrowIpc),
                "application/vnd.apache.parquet" => Some(Format::Parquet),
                _ => None,
            }
        })
    }
}

/// Writes a result piece by piece as its rows come. May be asked again after its end, as compression
/// does.
pub fn encode(rows: SqlRows, format: Format) -> ByteStream {
    let bytes = match format {
        Format::Json => json_document(rows),
        Format::Ndjson => ndjson(rows),
        Format::Csv => csv(rows),
        Format::ArrowIpc => arrow_ipc_stream(rows),
        Format::Parquet => parquet::file(rows),
    };
    bytes.fuse().boxed()
}

pub fn json_document(rows: SqlRows) -> ByteStream {
    json::document(rows)
}

pub fn ndjson(rows: SqlRows) -> ByteStream {
    json::lines(rows)
}

pub fn csv(rows: SqlRows) -> ByteStream {
    csv::table(rows)
}

pub fn arrow_ipc_stream(rows: SqlRows) -> ByteStream {
    arrow_stream::stream(rows)
}

/// All bytes of a result at once, so that an error on the way can still become an HTTP status.
pub async fn collect(mut bytes: ByteStream) -> Result<Bytes, QueryError> {
    let mut whole = Vec::new();
    while let Some(piece) = bytes.next().await {
        whole.extend_from_slice(&piece?);
    }
    Ok(Bytes::from(whole))
}

/// The name of a type in SQL, as the JSON document and the CLI show it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint".into(),
        DataType::Int32 | DataType::UInt16 => "integer".into(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double".into(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "bytea".into()
        }
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".into(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("{}[]", type_name(item.data_type())),
        DataType::Map(_, _) => "map".into(),
        DataType::Struct(_) => "struct".into(),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, value) => type_name(value.data_type()),
        DataType::Union(_, _) => "union".into(),
    }
}

/// Ticks per second of a time unit.
fn ticks_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The column names of a schema, written once per document.
fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

#[cfg(test)]
mod tests;
