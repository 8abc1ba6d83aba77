//! Rows that are answered for and not stored: details for the answer, sums for the ledger.

use std::collections::BTreeMap;

use telemetry::{Limit, RejectReason, Rejection};

/// One refused row, or several that share a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The row's place in the request, counted from 0 in the dialect's own unit.
    pub index: u64,
    /// JSON pointer into the row, `""` when the whole row is at fault.
    pub pointer: String,
    pub reason: RejectReason,
    /// Refused rows.
    pub count: u64,
    pub message: String,
}

/// Collects what one request's decoder refuses. Memory is bounded: after `details_max` faults only
/// the sums grow.
#[derive(Debug, Default)]
pub struct Rejections {
    details_max: usize,
    faults: Vec<Fault>,
    refused: BTreeMap<RejectReason, Sum>,
    /// Parts of rows that have no place to be stored; in the ledger, but no reason to complain.
    dropped_parts: BTreeMap<RejectReason, Sum>,
}

#[derive(Debug)]
struct Sum {
    count: u64,
    sample: String,
}

impl Rejections {
    pub fn new(details_max: usize) -> Rejections {
        Rejections { details_max, ..Rejections::default() }
    }

    pub fn reject(&mut self, fault: Fault) {
        add(&mut self.refused, fault.reason, fault.count, || fault.message.clone());
        if self.faults.len() < self.details_max {
            self.faults.push(fault);
        }
    }

    /// Notes something that hangs on stored rows and is not stored itself, such as exemplars: the
    /// sender's rows are fine, so the answer does not speak of it.
    pub fn drop_parts(&mut self, reason: RejectReason, count: u64, what: &str) {
        if count > 0 {
            add(&mut self.dropped_parts, reason, count, || what.to_owned());
        }
    }

    /// The limits that rows or parts of them were refused for, and how many.
    pub(crate) fn limits_hit(&self) -> impl Iterator<Item = (Limit, u64)> {
        let sums = self.refused.iter().chain(&self.dropped_parts);
        sums.filter_map(|(reason, sum)| Some((reason.limit()?, sum.count)))
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// One entry for each reason, and each limit, that the answer has to mention.
    pub fn refused(&self, source: &str) -> Vec<Rejection> {
        as_rejections(&self.refused, source)
    }

    /// Everything for the table `ingest_rejections`.
    pub fn ledger(&self, source: &str) -> Vec<Rejection> {
        let mut all = self.refused(source);
        all.extend(as_rejections(&self.dropped_parts, source));
        all
    }
}

fn add(
    sums: &mut BTreeMap<RejectReason, Sum>,
    reason: RejectReason,
    count: u64,
    sample: impl FnOnce() -> String,
) {
    sums.entry(reason).or_insert_with(|| Sum { count: 0, sample: sample() }).count += count;
}

fn as_rejections(sums: &BTreeMap<RejectReason, Sum>, source: &str) -> Vec<Rejection> {
    sums.iter()
        .map(|(reason, sum)| Rejection {
            source: source.to_owned(),
            reason: *reason,
            count: sum.count,
            sample: sum.sample.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(index: u64, reason: RejectReason) -> Fault {
        Fault { index, pointer: String::new(), reason, count: 1, message: format!("row {index}") }
    }

    #[test]
    fn details_are_bounded_and_sums_are_not() {
        let mut rejections = Rejections::new(2);
        for index in 0..10 {
            rejections.reject(fault(index, RejectReason::InvalidLabels));
        }
        rejections.drop_parts(RejectReason::Unsupported, 3, "exemplars");
        assert_eq!(rejections.faults().len(), 2);
        let refused = rejections.refused("otlp:demo");
        assert_eq!((refused.len(), refused[0].count, refused[0].sample.as_str()), (1, 10, "row 0"));
        let ledger = rejections.ledger("otlp:demo");
        assert_eq!(ledger.iter().map(|entry| entry.count).sum::<u64>(), 13);
    }

    #[test]
    fn each_limit_has_a_sum_and_a_sample_of_its_own() {
        let mut rejections = Rejections::new(0);
        let labels = RejectReason::OverLimit(Limit::LabelsPerSeries);
        let value = RejectReason::OverLimit(Limit::LabelValueBytes);
        for (index, reason) in [labels, value, labels, RejectReason::TooOld].into_iter().enumerate() {
            rejections.reject(fault(index as u64, reason));
        }
        rejections.drop_parts(value, 5, "exemplars");
        let refused = rejections.refused("otlp:demo");
        let told: Vec<_> = refused.iter().map(|it| (it.reason, it.count, it.sample.as_str())).collect();
        assert_eq!(told, [(RejectReason::TooOld, 1, "row 3"), (labels, 2, "row 0"), (value, 1, "row 1")]);
        let hits: Vec<_> = rejections.limits_hit().collect();
        assert_eq!(
            hits,
            [(Limit::LabelsPerSeries, 2), (Limit::LabelValueBytes, 1), (Limit::LabelValueBytes, 5)]
        );
    }
}
