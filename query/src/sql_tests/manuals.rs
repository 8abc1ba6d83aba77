//! What is written about tables and functions holds: every column has its comment, every function of
//! ours its manual, the guide lists them all, and its examples and theirs run.

use std::collections::BTreeSet;
use std::path::Path;

use crate::testing::{Bench, at, run};

fn guide() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sql.md")).unwrap()
}

/// The functions that are not DataFusion's.
const OURS: &str = "section IN ('Counters and histograms', 'Time buckets and gaps', 'Log lines', 'JSON', \
                    'Text for people', 'Table functions')";

#[test]
fn every_table_and_column_has_a_comment_in_its_place() {
    run(async {
        let bench = Bench::new().await;
        let columns = bench
            .rows(
                "SELECT table_name || '.' || column_name FROM information_schema.columns \
                 WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
            )
            .await;
        let comments = bench
            .rows(
                "SELECT table_name || '.' || column_name FROM catalog_comments \
                 WHERE column_name IS NOT NULL AND comment <> ''",
            )
            .await;
        assert_eq!(columns, comments);
    });
}

/// With a clock behind whose times the tables were made: the Delta library goes by the machine's.
async fn later() -> Bench {
    let bench = Bench::new().await;
    bench.clock.set(at("2100-01-01T00:00:00Z"));
    bench
}

#[test]
fn every_example_of_a_manual_runs() {
    run(async {
        let bench = later().await;
        let query = format!("SELECT json_of(array_agg(example)) FROM catalog_functions WHERE {OURS}");
        let list = bench.rows(&query).await.remove(0);
        let list = list.trim_matches('"').replace("\"\"", "\"");
        let examples: Vec<String> = serde_json::from_str(&list).unwrap();
        assert!(examples.len() > 25, "{}", examples.len());
        for example in examples {
            bench.sql(&example).await.unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    });
}

#[test]
fn the_guide_lists_every_function_and_no_other() {
    run(async {
        let bench = Bench::new().await;
        let ours = bench.rows(&format!("SELECT DISTINCT name FROM catalog_functions WHERE {OURS}")).await;
        let guide = guide();
        let listed: BTreeSet<String> = guide
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('(').map(|(name, _)| name.to_owned()))
            .filter(|name| !name.contains('`'))
            .collect();
        assert_eq!(listed, ours.into_iter().collect());
    });
}

#[test]
fn every_query_of_the_guide_runs() {
    run(async {
        let bench = later().await;
        super::data::fill_first_half(&bench).await;
        super::data::fill_second_half(&bench).await;
        let guide = guide();
        let queries: Vec<&str> =
            guide.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(queries.len() >= 12, "{}", queries.len());
        for query in queries {
            bench
                .sql(query.trim().trim_end_matches(';'))
                .await
                .unwrap_or_else(|error| panic!("{query}: {error}"));
        }
    });
}
