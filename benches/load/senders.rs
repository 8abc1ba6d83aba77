//! Two ways to send: each sender as fast as it is answered, or all on time at a rate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::Client;
use crate::latencies::clock;

/// Where bodies come from, one after the other, until there are no more.
pub trait Bodies: Send + Sync + 'static {
    fn next(&self) -> Option<Vec<u8>>;
}

/// How long answers took since the last look, and how often a request was refused as overload.
#[derive(Default)]
pub struct Answers(Mutex<(Vec<Duration>, u64)>);

impl Answers {
    fn add(&self, latency: Duration, refused: u64) {
        let mut answers = self.0.lock().expect("no panic with the lock");
        answers.0.push(latency);
        answers.1 += refused;
    }

    /// What came since it was asked the last time: latencies, shortest first, and refusals.
    pub fn take(&self) -> (Vec<Duration>, u64) {
        let (mut latencies, refused) = std::mem::take(&mut *self.0.lock().expect("no panic with the lock"));
        latencies.sort_unstable();
        (latencies, refused)
    }
}

/// Sends until there are no more bodies, each sender the next one as soon as it has an answer.
pub async fn send_fast<B: Bodies>(client: &Client, bodies: &Arc<B>, senders: usize, answers: &Arc<Answers>) {
    let sender = || {
        let (client, bodies, answers) = (client.clone(), bodies.clone(), answers.clone());
        async move {
            while let Some(body) = bodies.next() {
                let sent = clock();
                let refused = client.send(&body).await;
                answers.add(sent.elapsed(), refused);
            }
        }
    };
    let tasks: Vec<_> = (0..senders).map(|_| tokio::spawn(sender())).collect();
    for task in tasks {
        task.await.expect("a sender ends");
    }
}

/// Sends requests when they are due, whether earlier ones are answered or not, until there are no more
/// bodies. A latency counts from the moment a request was due.
pub async fn send_on_time<B: Bodies>(
    client: &Client,
    bodies: &Arc<B>,
    period: Duration,
    answers: &Arc<Answers>,
) {
    let started = tokio::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut sent = 0_u32;
    while let Some(body) = bodies.next() {
        let due = started + period * sent;
        sent += 1;
        tokio::time::sleep_until(due).await;
        let (client, answers) = (client.clone(), answers.clone());
        tasks.spawn(async move {
            let refused = client.send(&body).await;
            answers.add(due.elapsed(), refused);
        });
        while let Some(ended) = tasks.try_join_next() {
            ended.expect("a request ends");
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a request ends");
    }
}
