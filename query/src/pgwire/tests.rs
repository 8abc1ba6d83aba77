//! The protocol, spoken by a small client of our own: login, allowed and refused statements, limits.

mod idioms;
mod times;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionCounters, PgAuthenticator, PgLogin, PgSecret, SCRAM_ITERATIONS, salted_password, serve,
};
use crate::config::PostgresLimits;
use crate::testing::{Bench, at, run};
use crate::{QueryConfig, QueryRole, RoleLimits};

/// Knows two, and how often one of them asked something.
#[derive(Default)]
struct Tokens {
    queried: AtomicUsize,
}

#[async_trait]
impl PgAuthenticator for Tokens {
    async fn login(&self, user: &str) -> Option<PgLogin> {
        let salt = b"0123456789abcdef".to_vec();
        match user {
            "ada" => {
                Some(PgLogin { secret: PgSecret::Password("secret".to_owned()), role: QueryRole::Viewer })
            }
            "bob" => {
                let salted_password = salted_password("hidden", &salt);
                Some(PgLogin { secret: PgSecret::Salted { salt, salted_password }, role: QueryRole::Admin })
            }
            _ => None,
        }
    }

    fn queried(&self, _user: &str) {
        self.queried.fetch_add(1, Ordering::Relaxed);
    }
}

struct Client {
    socket: TcpStream,
    /// Process id and secret key.
    cancel_key: Vec<u8>,
}

/// What came back for one statement.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    rows: Vec<Vec<Option<String>>>,
    tag: Option<String>,
    /// SQLSTATE and message.
    error: Option<(String, String)>,
}

impl Client {
    async fn bare(port: u16) -> Client {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        Client { socket, cancel_key: Vec::new() }
    }

    async fn connect(port: u16, user: &str, password: &str) -> Result<Client, String> {
        let (logged_in, client) = Client::try_connect(port, user, password).await;
        logged_in.map(|()| client)
    }

    /// The connection also when its login was refused.
    async fn try_connect(port: u16, user: &str, password: &str) -> (Result<(), String>, Client) {
        let mut client = Client::bare(port).await;
        (client.log_in(user, password).await, client)
    }

    async fn log_in(&mut self, user: &str, password: &str) -> Result<(), String> {
        let client = self;
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for text in ["user", user, "database", "evenkeel", ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        client.send(None, &body).await;
        client.expect_authentication(10).await?;
        let first_bare = format!("n={user},r=abcdef");
        let first = format!("n,,{first_bare}");
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend_from_slice(&(first.len() as i32).to_be_bytes());
        body.extend_from_slice(first.as_bytes());
        client.send(Some(b'p'), &body).await;
        let server_first = String::from_utf8(client.expect_authentication(11).await?).unwrap();
        let part =
            |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
        assert_eq!(part("i="), SCRAM_ITERATIONS.to_string());
        let salt = BASE64_STANDARD.decode(part("s=")).unwrap();
        let salted = salted_password(password, &salt);
        let client_key = sign(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={}", part("r="));
        let message = format!("{first_bare},{server_first},{without_proof}");
        let signature = sign(&Sha256::digest(&client_key), message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let last = format!("{without_proof},p={}", BASE64_STANDARD.encode(proof));
        client.send(Some(b'p'), last.as_bytes()).await;
        client.expect_authentication(12).await?;
        client.until_ready().await;
        Ok(())
    }

    async fn send(&mut self, kind: Option<u8>, body: &[u8]) {
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        self.socket.write_all(&message).await.unwrap();
    }

    async fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let kind = self.socket.read_u8().await.ok()?;
        let length = self.socket.read_i32().await.ok()? as usize - 4;
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).await.ok()?;
        Some((kind, body))
    }

    async fn expect_authentication(&mut self, step: i32) -> Result<Vec<u8>, String> {
        match self.receive().await {
            Some((b'R', body)) if body[..4] == step.to_be_bytes() => Ok(body[4..].to_vec()),
            Some((b'E', body)) => Err(error_of(&body).0),
            other => Err(format!("{other:?}")),
        }
    }

    async fn until_ready(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let (kind, body) = self.receive().await.expect("the connection stays open");
            match kind {
                b'Z' => return answer,
                b'D' => answer.rows.push(row_of(&body)),
                b'C' => answer.tag = Some(text_of(&body)),
                b'E' => answer.error = Some(error_of(&body)),
                b'K' => self.cancel_key = body,
                _ => {}
            }
        }
    }

