//! `stats`: what a query took, for who asks for it.

use std::time::Duration;

use query::PromqlWork;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Stats {
    timings: Timings,
    samples: Samples,
}

/// Seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Timings {
    eval_total_time: f64,
    /// Results come out of the evaluation in their order.
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Samples {
    /// Samples that were read, each once, however many steps look at it.
    total_queryable_samples: u64,
    /// An upper bound: what is evaluated is dropped before the end.
    peak_samples: u64,
}

impl Stats {
    /// `took`: from the request's begin to its result.
    pub(super) fn of(work: &PromqlWork, took: Duration) -> Stats {
        let (parsed, queued) = (work.parsed(), work.queued());
        let evaluated = took.saturating_sub(parsed + queued);
        let samples = work.samples();
        Stats {
            timings: Timings {
                eval_total_time: evaluated.as_secs_f64(),
                result_sort_time: 0.0,
                query_preparation_time: parsed.as_secs_f64(),
                inner_eval_time: evaluated.as_secs_f64(),
                exec_queue_time: queued.as_secs_f64(),
                exec_total_time: took.as_secs_f64(),
            },
            samples: Samples { total_queryable_samples: samples, peak_samples: samples },
        }
    }
}
