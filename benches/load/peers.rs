//! The others, as Debian has them, each on a directory of its own. Both take remote write and PromQL
//! below `/api/v1`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::latencies::clock;

const START_SECS_MAX: u64 = 30;
/// What it holds in memory is on the disk by then.
const END_SECS_MAX: u64 = 120;

/// A child that is ended when it goes out of scope, after it has written what it held in memory.
pub struct Peer {
    child: Child,
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub base: String,
}

impl Peer {
    /// The process id, as `process` wants it.
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let process = i32::try_from(self.child.id()).map(Pid::from_raw);
        let asked = process.is_ok_and(|process| kill(process, Signal::SIGTERM).is_ok());
        let since = clock();
        while asked && since.elapsed().as_secs() < END_SECS_MAX {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// `settings` is the text of its configuration file.
pub fn prometheus(dir: &Path, settings: &str) -> Peer {
    std::fs::create_dir_all(dir).expect("a directory");
    let config = dir.join("prometheus.yml");
    std::fs::write(&config, settings).expect("a file");
    let port = free_port();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.enable-remote-write-receiver", "--log.level=error"]);
    start(command, port)
}

pub fn victoria_metrics(dir: &Path) -> Peer {
    std::fs::create_dir_all(dir).expect("a directory");
    let port = free_port();
    let mut command = Command::new("victoria-metrics");
    command
        .arg(format!("-storageDataPath={}", dir.join("data").display()))
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .args(["-loggerLevel=ERROR", "-retentionPeriod=1"]);
    start(command, port)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("a free port").port()
}

fn start(mut command: Command, port: u16) -> Peer {
    let child = command.spawn().expect("the peer is installed (make setup-test)");
    let peer = Peer { child, base: format!("http://127.0.0.1:{port}") };
    let since = clock();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed().as_secs() < START_SECS_MAX, "the peer does not listen");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    peer
}