    /// Kind and column count of what describes a portal.
    async fn describe_portal(&mut self, name: &str) -> Vec<(u8, i16)> {
        let body = [b"P", name.as_bytes(), b"\0"].concat();
        self.send(Some(b'D'), &body).await;
        self.send(Some(b'S'), &[]).await;
        let mut described = Vec::new();
        loop {
            let (kind, body) = self.receive().await.expect("the connection stays open");
            if kind == b'Z' {
                return described;
            }
            described.push((kind, i16::from_be_bytes([body[0], body[1]])));
        }
    }

    async fn query(&mut self, sql: &str) -> Answer {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send(Some(b'Q'), &body).await;
        self.until_ready().await
    }

    /// Parse, bind text parameters, execute.
    async fn prepared(&mut self, sql: &str, parameters: &[&str]) -> Answer {
        self.parse("", sql).await;
        self.execute("", parameters).await
    }

    /// Whoever executes it reads the answer.
    async fn parse(&mut self, name: &str, sql: &str) {
        let parse = [name.as_bytes(), &[0], sql.as_bytes(), &[0, 0, 0]].concat();
        self.send(Some(b'P'), &parse).await;
    }

    /// Bind text parameters, execute.
    async fn execute(&mut self, name: &str, parameters: &[&str]) -> Answer {
        let mut bind = [&[0], name.as_bytes(), &[0, 0, 0]].concat();
        bind.extend_from_slice(&(parameters.len() as i16).to_be_bytes());
        for parameter in parameters {
            bind.extend_from_slice(&(parameter.len() as i32).to_be_bytes());
            bind.extend_from_slice(parameter.as_bytes());
        }
        bind.extend_from_slice(&[0, 0]);
        self.send(Some(b'B'), &bind).await;
        self.send(Some(b'E'), &[0, 0, 0, 0, 0]).await;
        self.send(Some(b'S'), &[]).await;
        self.until_ready().await
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn text_of(body: &[u8]) -> String {
    String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap()).into_owned()
}

fn error_of(body: &[u8]) -> (String, String) {
    let field = |kind: u8| {
        let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&kind));
        field.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    };
    (field(b'C'), field(b'M'))
}

fn row_of(body: &[u8]) -> Vec<Option<String>> {
    let count = i16::from_be_bytes([body[0], body[1]]);
    let mut rest = &body[2..];
    let mut row = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        rest = &rest[4..];
        if length < 0 {
            row.push(None);
            continue;
        }
        row.push(Some(String::from_utf8_lossy(&rest[..length as usize]).into_owned()));
        rest = &rest[length as usize..];
    }
    row
}

struct Served {
    bench: Bench,
    port: u16,
    tokens: Arc<Tokens>,
    counters: ConnectionCounters,
    shutdown: CancellationToken,
}

