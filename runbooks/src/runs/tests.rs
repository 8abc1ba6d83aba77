//! Runs from start to end, in the store and in the facts.

use std::time::Duration;

use telemetry::ManualClock;

use super::*;
use crate::document;

const TEXT: &str = "---\nid: x\ntitle: X\nparams: [{name: word, default: hello}]\n---\n\
                    ```sh {step=say}\nprintf %s \"$word\"\n```\n```sh {step=fail}\nexit 3\n```\n```manual {step=tell}\n```\n";

struct Desk {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Desk {
    fn new() -> Desk {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        Desk {
            dir: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(Timestamp::from_secs(100))),
        }
    }

    /// Another call is another opening of the store, as after a restart.
    async fn open(&self) -> Runs {
        let path = self.dir.path().join("store.db");
        let store = Store::open(path, &[alerting::MIGRATIONS, crate::MIGRATIONS]).await.unwrap();
        Runs::new(store, StepLimits::default(), reqwest::Client::new(), self.clock.clone())
    }
}

async fn start(runs: &Runs) -> Run {
    let runbook = document::parse("x.md", TEXT).unwrap();
    let context =
        RunContext { incident_id: Some("INC-1".into()), service: Some("chat".into()), alerts: Vec::new() };
    runs.open(&runbook, context, BTreeMap::new(), "ada").await.unwrap()
}

/// A step is carried out by another task; its end shows in the store.
async fn ended(runs: &Runs, id: &str, name: &str) -> Run {
    for _ in 0..12_000 {
        let run = runs.get(id).await.unwrap();
        if run.step(name).unwrap().state != StepState::Running {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("step {name} does not end");
}

async fn facts(runs: &Runs) -> Vec<String> {
    let query = "SELECT event_id FROM incident_facts WHERE incident = 'INC-1' ORDER BY seq";
    sqlx::query_scalar(query).fetch_all(runs.store.read()).await.unwrap()
}

#[tokio::test]
async fn a_run_is_carried_out_step_by_step_and_each_change_is_a_fact() {
    let desk = Desk::new();
    let runs = desk.open().await;
    let run = start(&runs).await;
    assert_eq!(run.id, "RUN-1");

    runs.act(&run.id, "say", StepAction::Start, "ada").await.unwrap();
    let run = ended(&runs, &run.id, "say").await;
    let said = run.step("say").unwrap();
    assert_eq!(
        (said.state, said.exit_code, said.output.as_deref()),
        (StepState::Succeeded, Some(0), Some("hello"))
    );

    runs.act(&run.id, "fail", StepAction::Start, "bob").await.unwrap();
    let run = ended(&runs, &run.id, "fail").await;
    assert_eq!(
        (run.step("fail").unwrap().state, run.step("fail").unwrap().exit_code),
        (StepState::Failed, Some(3))
    );
    assert_eq!(run.state, RunState::Open);

    runs.act(&run.id, "fail", StepAction::Skip, "bob").await.unwrap();
    let run = runs.act(&run.id, "tell", StepAction::MarkDone, "bob").await.unwrap();
    assert_eq!(run.state, RunState::Done);
    assert_eq!(
        facts(&runs).await,
        [
            "runbook_run:RUN-1:open",
            "runbook_step:RUN-1:say:1:running",
            "runbook_step:RUN-1:say:1:succeeded",
            "runbook_step:RUN-1:fail:1:running",
            "runbook_step:RUN-1:fail:1:failed",
            "runbook_step:RUN-1:fail:1:skipped",
            "runbook_step:RUN-1:tell:0:done",
        ]
    );
    let refused = runs.act(&run.id, "say", StepAction::Start, "ada").await.unwrap_err();
    assert_eq!(refused.to_string(), "run RUN-1 is done");
}

#[tokio::test]
async fn a_step_that_a_dead_process_ran_is_given_up_and_not_run_again() {
    let desk = Desk::new();
    let before = desk.open().await;
    let run = start(&before).await;
    // The state in which a kill leaves the store: decided and stored, not carried out to its end.
    let mut tx = before.store.begin_write().await.unwrap();
    let owner = before.store.owner().to_owned();
    rows::begin_step(&mut tx, &run, "say", StepState::Running, &owner, "ada", desk.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let after = desk.open().await;
    assert_eq!(after.give_up_orphans().await.unwrap(), 1);
    assert_eq!(after.give_up_orphans().await.unwrap(), 0);
    let step = after.get(&run.id).await.unwrap().step("say").unwrap().clone();
    assert_eq!(step.state, StepState::Failed);
    assert!(step.output.unwrap().contains("look whether it took effect"));
    assert_eq!(facts(&after).await.last().unwrap(), "runbook_step:RUN-1:say:1:failed");
}

#[tokio::test]
async fn a_run_keeps_the_runbook_as_it_was() {
    let desk = Desk::new();
    let runs = desk.open().await;
    let run = start(&runs).await;
    let kept = runs.get(&run.id).await.unwrap().runbook;
    assert_eq!(kept.content_hash, document::parse("x.md", TEXT).unwrap().content_hash);
    assert_eq!(runs.of_incident("INC-1").await.unwrap().len(), 1);
    assert_eq!(runs.cancel(&run.id, "ada").await.unwrap().state, RunState::Cancelled);
}
