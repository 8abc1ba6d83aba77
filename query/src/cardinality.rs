//! What series cost, as the lake's index knows it; in SQL the tables `series_cost`, `label_cost` and
//! `source_cost`.

pub use lake::{Explosion, LabelCost, MetricCost, PairCost, SeriesLimits, SourceCost};
