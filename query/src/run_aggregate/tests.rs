//! Aggregation by runs beside aggregation by hash.

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use crate::config::QueryConfig;
use crate::session::base_context;
use crate::testing::run;

fn ours() -> SessionContext {
    base_context(&QueryConfig { partitions: Some(2), ..QueryConfig::default() }).unwrap()
}

async fn rows(context: &SessionContext, query: &str) -> String {
    let batches = context.sql(query).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

/// Runs of a key, NULL too, each as long as is said: a batch has the rows of several, or one goes on.
async fn fill(context: &SessionContext, runs: &[(Option<u8>, u16)]) {
    let runs: Vec<String> = runs
        .iter()
        .enumerate()
        .map(|(at, (key, length))| {
            let key = key.map_or("NULL".to_owned(), |key| format!("'k{key}'"));
            format!("({at}, {key}, {length})")
        })
        .collect();
    let table = format!(
        "CREATE TABLE runs AS SELECT arrow_cast(key, 'Utf8') AS key, value, \
         CASE WHEN value % 5 = 0 THEN NULL ELSE value END AS sparse \
         FROM (SELECT at, key, unnest(generate_series(1, length)) AS value \
               FROM (VALUES {}) r(at, key, length)) ORDER BY at, value",
        runs.join(", ")
    );
    context.sql(&table).await.unwrap().collect().await.unwrap();
}

const QUERIES: [&str; 3] = [
    "SELECT key, count(*), count(sparse), sum(sparse), avg(value), min(sparse), max(value) FROM runs \
     GROUP BY key ORDER BY key",
    "SELECT key, value / 100 AS part, sum(value), max(sparse) FROM runs GROUP BY key, value / 100 ORDER BY key, part",
    "SELECT value, count(*), max(key) FROM runs GROUP BY value ORDER BY value",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn aggregates_what_a_hash_aggregate_does(
        runs in prop::collection::vec(
            (prop::option::weighted(0.9, 0u8..4), prop_oneof![1u16..20, 30u16..400, 5_000u16..12_000]),
            1..12,
        ),
    ) {
        run(async move {
            let (by_runs, by_hash) = (ours(), SessionContext::new());
            fill(&by_runs, &runs).await;
            fill(&by_hash, &runs).await;
            for query in QUERIES {
                assert_eq!(rows(&by_runs, query).await, rows(&by_hash, query).await, "{query}");
            }
        });
    }
}

#[test]
fn functions_with_states_of_their_own_are_left_alone() {
    run(async {
        let context = ours();
        fill(&context, &[(Some(1), 10)]).await;
        for (function, is_taken) in [
            ("sum(value)", true),
            ("count(DISTINCT value), sum(DISTINCT sparse)", false),
            ("array_agg(value ORDER BY value)", false),
            ("sum(value) FILTER (WHERE value > 3)", false),
            ("median(value)", false),
        ] {
            let query = format!("SELECT key, {function} FROM runs GROUP BY key");
            let plan = context.sql(&query).await.unwrap().create_physical_plan().await.unwrap();
            let text = displayable(plan.as_ref()).indent(false).to_string();
            assert_eq!(text.contains("RunAggregateExec"), is_taken, "{text}");
        }
    });
}

#[test]
fn long_runs_come_out_as_one_row_each() {
    run(async {
        let context = ours();
        fill(&context, &[(Some(1), 20_000), (Some(2), 9_000), (Some(1), 20_000)]).await;
        let frame = context.sql("SELECT key, sum(value) FROM runs GROUP BY key").await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        collect(plan.clone(), context.task_ctx()).await.unwrap();
        let text = datafusion::physical_plan::display::DisplayableExecutionPlan::with_metrics(plan.as_ref())
            .indent(false)
            .to_string();
        let line = text.lines().find(|line| line.contains("RunAggregateExec")).unwrap();
        // Two partitions take the batches in turn.
        let made = line.split("output_rows=").nth(1).and_then(|rest| rest.split([',', ']']).next()).unwrap();
        assert!(made.parse::<usize>().unwrap() < 20, "{line}");
    });
}
