//! Steps that really run: commands and requests.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::document::HttpRequest;

fn step(kind: StepKind) -> Step {
    Step {
        name: "s".into(),
        title: "S".into(),
        text: String::new(),
        kind,
        timeout: Duration::from_secs(10),
        confirm: false,
        line: 1,
    }
}

fn command(script: &str) -> Step {
    step(StepKind::Command { script: script.into() })
}

fn client() -> reqwest::Client {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn run(step: &Step, params: &[(&str, &str)]) -> StepOutcome {
    let params = params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let limits = StepLimits { output_bytes_max: 20, ..StepLimits::default() };
    carry_out(step, &params, &limits, &client()).await
}

#[tokio::test]
async fn a_parameter_reaches_the_script_as_it_is() {
    let outcome = run(&command(r#"printf %s "$x""#), &[("x", "$(rm -rf /)`id`';")]).await;
    assert_eq!(
        outcome,
        StepOutcome { succeeded: true, exit_code: Some(0), output: "$(rm -rf /)`id`';".into() }
    );
}

#[tokio::test]
async fn a_script_sees_nothing_of_the_servers_environment() {
    // Cargo sets this for the test process.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let outcome = run(&command("echo \"${CARGO_MANIFEST_DIR-unset}\""), &[]).await;
    assert_eq!(outcome.output, "unset\n");
}

#[tokio::test]
async fn the_first_failing_command_and_a_missing_parameter_end_a_script() {
    let outcome = run(&command("echo a; false; echo b"), &[]).await;
    assert_eq!((outcome.succeeded, outcome.exit_code, outcome.output.as_str()), (false, Some(1), "a\n"));
    let outcome = run(&command("echo $region"), &[]).await;
    assert!(!outcome.succeeded && outcome.output.contains("region"), "{outcome:?}");
}

#[tokio::test]
async fn output_is_bounded() {
    let outcome = run(&command("yes | head -c 100000"), &[]).await;
    assert!(outcome.succeeded);
    assert!(outcome.output.ends_with("[99980 more bytes not kept]"), "{}", outcome.output);
}

#[tokio::test]
async fn the_time_limit_ends_what_the_script_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let mut slow = command(r#"sleep 1000 & echo $! > "$pid_file"; wait"#);
    slow.timeout = Duration::from_secs(3);
    let outcome = run(&slow, &[("pid_file", pid_file.to_str().unwrap())]).await;
    assert_eq!(outcome, StepOutcome::failed("ended after its time limit of 3s"));
    let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let is_running = || {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    for _ in 0..60_000 {
        if !is_running() {
            return;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the script's child {pid} outlived its time limit");
}

#[tokio::test]
async fn an_http_step_sends_its_request_and_keeps_the_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/drain/${{region}}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let mut read = 0;
        while !request[..read].ends_with(b"{\"r\":\"eu west\"}") {
            read += socket.read(&mut request[read..]).await.unwrap();
        }
        socket.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nlate").await.unwrap();
        String::from_utf8(request[..read].to_vec()).unwrap()
    });
    let request = HttpRequest {
        method: "POST".into(),
        url,
        headers: vec![("X-From".into(), "runbook".into())],
        body: r#"{"r":"${region}"}"#.into(),
    };
    let outcome = run(&step(StepKind::Http(request)), &[("region", "eu west")]).await;
    let seen = server.await.unwrap();
    assert!(seen.starts_with("POST /drain/eu%20west HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("x-from: runbook"), "{seen}");
    assert_eq!(outcome.exit_code, Some(503));
    assert!(!outcome.succeeded && outcome.output.ends_with("late"), "{outcome:?}");
}

#[tokio::test]
async fn commands_can_be_switched_off() {
    let limits = StepLimits { commands_enabled: false, ..StepLimits::default() };
    let outcome = carry_out(&command("echo x"), &BTreeMap::new(), &limits, &client()).await;
    assert!(!outcome.succeeded && outcome.output.contains("switched off"), "{outcome:?}");
}

#[test]
fn a_preview_shows_the_values_that_a_script_uses() {
    let params = BTreeMap::from([("region".into(), "eu'west".into()), ("other".into(), "x".into())]);
    assert_eq!(preview(&command("echo $region"), &params), "region='eu'\\''west'\necho $region");
}
