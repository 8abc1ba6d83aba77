//! What `now()` and its kin are: of the transaction, of the message, of the clock.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const EACH: &str = "SELECT now(), transaction_timestamp(), statement_timestamp(), clock_timestamp()";
const TIMES: [&str; 4] = [
    "2026-11-23 12:00:00.000000+00",
    "2026-11-23 12:01:00.000000+00",
    "2026-11-23 12:02:00.000000+00",
    "2026-11-23 12:03:00.000000+00",
];

#[test]
fn a_prepared_statement_has_the_time_at_which_it_runs() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        client.parse("now", EACH).await;
        let tables = "SELECT p.ts = now(), b.bucket <= now() AND b.bucket > now() - INTERVAL '1 minute' \
             FROM promql('time()') p, time_buckets('1 minute', now(), now() + INTERVAL '1 second') b \
             WHERE p.value = extract(epoch FROM now())";
        client.parse("tables", tables).await;
        for time in TIMES {
            assert_eq!(client.execute("now", &[]).await.rows, [row(&[time; 4])]);
            assert_eq!(client.query(EACH).await.rows, [row(&[time; 4])], "the same without preparing it");
            let answer = client.execute("tables", &[]).await;
            assert_eq!(answer.rows, [row(&["t", "t"])], "{time}: {:?}", answer.error);
            served.bench.clock.advance(MINUTE);
        }
    });
}

#[test]
fn a_transaction_has_one_time() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        let [first, second, third, fourth] = TIMES;
        client.parse("now", EACH).await;
        client.query("BEGIN").await;
        served.bench.clock.advance(MINUTE);
        assert_eq!(client.query(EACH).await.rows, [row(&[first, first, second, second])]);
        client.query("DECLARE c CURSOR FOR SELECT now(), statement_timestamp()").await;
        served.bench.clock.advance(MINUTE);
        assert_eq!(client.execute("now", &[]).await.rows, [row(&[first, first, third, third])]);
        let cursor = client.query("FETCH 1 FROM c").await;
        assert_eq!(cursor.rows, [row(&[first, second])], "that of its query");
        let of_table = client.query("SELECT ts FROM promql('time()')").await;
        assert_eq!(of_table.rows, [row(&[first])]);
        client.query("COMMIT").await;
        served.bench.clock.advance(MINUTE);
        assert_eq!(client.query(EACH).await.rows, [row(&[fourth; 4])]);
        let together = client.query("BEGIN; SELECT now(); ROLLBACK").await;
        assert_eq!(together.rows, [row(&[fourth])]);
    });
}
