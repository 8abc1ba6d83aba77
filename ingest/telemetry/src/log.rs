//! One log record, whatever dialect it came in.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    pub ts: Timestamp,
    /// The nanoseconds below `ts`' microsecond, 0 to 999.
    pub ts_ns_rem: i16,
    pub service: Option<Box<str>>,
    pub env: Option<Box<str>>,
    pub host: Option<Box<str>>,
    /// Upper-case level name as the sender wrote it (`INFO`, `ERROR`, ...).
    pub severity: Option<Box<str>>,
    /// 32 lower-case hex digits.
    pub trace_id: Option<Box<str>>,
    /// 16 lower-case hex digits.
    pub span_id: Option<Box<str>>,
    /// Text as it is; structured bodies as JSON.
    pub body: Box<str>,
    /// Record, scope and resource attributes; values that are not text as JSON.
    pub attrs: Vec<(Box<str>, Box<str>)>,
}