async fn served(config: QueryConfig) -> Served {
    let bench = Bench::with(config).await;
    bench.samples(&[("__name__", "up"), ("job", "api")], &[(at("2026-11-23T11:00:00Z"), 1.0)]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tokens = Arc::new(Tokens::default());
    let (counters, shutdown) = (ConnectionCounters::default(), CancellationToken::new());
    let serving =
        serve(listener, bench.engine.clone(), tokens.clone(), None, counters.clone(), shutdown.clone());
    tokio::spawn(async move { serving.await.unwrap() });
    Served { bench, port, tokens, counters, shutdown }
}

fn row(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

#[test]
fn only_who_knows_a_token_gets_in() {
    run(async {
        let served = served(QueryConfig::default()).await;
        for (user, password) in [("ada", "secret"), ("bob", "hidden")] {
            let mut client = Client::connect(served.port, user, password).await.unwrap();
            assert_eq!(client.query("SELECT 1").await.rows, [row(&["1"])]);
        }
        for (user, password) in [("ada", "wrong"), ("nobody", "secret"), ("", "")] {
            let refused = Client::connect(served.port, user, password).await.err();
            assert_eq!(refused.as_deref(), Some("28P01"), "{user}");
        }
        served.shutdown.cancel();
    });
}

fn postgres(postgres: PostgresLimits) -> QueryConfig {
    QueryConfig { postgres, ..QueryConfig::default() }
}

#[test]
fn who_does_not_log_in_is_not_waited_for() {
    run(async {
        let authentication_timeout = Duration::from_millis(50);
        let limits = PostgresLimits { authentication_timeout, ..PostgresLimits::default() };
        let served = served(postgres(limits)).await;
        let mut ada = loop {
            // A slow machine may need more than one attempt.
            if let Ok(client) = Client::connect(served.port, "ada", "secret").await {
                break client;
            }
        };
        let mut silent = Client::bare(served.port).await;
        assert_eq!(silent.receive().await, None, "closed");
        assert_eq!(ada.query("SELECT 1").await.rows, [row(&["1"])]);
        served.shutdown.cancel();
    });
}

#[test]
fn a_refused_login_runs_nothing() {
    run(async {
        let authentication_timeout = Duration::from_secs(2);
        let limits = PostgresLimits { authentication_timeout, ..PostgresLimits::default() };
        let served = served(postgres(limits)).await;
        let (refused, mut client) = Client::try_connect(served.port, "ada", "wrong").await;
        assert_eq!(refused, Err("28P01".to_owned()));
        let _sent = client.socket.write_all(b"Q\0\0\0\x0dSELECT 1\0").await;
        while served.counters.open.get() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(served.tokens.queried.load(Ordering::Relaxed), 0);
        served.shutdown.cancel();
    });
}

#[test]
fn when_all_places_are_taken_the_next_one_is_told() {
    run(async {
        let served =
            served(postgres(PostgresLimits { connections_max: 1, ..PostgresLimits::default() })).await;
        let mut ada = Client::connect(served.port, "ada", "secret").await.unwrap();
        assert_eq!(Client::connect(served.port, "bob", "hidden").await.err().as_deref(), Some("53300"));
        // As libpq begins: encryption first.
        let mut bob = Client::bare(served.port).await;
        bob.send(None, &80_877_103_u32.to_be_bytes()).await;
        assert_eq!(bob.socket.read_u8().await.unwrap(), b'N');
        bob.send(None, &196_608_u32.to_be_bytes()).await;
        let (kind, body) = bob.receive().await.unwrap();
        let (sqlstate, message) = error_of(&body);
        assert_eq!((kind, sqlstate.as_str()), (b'E', "53300"));
        assert!(message.contains("query.postgres.connections_max"), "{message}");
        assert_eq!((served.counters.open.get(), served.counters.refused.get()), (1, 2));
        assert_eq!(ada.query("SELECT 1").await.rows, [row(&["1"])]);
        served.shutdown.cancel();
    });
}

#[test]
fn queries_run_and_maps_are_json() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        let answer = client.query("SELECT ts, metric, value, labels, labels['job'] FROM metrics").await;
        assert_eq!(
            answer.rows,
            [row(&["2026-11-23 11:00:00.000000+00", "up", "1.0", r#"{"job":"api"}"#, "api"])]
        );
        assert_eq!(answer.tag.as_deref(), Some("SELECT 1"));
        let answer = client.prepared("SELECT metric, labels FROM metrics WHERE metric = $1", &["up"]).await;
        assert_eq!(answer.rows, [row(&["up", r#"{"job":"api"}"#])]);
        // Written while the connection is open.
        served.bench.samples(&[("__name__", "down")], &[(at("2026-11-23T11:00:00Z"), 0.0)]).await;
        assert_eq!(client.query("SELECT count(*) FROM metrics").await.rows, [row(&["2"])]);
    });
}

#[test]
fn nothing_can_be_changed() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::connect(served.port, "bob", "hidden").await.unwrap();
        for statement in [
            "INSERT INTO events SELECT * FROM events",
            "EXPLAIN ANALYZE INSERT INTO events SELECT * FROM events",
            "CREATE TABLE t AS SELECT 1",
            "CREATE VIEW v AS SELECT 1",
            "DROP TABLE events",
            "COPY events TO '/tmp/evenkeel-events.csv'",
            "SET datafusion.execution.batch_size = 1",
            "SET SESSION AUTHORIZATION admin",
        ] {
            for answer in [client.query(statement).await, client.prepared(statement, &[]).await] {
                let (state, message) = answer.error.unwrap_or_else(|| panic!("{statement} was allowed"));
                assert_eq!(state, "25006", "{statement}: {message}");
            }
        }
        let batch_size = client.query("SELECT value FROM information_schema.df_settings WHERE name = 'datafusion.execution.batch_size'").await;
        assert_eq!(batch_size.rows, [row(&["8192"])]);
    });
}

#[test]
fn what_drivers_send_by_habit_is_answered() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        for statement in [
            "SET application_name = 'x'",
            "SET client_encoding TO 'UTF8'",
            "SET TIME ZONE 'Europe/Berlin'",
            "SET timezone = 'UTC'",
            "BEGIN",
            "SAVEPOINT a",
            "COMMIT",
            "DISCARD ALL",
            "SHOW TIME ZONE",
            "SELECT version()",
        ] {
            let answer = client.query(statement).await;
            assert_eq!(answer.error, None, "{statement}");
        }
        let tables =
            client.query("SELECT relname FROM pg_catalog.pg_class WHERE relname = 'incidents'").await;
        assert_eq!(tables.rows, [row(&["incidents"])]);
        assert_eq!(
            client.query("DECLARE c CURSOR FOR SELECT * FROM generate_series(1, 3)").await.error,
            None
        );
        // psycopg crashes on rows of a cursor whose columns were not described.
        assert_eq!(client.describe_portal("c").await, [(b'T', 1)]);
        for rows in [2, 1, 0, 0] {
            assert_eq!(client.query("FETCH 2 FROM c").await.rows.len(), rows);
        }
    });
}

