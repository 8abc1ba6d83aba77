//! Connections over loopback sockets. Nothing is measured: a test waits for what has to happen.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(600);

/// More than the buffers of two sockets hold.
const LARGE: usize = 16 << 20;

struct World {
    address: SocketAddr,
    metrics: ListenerMetrics,
    /// A request for `/slow` has come, and may be answered.
    came: Arc<Notify>,
    may_end: Arc<Notify>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl World {
    async fn with(connections_max: usize, idle_timeout: Duration) -> World {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (came, may_end, stop) =
            (Arc::new(Notify::new()), Arc::new(Notify::new()), CancellationToken::new());
        let slow = {
            let (came, may_end) = (came.clone(), may_end.clone());
            move || {
                let (came, may_end) = (came.clone(), may_end.clone());
                async move {
                    came.notify_one();
                    may_end.notified().await;
                    "at last"
                }
            }
        };
        let endless = || async {
            let part = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 1 << 16]));
            Body::from_stream(futures::stream::repeat_with(part))
        };
        let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let router = Router::new()
            .route("/peer", get(peer))
            .route("/large", get(|| async { "x".repeat(LARGE) }))
            .route("/endless", get(endless))
            .route("/slow", get(slow));
        let limits = ConnectionLimits { connections_max, idle_timeout };
        let metrics = ConnectionMetrics::default().of("http");
        let served = serve("HTTP", listener, router, Protocol::Http, limits, metrics.clone(), stop.clone());
        World { address, metrics, came, may_end, stop, served: tokio::spawn(served) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection that has sent a request for `path`.
    async fn ask(&self, path: &str) -> TcpStream {
        let mut socket = self.connect().await;
        say(&mut socket, path).await;
        socket
    }
}

async fn say(socket: &mut TcpStream, path: &str) {
    socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
}

/// What comes until the other side closes; a reset is an end too.
async fn hear_all(socket: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let _ended = socket.read_to_end(&mut heard).await;
    String::from_utf8(heard).unwrap()
}

/// What comes until `end`.
async fn hear(socket: &mut TcpStream, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        heard.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(heard).unwrap()
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_keeps_us_waiting_makes_room() {
    let world = World::with(1, SHORT).await;
    for silent in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /peer HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let mut socket = world.connect().await;
        socket.write_all(silent.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        let _ended = socket.read_to_end(&mut heard).await;
        assert!(!heard.starts_with(b"HTTP/1"), "{silent:?}");
    }
    // Answered, and then idle for too long.
    let answer = hear_all(&mut world.ask("/peer").await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("127.0.0.1"), "{answer}");
    // Takes nothing of its answer.
    let deaf = world.ask("/endless").await;
    let (idle, open) = (world.metrics.idle.get(), &world.metrics.open);
    until(|| world.metrics.idle.get() > idle && open.get() == 0).await;
    drop(deaf);
}

#[tokio::test]
async fn an_answer_takes_as_long_as_it_takes() {
    let world = World::with(2, SHORT).await;
    let mut waiting = world.ask("/slow").await;
    world.came.notified().await;
    // Came later, and is closed for its silence.
    assert_eq!(hear_all(&mut world.connect().await).await, "");
    world.may_end.notify_one();
    assert!(hear_all(&mut waiting).await.ends_with("at last"));
}

#[tokio::test]
async fn who_is_idle_for_longest_gives_way() {
    let world = World::with(2, LONG).await;
    let mut first = world.ask("/peer").await;
    hear(&mut first, "127.0.0.1").await;
    let mut second = world.ask("/peer").await;
    hear(&mut second, "127.0.0.1").await;
    let mut third = world.ask("/slow").await;
    world.came.notified().await;
    assert_eq!(hear_all(&mut first).await, "", "its place was needed");
    assert_eq!(world.metrics.evicted.get(), 1);
    say(&mut second, "/peer").await;
    hear(&mut second, "127.0.0.1").await;
    world.may_end.notify_one();
    hear(&mut third, "at last").await;
    assert_eq!((world.metrics.accepted.get(), world.metrics.refused.get()), (3, 0));
}

#[tokio::test]
async fn when_all_are_in_use_one_is_refused_by_name() {
    let world = World::with(1, LONG).await;
    let mut busy = world.ask("/slow").await;
    world.came.notified().await;
    let mut refused = world.ask("/peer").await;
    let answer = hear(&mut refused, "}").await;
    refused.shutdown().await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("web.connections_max"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(answer.contains(&format!("content-length: {}\r\n", body.len())), "{answer}");
    assert_eq!((world.metrics.refused.get(), world.metrics.open.get()), (1, 1));
    world.may_end.notify_one();
    hear(&mut busy, "at last").await;
    // Idle now.
    hear(&mut world.ask("/peer").await, "127.0.0.1").await;
}

#[tokio::test]
async fn who_shuts_down_its_half_gets_its_answers() {
    let world = World::with(2, LONG).await;
    let mut socket = world.ask("/slow").await;
    say(&mut socket, "/peer").await;
    socket.shutdown().await.unwrap();
    world.came.notified().await;
    // The end of what it says is there before the answer is.
    let mut other = world.ask("/peer").await;
    hear(&mut other, "127.0.0.1").await;
    world.may_end.notify_one();
    let answers = hear_all(&mut socket).await;
    assert!(answers.contains("at last") && answers.ends_with("127.0.0.1"), "{answers}");

    let mut socket = world.ask("/large").await;
    socket.shutdown().await.unwrap();
    let answer = hear_all(&mut socket).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), LARGE, "to the end");
    until(|| world.metrics.open.get() == 1).await;
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_waits_for_the_others() {
    let world = World::with(10, LONG).await;
    let mut idle = world.ask("/peer").await;
    hear(&mut idle, "127.0.0.1").await;
    let mut half_said = world.connect().await;
    half_said.write_all(b"GET /peer HT").await.unwrap();
    let mut busy = world.ask("/slow").await;
    world.came.notified().await;
    world.stop.cancel();
    assert_eq!(hear_all(&mut idle).await, "");
    assert_eq!(hear_all(&mut half_said).await, "");
    world.may_end.notify_one();
    assert!(hear_all(&mut busy).await.ends_with("at last"));
    world.served.await.unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}
