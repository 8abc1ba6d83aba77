//! Pure PromQL evaluation over series; storage is behind a one-method port.
//!
//! The way of a query: [`parse`] (text to our own tree) → what treats each series by itself is cut off →
//! one scan per distinct selector through [`SeriesSource`], chunk by chunk reduced to rows or groups →
//! evaluation of the rest over dense tables of series × steps → [`Evaluated`]. Semantics are
//! those of Prometheus 3: windows and lookback are left-open `(t - range, t]`, staleness markers end a
//! series, metric names are dropped when the query ends.
//!
//! No runtime, no clock, no storage and no DataFusion here: the caller brings the source, decides on
//! which threads to compute ([`prepare`] awaits and uses [`Workers`], [`Prepared::run`] computes) and
//! owns deadlines through a [`StopSignal`]. Native histograms are not evaluated yet.

mod aggregate;
mod annotations;
pub mod arithmetic;
mod error;
mod evaluate;
mod functions;
mod load;
mod matching;
mod matrix;
mod meter;
mod numbers;
mod operators;
mod parse;
mod pipeline;
mod plan;
mod result;
mod scans;
mod select;
mod source;
mod syntax;
mod workers;

pub use error::{PromqlError, SourceError};
pub use evaluate::{EvalOptions, Prepared, TimeRange, Times, eval_instant, eval_range, prepare};
pub use meter::{Stop, StopSignal};
pub use parse::{parse, parse_selector};
pub use plan::{Kind, Query};
pub use result::{Evaluated, Value};
pub use source::{Samples, ScanOptions, Selector, SeriesChunks, SeriesData, SeriesSource, chunked};
pub use syntax::{format, syntax_tree};
pub use workers::Workers;
