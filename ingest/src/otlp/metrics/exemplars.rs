//! Exemplars of data points: the observation, its trace, and the attributes that the point leaves out.

use opentelemetry_proto::tonic::metrics::v1 as proto;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;
use telemetry::{Exemplar, Labels, RejectReason, Timestamp};

use super::points::Point;
use super::{Decoder, millis_of};
use crate::IngestLimits;
use crate::otlp::origin::attribute_labels;
use crate::otlp::values::hex_id;
use crate::validate::{Refusal, check_label_sizes};

const TRACE_ID_BYTES: usize = 16;
const SPAN_ID_BYTES: usize = 8;

impl Decoder<'_> {
    /// Adds a point's exemplars, each to the series that its value names. One without a time has the
    /// point's.
    pub(super) fn exemplars<'l>(
        &self,
        exemplars: &[proto::Exemplar],
        at: Timestamp,
        point: &mut Point,
        series_of: impl Fn(f64) -> &'l Labels,
    ) {
        for exemplar in exemplars {
            match translate(exemplar, at, self.limits) {
                Ok(exemplar) => point.exemplars.push((series_of(exemplar.value).clone(), exemplar)),
                Err(refusal) => point.bad_exemplars.push(refusal),
            }
        }
    }
}

fn translate(exemplar: &proto::Exemplar, at: Timestamp, limits: &IngestLimits) -> Result<Exemplar, Refusal> {
    let value = match exemplar.value {
        Some(Value::AsDouble(value)) => value,
        Some(Value::AsInt(value)) => value as f64,
        None => return Err((RejectReason::InvalidPayload, "it has no value".to_owned())),
    };
    let mut labels = attribute_labels(&exemplar.filtered_attributes, "", limits)?;
    let ids = [
        ("trace_id", hex_id(&exemplar.trace_id, TRACE_ID_BYTES)),
        ("span_id", hex_id(&exemplar.span_id, SPAN_ID_BYTES)),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            labels.insert(name.to_owned(), id.into());
        }
    }
    let pairs: Vec<(&str, &str)> =
        labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    check_label_sizes(&pairs, limits)?;
    let labels = Labels::new(pairs).map_err(|error| (RejectReason::InvalidLabels, error.to_string()))?;
    let ts = if exemplar.time_unix_nano == 0 { at } else { millis_of(exemplar.time_unix_nano) };
    Ok(Exemplar { ts, value, labels })
}
