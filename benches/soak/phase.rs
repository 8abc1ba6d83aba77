//! A stretch of load: how fast it was taken, and how long answers took.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Load;
use crate::latencies::{clock, quantile_ms};
use crate::senders::{Answers, send_fast, send_on_time};
use crate::series::SAMPLES_PER_REQUEST;
use crate::stamped::Stream;
use crate::target::Target;

pub struct Phase {
    pub samples_per_sec: f64,
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    pub ack_max_ms: f64,
    pub refused: u64,
}

#[derive(Clone, Copy)]
pub enum Pace {
    /// Each sender as soon as it is answered.
    Fast,
    SamplesPerSec(f64),
}

impl Phase {
    pub async fn run(load: &Load, target: &Target, pace: Pace, length: Duration) -> Phase {
        let answers = Arc::new(Answers::default());
        let stream = Arc::new(Stream::new(load.templates, target.clock, length));
        let started = clock();
        match pace {
            Pace::Fast => send_fast(&target.client, &stream, load.senders, &answers).await,
            Pace::SamplesPerSec(rate) => {
                let period = Duration::from_secs_f64(SAMPLES_PER_REQUEST as f64 / rate);
                send_on_time(&target.client, &stream, period, &answers).await;
            }
        }
        let secs = started.elapsed().as_secs_f64();
        let (latencies, refused) = answers.take();
        Phase {
            samples_per_sec: (latencies.len() * SAMPLES_PER_REQUEST) as f64 / secs,
            ack_p50_ms: quantile_ms(&latencies, 0.5),
            ack_p99_ms: quantile_ms(&latencies, 0.99),
            ack_max_ms: quantile_ms(&latencies, 1.0),
            refused,
        }
    }

    pub fn print(&self, name: &str) {
        println!(
            "{name:<22}{:>11.0} samples/s, ack p50 {:.1} ms, p99 {:.1} ms, at most {:.0} ms, {} refused",
            self.samples_per_sec, self.ack_p50_ms, self.ack_p99_ms, self.ack_max_ms, self.refused
        );
    }

    pub fn json(&self) -> Value {
        json!({
            "samples_per_sec": self.samples_per_sec.round(),
            "ack_ms": {"p50": self.ack_p50_ms, "p99": self.ack_p99_ms, "max": self.ack_max_ms},
            "refused_requests": self.refused,
        })
    }
}
