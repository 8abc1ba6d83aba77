//! Operators, casts and functions of PostgreSQL that tools count on.

use super::*;

#[test]
fn tools_get_what_they_count_on() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        for (query, expected) in [
            (r#"SELECT '{"a":{"b":[1,"x"]}}'::jsonb -> 'a' -> 'b' ->> 1"#, "x"),
            (r#"SELECT '{"a":{"b":1}}'::json -> 'a'"#, r#"{"b":1}"#),
            ("SELECT labels ->> 'job' FROM metrics", "api"),
            ("SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("SELECT format('%s, %I and %L', 7, 'Big name', 'it''s')", "7, \"Big name\" and 'it''s'"),
            ("SELECT pg_catalog.format('%s FROM %s', 'a', 'b')", "a FROM b"),
            ("SELECT to_char(ts, 'YYYY-MM-DD HH24:MI') FROM metrics", "2026-11-23 11:00"),
            ("SELECT pg_sleep(0)", ""),
        ] {
            let answer = client.query(query).await;
            assert_eq!(answer.rows, [row(&[expected])], "{query}: {:?}", answer.error);
        }
        let error = client.query("SELECT format('%d', 1)").await.error.unwrap();
        assert!(error.1.contains("only %s, %I, %L and %% are known"), "{error:?}");
    });
}

#[test]
fn a_sleep_ends_with_the_time_that_a_query_has() {
    run(async {
        let viewer = RoleLimits { timeout: Duration::from_millis(50), ..QueryConfig::default().viewer };
        let served = served(QueryConfig { viewer, ..QueryConfig::default() }).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        let (state, message) = client.query("SELECT pg_sleep(100000)").await.error.unwrap();
        assert_eq!(state, "57014", "{message}");
    });
}
