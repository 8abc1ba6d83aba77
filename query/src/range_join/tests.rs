//! Pairs by range beside pairs by hash, over rows of all kinds; which joins the rule takes.

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use crate::config::QueryConfig;
use crate::session::base_context;
use crate::testing::run;

/// Services with ranges and points, of which some have NULLs, as one hash join would pair them.
const RANGES: &str = "ranges r JOIN points p ON p.service = r.service";

/// With our rules.
fn ours(partitions: usize) -> SessionContext {
    base_context(&QueryConfig { partitions: Some(partitions), ..QueryConfig::default() }).unwrap()
}

async fn fill(context: &SessionContext, ranges: &[Row], points: &[Row]) {
    for (name, rows) in [("ranges", ranges), ("points", points)] {
        let values: Vec<String> = rows.iter().map(Row::sql).collect();
        let table = format!(
            "CREATE TABLE {name} AS SELECT arrow_cast(service, 'Utf8') AS service, \
             to_timestamp_micros(arrow_cast(a, 'Int64')) AS a, to_timestamp_micros(arrow_cast(b, 'Int64')) AS b \
             FROM (VALUES {}) t(service, a, b)",
            values.join(", ")
        );
        context.sql(&table).await.unwrap().collect().await.unwrap();
    }
}

#[derive(Clone, Debug)]
struct Row {
    service: Option<u8>,
    a: Option<i64>,
    b: Option<i64>,
}

impl Row {
    fn sql(&self) -> String {
        let number = |value: Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
        let service = self.service.map_or("NULL".to_owned(), |service| format!("'s{service}'"));
        format!("({service}, {}, {})", number(self.a), number(self.b))
    }
}

fn row() -> impl Strategy<Value = Row> {
    let number = || prop::option::weighted(0.9, -20i64..20);
    (prop::option::weighted(0.9, 0u8..3), number(), number()).prop_map(|(service, a, b)| Row {
        service,
        a,
        b,
    })
}

/// The conditions that follow the keys: ranges on either side, closed and open ends, more than ranges.
const CONDITIONS: [&str; 6] = [
    "p.a >= r.a AND p.a < r.b",
    "p.a > r.a AND p.a <= r.b",
    "r.a <= p.b AND r.a > p.a",
    "p.a <= r.a AND p.a > r.a - INTERVAL '5 microseconds'",
    "p.a >= r.a AND p.b <= r.b",
    "p.a >= r.a AND p.a < r.b AND p.b <> r.b",
];

async fn rows(context: &SessionContext, query: &str) -> Vec<String> {
    let batches = context.sql(query).await.unwrap().collect().await.unwrap();
    let shown = pretty_format_batches(&batches).unwrap().to_string();
    shown.lines().filter(|line| line.starts_with('|')).skip(1).map(str::to_owned).collect()
}

async fn plan(context: &SessionContext, query: &str) -> String {
    let plan = context.sql(query).await.unwrap().create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Without our rules it is a hash join.
    #[test]
    fn pairs_what_a_hash_join_pairs(
        ranges in prop::collection::vec(row(), 1..25),
        points in prop::collection::vec(row(), 1..60),
        partitions in 1usize..4,
    ) {
        run(async move {
            let in_utc = SessionConfig::new().set_str("datafusion.execution.time_zone", "UTC");
            let (by_range, by_hash) = (ours(partitions), SessionContext::new_with_config(in_utc));
            fill(&by_range, &ranges, &points).await;
            fill(&by_hash, &ranges, &points).await;
            for condition in CONDITIONS {
                let query = format!(
                    "SELECT r.service, r.a, r.b, p.a AS pa, p.b AS pb FROM {RANGES} AND {condition} \
                     ORDER BY 1, 2, 3, 4, 5"
                );
                assert!(plan(&by_range, &query).await.contains("RangeJoinExec"), "{query}");
                assert!(plan(&by_hash, &query).await.contains("HashJoinExec"), "{query}");
                let pairs = rows(&by_hash, &query).await;
                assert_eq!(rows(&by_range, &query).await, pairs, "{query}");
                let count = format!("SELECT count(*) FROM {RANGES} AND {condition}");
                let counted = rows(&by_range, &count).await;
                assert!(counted[0].contains(&format!("| {} ", pairs.len())), "{count}: {counted:?}");
            }
            for condition in CONDITIONS {
                for exists in [
                    format!("ranges r WHERE EXISTS (SELECT 1 FROM points p WHERE p.service = r.service AND {condition})"),
                    format!("points p WHERE EXISTS (SELECT 1 FROM ranges r WHERE p.service = r.service AND {condition})"),
                ] {
                    let query = format!("SELECT service, a, b FROM {exists} ORDER BY 1, 2, 3");
                    assert!(plan(&by_range, &query).await.contains("RangeJoinExec: join_type="), "{query}");
                    assert_eq!(rows(&by_range, &query).await, rows(&by_hash, &query).await, "{query}");
                }
            }
        });
    }
}

#[test]
fn other_joins_stay_what_they_are() {
    run(async {
        let some = [Row { service: Some(1), a: Some(1), b: Some(2) }];
        let context = ours(2);
        fill(&context, &some, &some).await;
        for query in [
            "SELECT * FROM ranges r JOIN points p ON p.service = r.service AND p.a >= r.a",
            "SELECT * FROM ranges r LEFT JOIN points p ON p.service = r.service AND p.a >= r.a AND p.a < r.b",
            "SELECT * FROM ranges r JOIN points p ON p.a >= r.a AND p.a < r.b",
            "SELECT * FROM ranges r WHERE NOT EXISTS \
             (SELECT 1 FROM points p WHERE p.service = r.service AND p.a >= r.a AND p.a < r.b)",
            "SELECT * FROM ranges r JOIN points p ON p.service = r.service AND p.a - r.a >= r.b - p.b",
        ] {
            let plan = plan(&context, query).await;
            assert!(!plan.contains("RangeJoinExec"), "{plan}");
        }
    });
}

#[test]
fn many_pairs_of_one_row_come_in_batches() {
    run(async {
        let context = base_context(&QueryConfig::default()).unwrap();
        let query = "SELECT count(*), sum(p.value) FROM generate_series(1, 20) r JOIN generate_series(1, 30000) p \
                     ON r.value / 1000000 = p.value / 1000000 AND p.value >= r.value AND p.value < r.value + 10000";
        let text = plan(&context, query).await;
        assert!(text.contains("RangeJoinExec"), "{text}");
        let rows = rows(&context, query).await;
        assert!(rows[0].contains("200000"), "{rows:?}");
    });
}
