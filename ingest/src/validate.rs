//! Rules that hold for rows of every dialect: label sets, sample times, and how much one request
//! may expand to.
//!
//! Not checked here: whether a row is too old for its table or too far ahead of the clock (the lake
//! owns retention), and values: any `f64` is a sample, NaN payloads are kept bit by bit.

use telemetry::{LabelError, Labels, Limit, METRIC_NAME, RejectReason, Timestamp};

use crate::body::excerpt;
use crate::{IngestError, IngestLimits, OverLimit};

/// Why a row is refused, with a text for its sender.
pub(crate) type Refusal = (RejectReason, String);

/// Refuses the time 0 in dialects where it stands for "not set".
pub(crate) fn check_is_set(ts: Timestamp) -> Result<(), Refusal> {
    if ts == Timestamp::EPOCH {
        return Err((RejectReason::TooOld, format!("the time is not set ({ts})")));
    }
    Ok(())
}

/// Makes a series' label set of pairs that include [`METRIC_NAME`].
pub(crate) fn series_labels(pairs: &[(&str, &str)], limits: &IngestLimits) -> Result<Labels, Refusal> {
    let metric = pairs.iter().find(|(name, _)| *name == METRIC_NAME).map_or("", |(_, value)| value);
    let invalid = |what: String| (RejectReason::InvalidLabels, format!("series {}: {what}", describe(pairs)));
    if metric.is_empty() {
        return Err(invalid(format!("the metric name (label {METRIC_NAME}) is missing")));
    }
    if metric.chars().any(char::is_control) {
        return Err(invalid("the metric name holds a control character".to_owned()));
    }
    check_label_sizes(pairs, limits).map_err(|over| over.at(format_args!("series {}", describe(pairs))))?;
    Labels::new(pairs.iter().copied()).map_err(|error: LabelError| invalid(error.to_string()))
}

/// Checks how many labels there are and how long they are.
pub(crate) fn check_label_sizes(pairs: &[(&str, &str)], limits: &IngestLimits) -> Result<(), OverLimit> {
    if pairs.len() > limits.labels_per_series_max {
        let max = limits.labels_per_series_max;
        let what = format!("{} labels, {max} are allowed", pairs.len());
        return Err(OverLimit::new(Limit::LabelsPerSeries, what));
    }
    for (name, value) in pairs {
        if name.len() > limits.label_name_bytes_max {
            let max = limits.label_name_bytes_max;
            let what = format!("a label name is longer than {max} bytes");
            return Err(OverLimit::new(Limit::LabelNameBytes, what));
        }
        if value.len() > limits.label_value_bytes_max {
            let max = limits.label_value_bytes_max;
            let name = excerpt(name);
            let what = format!("the value of label {name:?} is longer than {max} bytes");
            return Err(OverLimit::new(Limit::LabelValueBytes, what));
        }
    }
    Ok(())
}

/// A label set that may be invalid or long, for an error message.
pub(crate) fn describe(pairs: &[(&str, &str)]) -> String {
    let metric = pairs.iter().find(|(name, _)| *name == METRIC_NAME).map_or("", |(_, value)| value);
    let mut text = format!("{}{{", excerpt(metric).escape_debug());
    let mut separator = "";
    for (name, value) in pairs.iter().filter(|(name, _)| *name != METRIC_NAME).take(8) {
        text.push_str(&format!("{separator}{}={:?}", excerpt(name).escape_debug(), excerpt(value)));
        separator = ", ";
    }
    text.push('}');
    excerpt(&text)
}

