//! Mails as a mail server gets them. The server is a few lines of SMTP over a real socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use telemetry::Labels;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::alert::{Alert, AlertState};
use crate::ids::{AlertId, IncidentId, PageId, PagePlace};
use crate::incident::{Incident, IncidentState, Severity};
use crate::page::{Page, PageState};
use crate::people::ChannelKind;

/// What the server says when a mail is complete.
#[derive(Clone, Copy)]
enum Answer {
    Text(&'static str),
    /// Takes the mail and hangs up.
    HangUp,
}

/// Starts a mail server; it gives its answers one after the other.
async fn mail_server(answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let received = mails.clone();
    tokio::spawn(async move {
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(converse(socket, received.clone(), answers.clone()));
        }
    });
    (address, mails)
}

async fn converse(
    socket: tokio::net::TcpStream,
    mails: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<std::vec::IntoIter<Answer>>>,
) {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 test\r\n").await.unwrap();
    let (mut mail, mut in_data) = (String::new(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = if in_data && line == "." {
            in_data = false;
            mails.lock().push(std::mem::take(&mut mail));
            let answer = answers.lock().next().unwrap_or(Answer::Text("250 taken"));
            match answer {
                Answer::Text(text) => text,
                Answer::HangUp => return,
            }
        } else if in_data {
            mail.push_str(&line);
            mail.push('\n');
            continue;
        } else if line.starts_with("DATA") {
            in_data = true;
            "354 go on"
        } else if line.starts_with("QUIT") {
            "221 bye"
        } else {
            "250 fine"
        };
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn email(address: &str) -> Email {
    let config = SmtpConfig {
        address: address.to_owned(),
        from: "Evenkeel <pager@example.com>".into(),
        username: None,
        password_file: None,
        tls: SmtpTls::Off,
    };
    Email::new(&config).unwrap()
}

pub(crate) fn notice() -> Notice {
    let now = Timestamp::parse_rfc3339("2026-11-23T02:05:00Z").unwrap();
    let incident = IncidentId::from_number(7);
    let place = PagePlace { run: 1, round: 0, step: 1 };
    let labels = [("alertname", "Down"), ("service", "chat"), ("pod", "<script>alert(1)</script>")];
    Notice {
        page: Page {
            id: PageId::of(incident, place, "ann", 0),
            incident,
            alert: "Down".into(),
            recipient: "ann".into(),
            channel: ChannelKind::Email,
            address: "ann@example.com".into(),
            place,
            state: PageState::Sending,
            queued_at: now,
            due_at: now,
            sent_at: None,
            delivered_at: None,
            acknowledged_at: None,
            attempts: 1,
            may_repeat: false,
            error: None,
        },
        incident: Incident {
            id: incident,
            title: "Chat is down\r\nBcc: everyone@example.com".into(),
            service: Some("chat".into()),
            severity: Severity::Sev2,
            state: IncidentState::Triage,
            group_key: String::new(),
            started_at: now,
            detected_at: now,
            acknowledged_at: None,
            acknowledged_by: None,
            mitigated_at: None,
            restored_at: None,
            resolved_at: None,
            closed_at: None,
            commander: None,
        },
        alerts: vec![Alert {
            id: AlertId::from_stored("a1"),
            source: "rule:f/g/Down".into(),
            labels: Labels::new(labels).unwrap(),
            annotations: BTreeMap::from([("description".to_owned(), "{{ 7 * 7 }} & more".to_owned())]),
            state: AlertState::Firing,
            active_at: now,
            started_at: now,
            fired_at: Some(now),
            keep_firing_since: None,
            resolved_at: None,
            value: f64::NAN,
            incident: Some(incident),
            unseen_since: None,
            told_at: None,
            explains: Some("up == 0 for 2m".into()),
        }],
        recipient_name: "Ann Alonso".into(),
        zone: jiff::tz::TimeZone::get("Europe/Madrid").unwrap(),
        acknowledge_url: "https://pager.example.com/p/token".into(),
        incident_url: "https://pager.example.com/incidents/INC-7".into(),
        host: "pager.example.com".into(),
        secret_file: None,
        now,
    }
}

fn unfolded(mail: &str) -> String {
    mail.replace("=\n", "").replace("=3D", "=").replace("\n ", " ")
}

#[tokio::test]
async fn a_mail_arrives_with_its_id_its_thread_and_the_link_in_both_parts() {
    let (address, mails) = mail_server(vec![]).await;
    email(&address).send(&notice()).await.unwrap();
    let mail = unfolded(&mails.lock()[0]);
    let id = &notice().page.id;
    for wanted in [
        format!("Message-ID: <{id}@pager.example.com>"),
        "References: <inc-7@pager.example.com>".to_owned(),
        "Subject: [SEV2] INC-7 Chat is down Bcc: everyone@example.com".to_owned(),
        "To: \"Ann Alonso\" <ann@example.com>".to_owned(),
        "Date: Mon, 23 Nov 2026 02:05:00".to_owned(),
        "Auto-Submitted: auto-generated".to_owned(),
        "Content-Type: multipart/alternative".to_owned(),
        "Acknowledge: https://pager.example.com/p/token".to_owned(),
        "<a href=\"https://pager.example.com/p/token\"".to_owned(),
        "2026-11-23 03:05:00 CET".to_owned(),
        "Why: up == 0 for 2m (value NaN)".to_owned(),
    ] {
        assert!(mail.contains(&wanted), "{wanted:?} is missing in:\n{mail}");
    }
}

#[test]
fn values_are_written_for_people() {
    let mut burn = notice();
    burn.alerts[0].source = "slo:chat".into();
    burn.alerts[0].value = 14.437_499_999;
    burn.alerts[0].explains = Some("budget burns".into());
    for text in [template::text(&burn).unwrap(), template::html(&burn).unwrap()] {
        assert!(text.contains("(burn rate 14.4x)"), "{text}");
    }
    burn.alerts[0].source = "rule:f/g/Down".into();
    burn.alerts[0].value = 4.440892098500626e-17;
    let text = template::text(&burn).unwrap();
    assert!(text.contains("Why: budget burns (value 0)"), "{text}");
}

#[test]
fn strangers_words_stay_words() {
    let html = template::html(&notice()).unwrap();
    assert!(!html.contains("<script>"), "{html}");
    assert!(html.contains("&lt;script&gt;"));
    assert!(html.contains("{{ 7 * 7 }} &amp; more"), "an annotation is no template: {html}");
    let text = template::text(&notice()).unwrap();
    assert!(text.contains("pod = <script>alert(1)</script>"), "{text}");
    assert!(!text.contains("may have got it before"));
    let mut repeated = notice();
    repeated.page.may_repeat = true;
    assert!(template::text(&repeated).unwrap().contains("may have got it before"));
    let headers =
        String::from_utf8(compose(&notice(), &"p@example.com".parse().unwrap()).unwrap().formatted());
    assert!(!headers.unwrap().split("\r\n\r\n").next().unwrap().contains("\r\nBcc:"));
}

#[tokio::test]
async fn answers_of_the_server_are_told_apart() {
    let answers = vec![Answer::Text("451 later"), Answer::Text("550 no such mailbox"), Answer::HangUp];
    let (address, mails) = mail_server(answers).await;
    let email = email(&address);
    let mut ends = Vec::new();
    for _ in 0..4 {
        ends.push(match email.send(&notice()).await {
            Ok(()) => "sent",
            Err(SendError::Permanent(_)) => "permanent",
            Err(SendError::Temporary(_)) => "temporary",
            Err(SendError::Ambiguous(_)) => "ambiguous",
        });
    }
    assert_eq!(ends, ["temporary", "permanent", "ambiguous", "sent"]);
    let ids: Vec<String> = mails
        .lock()
        .iter()
        .filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned))
        .collect();
    assert!(ids.len() == 4 && ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_took_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = email(&address).send(&notice()).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error:?}");
}

#[test]
fn settings_are_checked() {
    let config = |address: &str, from: &str| SmtpConfig {
        address: address.into(),
        from: from.into(),
        username: None,
        password_file: None,
        tls: SmtpTls::Required,
    };
    let reason = |config: SmtpConfig| Email::new(&config).err().map(|error| error.to_string());
    assert_eq!(
        reason(config("mail.example.com", "a@b.c")).unwrap(),
        "setting smtp.address: \"mail.example.com\" is not host:port"
    );
    assert_eq!(
        reason(config("mail.example.com:25", "nobody")).unwrap(),
        "setting smtp.from: \"nobody\" is not a sender such as Evenkeel <pager@example.com>"
    );
    let missing = SmtpConfig {
        username: Some("u".into()),
        password_file: Some("does/not/exist".into()),
        ..config("mail.example.com:25", "a@b.c")
    };
    assert!(reason(missing).unwrap().starts_with("setting smtp.password_file: does/not/exist: "));
}
