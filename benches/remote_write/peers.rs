//! The others, as Debian has them. Both take remote write at the same path.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::client::Client;
use crate::senders::clock;

/// A child that is ended when it goes out of scope.
pub struct Peer {
    child: Child,
    pub client: Client,
}

impl Peer {
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

pub fn prometheus(dir: &Path) -> Peer {
    std::fs::create_dir_all(dir).expect("a directory");
    let config = dir.join("prometheus.yml");
    std::fs::write(&config, "storage: {tsdb: {out_of_order_time_window: 1d}}\n").expect("a file");
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
    let client = Client::new(format!("http://127.0.0.1:{port}/api/v1/write"), None);
    let peer = Peer { child, client };
    let deadline = clock();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(deadline.elapsed() < Duration::from_secs(30), "the peer does not listen");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    peer
}
