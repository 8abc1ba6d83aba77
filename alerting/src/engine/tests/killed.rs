//! Killed at random points, again and again: no page is lost, none repeats unmarked, and the facts
//! tell the truth in the end.

use std::collections::BTreeMap;
use std::future::Future;
use std::task::Poll;

use super::*;

/// Small and good enough to choose where to kill; printed with every failure.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Polls some work a number of times and then drops it where it stands.
async fn killed_after(polls: u64, work: impl Future) {
    tokio::pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if work.as_mut().poll(context).is_ready() || left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_killed_anywhere_loses_nothing() {
    for seed in 1..=8 {
        let mut dice = Dice(seed);
        let mut rig = Rig::new().await;
        rig.is_down(&["api"]);
        for _ in 0..40 {
            let polls = dice.below(60);
            match dice.below(5) {
                0 => killed_after(polls, rig.alerting.tick()).await,
                1 | 2 => killed_after(polls, rig.alerting.deliver()).await,
                3 => killed_after(polls, rig.alerting.publish_facts()).await,
                _ => rig.clock.advance(SECOND * dice.below(90) as u32),
            }
            rig.reopen().await;
        }
        // From now on it lives; leases of the dead run out first.
        for _ in 0..30 {
            rig.clock.advance(MINUTE);
            rig.alerting.tick().await.unwrap();
            rig.alerting.deliver().await.unwrap();
            rig.alerting.publish_facts().await.unwrap();
        }
        assert!(rig.alerting.audit().await.unwrap().is_clean(), "seed {seed}");
        check_pages(&rig, seed).await;
        check_facts(&rig, seed).await;
    }
}

async fn check_pages(rig: &Rig, seed: u64) {
    let mut taken: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for page in rig.outside.taken.lock().iter() {
        taken.entry(page.page.clone()).or_default().push(page.may_repeat);
    }
    let pages = rig.alerting.pages(&PageFilter::default()).await.unwrap();
    let addresses: Vec<&str> = pages.iter().map(|page| page.address.as_str()).collect();
    assert_eq!(addresses, ["ann@example.com", "bob@example.com", "bob@private.example"], "seed {seed}");
    for page in &pages {
        assert_eq!(page.state, PageState::Sent, "seed {seed}: {page:?}");
        let marks = &taken[page.id.as_str()];
        assert!(
            marks[1..].iter().all(|mark| *mark),
            "seed {seed}: {page:?} was repeated unmarked: {marks:?}"
        );
    }
    assert_eq!(taken.len(), pages.len(), "seed {seed}");
}

async fn check_facts(rig: &Rig, seed: u64) {
    let mut latest: BTreeMap<String, Event> = BTreeMap::new();
    for event in rig.outside.recorded.lock().iter() {
        let known = latest.entry(event.subject_id.clone()).or_insert_with(|| event.clone());
        if event.seq > known.seq {
            *known = event.clone();
        }
    }
    for page in rig.alerting.pages(&PageFilter::default()).await.unwrap() {
        assert_eq!(latest[page.id.as_str()].payload["state"], page.state.as_str(), "seed {seed}");
    }
    let backlog = db::outbox::backlog(rig.alerting.store(), crate::fact::TOPIC).await.unwrap();
    assert_eq!(backlog.rows, 0, "seed {seed}");
    let incidents = rig.alerting.incidents(&IncidentFilter::default()).await.unwrap();
    assert_eq!(incidents.len(), 1, "seed {seed}");
}
