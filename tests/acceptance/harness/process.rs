//! Child processes: output captured, killed when dropped, shown when the test fails.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Random, eventually};

/// Lines of a failing test's processes that are shown.
const LINES_SHOWN: usize = 60;

/// A running process. Ends with its owner.
pub struct Process {
    name: String,
    child: Child,
    stdout: Arc<Mutex<Vec<String>>>,
    stderr: Arc<Mutex<Vec<String>>>,
}

impl Process {
    pub fn spawn(name: &str, command: &mut Command) -> Process {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = started(command.spawn(), command);
        let stdout = collect(child.stdout.take().expect("stdout is piped"));
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        Process { name: name.to_owned(), child, stdout, stderr }
    }

    /// What it has printed to standard output so far.
    pub fn lines(&self) -> Vec<String> {
        self.stdout.lock().expect("a reader never panics").clone()
    }

    pub fn errors(&self) -> Vec<String> {
        self.stderr.lock().expect("a reader never panics").clone()
    }

    /// Waits for a line of standard output that begins so.
    pub async fn line(&mut self, beginning: &str, within: Duration) -> String {
        let name = self.name.clone();
        let what = format!("a line {beginning:?} of {name}");
        let (lines, child) = (self.stdout.clone(), &mut self.child);
        eventually(within, &what, async || {
            let is_wanted = |line: &&String| line.starts_with(beginning);
            if let Some(line) = lines.lock().expect("a reader never panics").iter().find(is_wanted) {
                return Ok(line.clone());
            }
            match child.try_wait() {
                Ok(Some(status)) => panic!("{name} ended: {status}"),
                _ => Err("no such line".to_owned()),
            }
        })
        .await
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the process reads its input");
    }

    pub fn terminate(&self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).expect("the process can be signalled");
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let child = &mut self.child;
        eventually(within, &what, async || match child.try_wait().expect("a child can be waited for") {
            Some(status) => Ok(status),
            None => Err("it is running".to_owned()),
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is fine.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
        if std::thread::panicking() {
            for (stream, lines) in [("out", self.lines()), ("err", self.errors())] {
                let from = lines.len().saturating_sub(LINES_SHOWN);
                lines[from..].iter().for_each(|line| println!("[{} {stream}] {line}", self.name));
            }
        }
    }
}

/// A process that ran to its end.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end; its input is `stdin`.
pub async fn run(mut command: Command, stdin: &str) -> Finished {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = started(command.spawn(), &command);
    let mut input = child.stdin.take().expect("stdin is piped");
    let text = stdin.to_owned();
    let waited = tokio::task::spawn_blocking(move || -> Output {
        // A program that does not read its input may have closed it.
        let _written = input.write_all(text.as_bytes());
        drop(input);
        child.wait_with_output().expect("a child can be waited for")
    });
    let output = waited.await.expect("waiting does not panic");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A port that nobody listens on, for programs that do not say which one they chose and for servers
/// that come later. Below those that the system gives away by itself, so that it stays free.
pub fn free_port() -> u16 {
    let mut random = Random::fresh();
    let candidates = std::iter::repeat_with(|| 20_000 + random.below(10_000) as u16).take(1_000);
    let mut free = candidates.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a port is free")
}

fn started(child: std::io::Result<Child>, command: &Command) -> Child {
    let program = command.get_program().to_string_lossy().into_owned();
    child.unwrap_or_else(|error| {
        panic!("{program} does not start ({error}); `tests/setup.sh test` installs it")
    })
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            kept.lock().expect("nobody panics with the lock").push(line);
        }
    });
    lines
}