#[test]
fn rows_under_way_can_be_cancelled() {
    run(async {
        let admin = RoleLimits { rows_max: u64::MAX, ..RoleLimits::default() };
        let served = served(QueryConfig { admin, ..QueryConfig::default() }).await;
        let mut client = Client::connect(served.port, "bob", "hidden").await.unwrap();
        let other = Client::connect(served.port, "bob", "hidden").await.unwrap();
        let endless = "SELECT * FROM generate_series(1, 1000000000)\0";
        client.send(Some(b'Q'), endless.as_bytes()).await;
        while !matches!(client.receive().await, Some((b'D', _))) {}
        // Somebody else's key does nothing, nor does a wrong one.
        for key in [&other.cancel_key, &client.cancel_key[..4].to_vec()] {
            cancel(served.port, key).await;
        }
        assert!(matches!(client.receive().await, Some((b'D', _))));
        cancel(served.port, &client.cancel_key).await;
        let answer = client.until_ready().await;
        assert_eq!(answer.error.map(|(state, _)| state).as_deref(), Some("57014"));
        assert_eq!(client.query("SELECT 1").await.rows, [row(&["1"])]);
    });
}

/// Asks on a connection of its own, as clients do, and waits until the server has closed it.
async fn cancel(port: u16, key: &[u8]) {
    let mut connection = Client::bare(port).await;
    let request = [&80_877_102_i32.to_be_bytes(), key, &[0; 4]].concat();
    connection.send(None, &request[..12]).await;
    assert_eq!(connection.socket.read(&mut [0]).await.unwrap_or(0), 0);
}

#[test]
fn without_a_certificate_encryption_is_declined() {
    run(async {
        let served = served(QueryConfig::default()).await;
        let mut client = Client::bare(served.port).await;
        client.send(None, &80_877_103_i32.to_be_bytes()).await;
        assert_eq!(client.socket.read_u8().await.unwrap(), b'N');
    });
}

#[test]
fn limits_hold_around_the_stream() {
    run(async {
        let viewer = RoleLimits { rows_max: 1_000, timeout: Duration::from_secs(1), ..RoleLimits::default() };
        let served = served(QueryConfig { viewer, ..QueryConfig::default() }).await;
        let mut client = Client::connect(served.port, "ada", "secret").await.unwrap();
        let many = "SELECT * FROM generate_series(1, 5000)";
        for answer in [client.query(many).await, client.prepared(many, &[]).await] {
            let (state, message) = answer.error.unwrap();
            assert_eq!(state, "54000");
            assert!(message.contains("`query.viewer.rows_max`"), "{message}");
        }
        let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) WHERE 1 > random()";
        let (state, message) = client.query(endless).await.error.unwrap();
        assert_eq!(state, "57014");
        assert!(message.contains("longer than 1s (limit `query.viewer.timeout`)"), "{message}");
        // The connection is still good, and so is another role.
        assert_eq!(client.query("SELECT 1").await.rows, [row(&["1"])]);
        let mut admin = Client::connect(served.port, "bob", "hidden").await.unwrap();
        assert_eq!(admin.query(many).await.rows.len(), 5_000);
    });
}
