//! Debian's rsyslog with its Elasticsearch output, on ports of its own.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use super::{Process, SOON, eventually, free_port};

pub struct Rsyslog {
    process: Process,
    port: u16,
}

impl Rsyslog {
    /// Sends to `HOST:PORT`, as `user` with a password. `dir` holds its files.
    pub async fn start(dir: &Path, elastic: &str, user: &str, password: &str) -> Rsyslog {
        let port = free_port();
        let (host, elastic_port) = elastic.rsplit_once(':').expect("an address has a port");
        let place = dir.display();
        let config = format!(
            r#"
global(workDirectory="{place}")
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" address="127.0.0.1" port="{port}")
action(type="omelasticsearch" server="{host}" serverport="{elastic_port}" uid="{user}" pwd="{password}"
       searchIndex="syslog" searchType="" bulkmode="on" retryfailures="on"
       errorFile="{place}/rsyslog-errors.json"
       action.resumeRetryCount="-1" action.resumeInterval="1"
       queue.type="LinkedList" queue.dequeueBatchSize="64")
"#
        );
        let file = dir.join("rsyslog.conf");
        std::fs::write(&file, config).expect("a file can be written");
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.arg("-n").arg("-f").arg(&file).arg("-i").arg(dir.join("rsyslog.pid"));
        let process = Process::spawn("rsyslogd", &mut command);
        let rsyslog = Rsyslog { process, port };
        eventually(SOON, "rsyslog listens", async || {
            TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|error| error.to_string())
        })
        .await;
        rsyslog
    }

    /// Gives it lines as another syslog would: RFC 5424, one a line.
    pub fn send(&self, lines: impl Iterator<Item = String>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("rsyslog listens");
        let text: String = lines.map(|line| line + "\n").collect();
        stream.write_all(text.as_bytes()).expect("rsyslog reads");
    }

    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }
}
