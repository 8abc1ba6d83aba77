//! The server under test: the real binary in a directory of its own, on ports of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Api, Process, eventually};

/// The bootstrap token of every server here.
pub const ADMIN_TOKEN: &str = "acceptance-admin-token";

/// A start with an empty directory takes well below a second; a machine that also compiles takes its
/// time.
const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// The settings file.
    pub settings: String,
    /// Files of the configuration directory, by name.
    pub objects: Vec<(String, String)>,
    /// The port of a mail server on loopback.
    pub smtp_port: Option<u16>,
    /// The data directory is on a file system of this size (`64m`), which only the server sees and which
    /// ends with it.
    pub disk: Option<String>,
    /// The data directory is restored from this backup.
    pub backup: Option<PathBuf>,
}

/// A running (or killed) server.
pub struct Server {
    dir: TempDir,
    smtp_port: Option<u16>,
    disk: Option<String>,
    process: Option<Process>,
    http: String,
    otlp_http: String,
    otlp_grpc: String,
    postgres: String,
}

impl ServerOptions {
    pub fn settings(text: &str) -> ServerOptions {
        ServerOptions { settings: text.to_owned(), ..ServerOptions::default() }
    }

    pub fn object(mut self, name: &str, text: impl Into<String>) -> ServerOptions {
        self.objects.push((name.to_owned(), text.into()));
        self
    }

    pub fn smtp(mut self, port: u16) -> ServerOptions {
        self.smtp_port = Some(port);
        self
    }
}

impl Server {
    /// Starts and waits until it is ready.
    pub async fn start(options: ServerOptions) -> Server {
        let dir = tempfile::tempdir().expect("a directory can be made");
        std::fs::write(dir.path().join("evenkeel.yaml"), &options.settings).expect("a file can be written");
        std::fs::create_dir(dir.path().join("objects")).expect("a directory can be made");
        for (name, text) in &options.objects {
            std::fs::write(dir.path().join("objects").join(name), text).expect("a file can be written");
        }
        if let Some(backup) = &options.backup {
            let mut restore = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
            restore.arg("restore").arg("--from").arg(backup).arg("--data-dir").arg(dir.path().join("data"));
            let done = super::run(restore, "").await;
            assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
        }
        let mut server = Server {
            dir,
            smtp_port: options.smtp_port,
            disk: options.disk,
            process: None,
            http: String::new(),
            otlp_http: String::new(),
            otlp_grpc: String::new(),
            postgres: String::new(),
        };
        server.start_again().await;
        server
    }

    /// Starts the server that was stopped or killed, over the same directory, on other ports.
    pub async fn start_again(&mut self) {
        self.spawn();
        let process = self.process.as_mut().expect("it was spawned");
        process.line("log in", START_WITHIN).await;
        let lines = process.lines();
        let address = |name: &str| -> String {
            let beginning = format!("listening: {name} on ");
            let line = lines.iter().find_map(|line| line.strip_prefix(&beginning));
            line.unwrap_or_else(|| panic!("no line {beginning:?} in {lines:?}")).to_owned()
        };
        self.http = address("HTTP");
        self.otlp_http = address("OTLP/HTTP");
        self.otlp_grpc = address("OTLP/gRPC");
        self.postgres = address("PostgreSQL").trim_start_matches("postgresql://").to_owned();
        self.ready().await;
    }

    /// Starts without waiting for anything.
    pub fn spawn(&mut self) {
        let process = Process::spawn("evenkeel", &mut self.command());
        self.process = Some(process);
    }

    fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_evenkeel");
        let mut command = match &self.disk {
            None => Command::new(binary),
            Some(size) => {
                const MOUNT: &str =
                    r#"mkdir -p "$2" && mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@""#;
                let mut unshare = Command::new("unshare");
                unshare.args(["--map-root-user", "--mount", "sh", "-c", MOUNT, "sh", size]);
                unshare.arg(self.data_dir()).arg(binary);
                unshare
            }
        };
        command.arg("serve").env("EVENKEEL_ADMIN_TOKEN", ADMIN_TOKEN);
        command.arg("--config").arg(self.dir.path().join("evenkeel.yaml"));
        command.arg("--data-dir").arg(self.data_dir()).arg("--objects").arg(self.objects_dir());
        for flag in ["--http-listen", "--otlp-http-listen", "--otlp-grpc-listen", "--postgres-listen"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        if let Some(port) = self.smtp_port {
            command.args(["--smtp-address", &format!("127.0.0.1:{port}"), "--smtp-tls", "off"]);
            command.args(["--smtp-from", "Evenkeel <pager@shop.example>"]);
        }
        command
    }

    async fn ready(&self) {
        let api = self.nobody();
        eventually(START_WITHIN, "the server is ready", async || {
            let answer = api.try_get("/readyz").await.map_err(|error| error.to_string())?;
            if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
        })
        .await;
    }

    /// SIGKILL, at whatever it is doing.
    pub fn kill9(&mut self) {
        self.process.as_mut().expect("it runs").kill9();
    }

    /// SIGTERM, and an orderly end.
    pub async fn stop(&mut self) {
        let process = self.process.as_mut().expect("it runs");
        process.terminate();
        let status = process.ended(STOP_WITHIN).await;
        assert!(status.success(), "the server ended with {status}");
    }

    /// SIGTERM, and nothing else.
    pub fn terminate(&self) {
        self.process.as_ref().expect("it runs").terminate();
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> std::process::ExitStatus {
        self.process.as_mut().expect("it runs").ended(within).await
    }

    /// What the system says about the process.
    pub fn proc_dir(&self) -> PathBuf {
        let process = self.process.as_ref().expect("it runs").id();
        Path::new("/proc").join(process.to_string())
    }

    /// The data directory as the server sees it.
    pub fn data_dir_inside(&self) -> PathBuf {
        let inside = self.data_dir();
        self.proc_dir().join("root").join(inside.strip_prefix("/").unwrap_or(&inside))
    }

    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The directory of a Delta table.
    pub fn table_dir(&self, table: &str) -> PathBuf {
        self.data_dir().join("lake").join(table)
    }

    pub fn objects_dir(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The API, asked by the administrator.
    pub fn api(&self) -> Api {
        Api::new(&self.http, Some(ADMIN_TOKEN))
    }

    /// The API, asked by somebody without a token.
    pub fn nobody(&self) -> Api {
        Api::new(&self.http, None)
    }

    pub fn http(&self) -> &str {
        &self.http
    }

    pub fn otlp_http(&self) -> &str {
        &self.otlp_http
    }

    /// `HOST:PORT`
    pub fn otlp_grpc(&self) -> &str {
        self.otlp_grpc.trim_start_matches("http://")
    }

    /// Host and port.
    pub fn postgres(&self) -> (&str, &str) {
        self.postgres.split_once(':').expect("an address has a port")
    }

    /// What it printed since it was started the last time.
    pub fn printed(&self) -> Vec<String> {
        self.process.as_ref().map(Process::lines).unwrap_or_default()
    }

    /// What it logged since then.
    pub fn logged(&self) -> Vec<String> {
        self.process.as_ref().map(Process::errors).unwrap_or_default()
    }

    /// An `evenkeel` command that talks to this server.
    pub fn cli(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.args(args).env("EVENKEEL_URL", &self.http).env("EVENKEEL_TOKEN", ADMIN_TOKEN);
        command
    }

    /// A new token.
    pub async fn token(&self, name: &str, role: &str) -> String {
        let created = self.api().post("/api/tokens", &serde_json::json!({"name": name, "role": role})).await;
        created["token"].as_str().expect("a new token is shown").to_owned()
    }
}
