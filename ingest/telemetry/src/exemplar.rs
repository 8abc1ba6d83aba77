//! Exemplars: single observations that point from a metric to what was going on, usually a trace.

use serde::{Deserialize, Serialize};

use crate::{Labels, SeriesMeta, Timestamp};

/// One observation of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Whole milliseconds, as of samples.
    pub ts: Timestamp,
    pub value: f64,
    /// The exemplar's own, not its series'.
    pub labels: Labels,
}

/// Names under which senders write the ids; the first is the convention.
const TRACE_ID_NAMES: [&str; 3] = ["trace_id", "traceID", "traceId"];
const SPAN_ID_NAMES: [&str; 3] = ["span_id", "spanID", "spanId"];

impl Exemplar {
    pub fn trace_id(&self) -> Option<&str> {
        TRACE_ID_NAMES.iter().find_map(|name| self.labels.get(name))
    }

    pub fn span_id(&self) -> Option<&str> {
        SPAN_ID_NAMES.iter().find_map(|name| self.labels.get(name))
    }
}

/// A series with some exemplars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesExemplars {
    pub labels: Labels,
    pub meta: SeriesMeta,
    pub exemplars: Vec<Exemplar>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_under_their_usual_names() {
        let exemplar = |name: &str| Exemplar {
            ts: Timestamp::EPOCH,
            value: 1.0,
            labels: Labels::new([(name, "abc"), ("user", "ada")]).unwrap(),
        };
        assert_eq!(exemplar("trace_id").trace_id(), Some("abc"));
        assert_eq!(exemplar("traceID").trace_id(), Some("abc"));
        assert_eq!(exemplar("span_id").span_id(), Some("abc"));
        assert_eq!(exemplar("span_id").trace_id(), None);
    }
}