/// Measures what one request expands to while it is decoded.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    limits: &'a IngestLimits,
    rows: u64,
    bytes: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(limits: &'a IngestLimits) -> Meter<'a> {
        Meter { limits, rows: 0, bytes: 0 }
    }

    /// Counts one more row that holds `bytes` of text.
    pub(crate) fn row(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.rows += 1;
        if self.rows > self.limits.rows_per_request_max {
            return Err(IngestError::TooLarge {
                what: "the number of rows",
                limit: Limit::RowsPerRequest,
                max: self.limits.rows_per_request_max,
            });
        }
        self.text(bytes)
    }

    /// Counts text that is copied for a row, whether the row is kept or not.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.bytes += bytes as u64;
        if self.bytes > self.limits.decoded_bytes_max {
            return Err(IngestError::TooLarge {
                what: "the decoded text in bytes",
                limit: Limit::DecodedBytes,
                max: self.limits.decoded_bytes_max,
            });
        }
        Ok(())
    }
}

/// Bytes of the pairs of one row.
pub(crate) fn pair_bytes(pairs: &[(&str, &str)]) -> usize {
    pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], expect: (RejectReason, &str)) {
        let limits = IngestLimits {
            labels_per_series_max: 3,
            label_name_bytes_max: 20,
            label_value_bytes_max: 10,
            ..IngestLimits::default()
        };
        let (reason, message) = series_labels(pairs, &limits).unwrap_err();
        assert_eq!((reason, message.as_str()), expect);
    }

    #[test]
    fn a_bad_label_set_is_named_with_its_fault() {
        use RejectReason::{InvalidLabels, OverLimit};
        check(
            &[("job", "a")],
            (InvalidLabels, r#"series {job="a"}: the metric name (label __name__) is missing"#),
        );
        check(
            &[("__name__", "up"), ("job", "a"), ("job", "b")],
            (InvalidLabels, r#"series up{job="a", job="b"}: label "job" occurs twice"#),
        );
        check(
            &[("__name__", "up"), ("", "a")],
            (InvalidLabels, r#"series up{="a"}: a label has an empty name"#),
        );
        check(
            &[("__name__", "u\np")],
            (InvalidLabels, "series u\\np{}: the metric name holds a control character"),
        );
        check(
            &[("__name__", "up"), ("a", "1"), ("b", "1"), ("c", "1")],
            (
                OverLimit(Limit::LabelsPerSeries),
                r#"series up{a="1", b="1", c="1"}: 4 labels, 3 are allowed (labels_per_series_max)"#,
            ),
        );
        check(
            &[("__name__", "up"), ("a", "01234567890")],
            (
                OverLimit(Limit::LabelValueBytes),
                "series up{a=\"01234567890\"}: the value of label \"a\" is longer than 10 bytes (label_value_bytes_max)",
            ),
        );
        check(
            &[("__name__", "up"), ("a_name_that_is_too_long", "1")],
            (
                OverLimit(Limit::LabelNameBytes),
                "series up{a_name_that_is_too_long=\"1\"}: a label name is longer than 20 bytes (label_name_bytes_max)",
            ),
        );
    }

    #[test]
    fn utf8_names_and_unsorted_labels_are_fine() {
        let labels =
            series_labels(&[("zone", "ü"), ("__name__", "requête"), ("a", "")], &IngestLimits::default())
                .unwrap();
        assert_eq!(labels.to_string(), r#"requête{zone="ü"}"#);
    }

    #[test]
    fn the_epoch_is_a_time_that_was_not_set() {
        assert_eq!(check_is_set(Timestamp::EPOCH).unwrap_err().0, RejectReason::TooOld);
        assert!(check_is_set(Timestamp::from_millis(1)).is_ok());
    }

    #[test]
    fn a_request_cannot_expand_without_bound() {
        let limits =
            IngestLimits { rows_per_request_max: 2, decoded_bytes_max: 100, ..IngestLimits::default() };
        let mut meter = Meter::new(&limits);
        meter.row(60).unwrap();
        assert!(matches!(meter.row(60), Err(IngestError::TooLarge { limit: Limit::DecodedBytes, .. })));
        assert!(matches!(meter.row(0), Err(IngestError::TooLarge { limit: Limit::RowsPerRequest, .. })));
    }
}
