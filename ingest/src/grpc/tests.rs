//! A tonic client against the services on a loopback socket.

use std::time::Duration;

use futures::{StreamExt, stream};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::transport::{Channel, Server};

use super::*;
use crate::IngestLimits;
use crate::otlp::status::RetryInfo;
use crate::receiver::tests::{FakeSink, ingest_with};

struct OneToken;

impl Authorizer for OneToken {
    fn authorize(&self, authorization: Option<&str>) -> Result<String, Denied> {
        match authorization {
            Some("Bearer good") => Ok("sdk".to_owned()),
            Some("Bearer viewer") => Err(Denied::Forbidden),
            _ => Err(Denied::Unauthenticated),
        }
    }
}

async fn serve(limits: IngestLimits) -> (Channel, Arc<FakeSink>) {
    let (ingest, sink) = ingest_with(limits);
    (connect(ingest, Duration::from_secs(60)).await, sink)
}

async fn connect(ingest: Ingest, request_timeout: Duration) -> Channel {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = stream::unfold(listener, |listener| async {
        let connection = listener.accept().await.map(|(connection, _)| connection);
        Some((connection, listener))
    });
    let server = Server::builder().add_routes(routes(ingest, Arc::new(OneToken), request_timeout));
    tokio::spawn(server.serve_with_incoming(incoming));
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

fn with_token<T>(message: T, token: &'static str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    request
}

fn metrics() -> ExportMetricsServiceRequest {
    serde_json::from_str(include_str!("../../tests/data/otlp/metrics.json")).unwrap()
}

fn logs() -> ExportLogsServiceRequest {
    serde_json::from_str(include_str!("../../tests/data/otlp/logs.json")).unwrap()
}

#[tokio::test]
async fn all_three_services_answer() {
    let (channel, sink) = serve(IngestLimits::default()).await;
    let mut client = MetricsServiceClient::new(channel.clone()).send_compressed(CompressionEncoding::Gzip);
    let answer = client.export(with_token(metrics(), "Bearer good")).await.unwrap().into_inner();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_data_points, 1);
    assert!(partial.error_message.contains("scale -5"), "{}", partial.error_message);

    let mut client = LogsServiceClient::new(channel.clone());
    let answer = client.export(with_token(logs(), "Bearer good")).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);

    let spans = serde_json::from_str(include_str!("../../tests/data/otlp/traces.json")).unwrap();
    let mut client = TraceServiceClient::new(channel);
    let answer = client.export(with_token::<ExportTraceServiceRequest>(spans, "Bearer good")).await.unwrap();
    assert_eq!(answer.into_inner().partial_success.unwrap().rejected_spans, 2);

    let batches = sink.batches.lock();
    let sources: Vec<&str> = batches.iter().map(|(_, source, _)| source.as_str()).collect();
    assert_eq!(sources, ["otlp_grpc_metrics:sdk", "otlp_grpc_logs:sdk", "otlp_grpc_traces:sdk"]);
    assert_eq!(batches[1].0.log_count(), 4);
    assert_eq!(batches.iter().map(|(_, _, key)| key.is_some()).collect::<Vec<_>>(), [false, true, false]);
}

#[tokio::test]
async fn nothing_is_taken_without_the_right_token() {
    let (channel, sink) = serve(IngestLimits::default()).await;
    let mut client = LogsServiceClient::new(channel);
    let status = client.export(Request::new(logs())).await.unwrap_err();
    assert_eq!(status.code(), GrpcCode::Unauthenticated);
    let status = client.export(with_token(logs(), "Bearer viewer")).await.unwrap_err();
    assert_eq!(status.code(), GrpcCode::PermissionDenied);
    assert!(sink.batches.lock().is_empty());
}

#[tokio::test]
async fn backpressure_says_when_to_come_again() {
    let (channel, sink) = serve(IngestLimits::default()).await;
    let retry_after = Duration::from_millis(2_500);
    *sink.refuse_with.lock() =
        Some(IngestError::Overloaded { what: "the WAL is full".into(), limit: None, retry_after });
    let mut client = LogsServiceClient::new(channel);
    let status = client.export(with_token(logs(), "Bearer good")).await.unwrap_err();
    assert_eq!(status.code(), GrpcCode::Unavailable);
    let details = RpcStatus::decode(status.details()).unwrap();
    assert_eq!((details.code, details.message.as_str()), (14, status.message()));
    assert_eq!(details.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
    let delay = RetryInfo::decode(&details.details[0].value[..]).unwrap().retry_delay.unwrap();
    assert_eq!((delay.seconds, delay.nanos), (2, 500_000_000));
}

#[tokio::test]
async fn messages_over_the_limit_are_refused_even_when_packed() {
    let limits = IngestLimits { decompressed_bytes_max: 10_000, ..IngestLimits::default() };
    let (channel, sink) = serve(limits).await;
    let mut large = logs();
    large.resource_logs = vec![large.resource_logs[0].clone(); 1_000];
    let mut client = LogsServiceClient::new(channel).send_compressed(CompressionEncoding::Gzip);
    let status = client.export(with_token(large, "Bearer good")).await.unwrap_err();
    assert!(
        matches!(status.code(), GrpcCode::OutOfRange | GrpcCode::ResourceExhausted),
        "{:?} {}",
        status.code(),
        status.message()
    );
    assert!(sink.batches.lock().is_empty());
}

#[tokio::test]
async fn a_row_limit_is_not_to_be_retried() {
    let limits = IngestLimits { rows_per_request_max: 3, ..IngestLimits::default() };
    let (channel, _) = serve(limits).await;
    let mut client = LogsServiceClient::new(channel);
    let status = client.export(with_token(logs(), "Bearer good")).await.unwrap_err();
    assert_eq!(status.code(), GrpcCode::ResourceExhausted);
    assert!(status.message().contains("rows_per_request_max") && status.details().is_empty());
}

/// Sends bytes as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = ExportCodec;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> ExportCodec {
        ExportCodec
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put(buffer, message);
        Ok(())
    }
}

/// A request that does not end, with a message or without one.
async fn send_without_end(channel: Channel, message: Option<Bytes>) -> Status {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let request = with_token(stream::iter(message).chain(stream::pending()), "Bearer good");
    let path = http::uri::PathAndQuery::from_static(LOGS_EXPORT);
    client.client_streaming(request, path, Raw).await.map(|answer| answer.into_inner()).unwrap_err()
}

#[tokio::test]
async fn who_trickles_has_a_place_and_loses_it() {
    let limits = IngestLimits { requests_in_flight_max: 1, ..IngestLimits::default() };
    let (ingest, sink) = ingest_with(limits);
    let slow = connect(ingest.clone(), Duration::from_millis(50)).await;
    let status = send_without_end(slow, None).await;
    assert_eq!(status.code(), GrpcCode::Unavailable, "{status}");
    assert!(status.message().contains("web.request_timeout"), "{status}");
    assert!(!status.details().is_empty(), "when to come again");

    let patient = connect(ingest.clone(), Duration::from_secs(600)).await;
    let trickles = tokio::spawn(send_without_end(patient.clone(), None));
    while ingest.metrics().in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    let mut client = LogsServiceClient::new(patient);
    let status = client.export(with_token(logs(), "Bearer good")).await.unwrap_err();
    assert_eq!(status.code(), GrpcCode::Unavailable, "{status}");
    assert!(status.message().contains("requests_in_flight_max"), "{status}");
    // A sender that hangs up gives its place back.
    trickles.abort();
    while ingest.metrics().in_flight.get() > 0 {
        tokio::task::yield_now().await;
    }
    client.export(with_token(logs(), "Bearer good")).await.unwrap();
    assert_eq!(sink.batches.lock().len(), 1);
}

#[tokio::test]
async fn bytes_in_flight_count_while_they_arrive() {
    let limits = IngestLimits { bytes_in_flight_max: 1 << 10, ..IngestLimits::default() };
    let (channel, sink) = serve(limits).await;
    let status = send_without_end(channel, Some(Bytes::from(vec![0; 4 << 10]))).await;
    assert_eq!(status.code(), GrpcCode::Unavailable, "{status}");
    assert!(status.message().contains("bytes_in_flight_max"), "{status}");
    assert!(sink.batches.lock().is_empty());
}

const LOGS_EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// A message of any bytes, to any path.
async fn send_raw(channel: Channel, path: &'static str, message: &'static [u8]) -> Status {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let request = with_token(Bytes::from_static(message), "Bearer good");
    let path = http::uri::PathAndQuery::from_static(path);
    client.unary(request, path, Raw).await.map(|answer| answer.into_inner()).unwrap_err()
}

#[tokio::test]
async fn what_is_no_export_request_is_said_to_be_none() {
    let (channel, sink) = serve(IngestLimits::default()).await;
    let status = send_raw(channel.clone(), LOGS_EXPORT, b"\x7f\x7f").await;
    assert_eq!(status.code(), GrpcCode::InvalidArgument, "{}", status.message());
    assert!(status.message().contains("not an OTLP protobuf request"), "{}", status.message());
    let import = "/opentelemetry.proto.collector.logs.v1.LogsService/Import";
    assert_eq!(send_raw(channel, import, b"").await.code(), GrpcCode::Unimplemented);
    assert!(sink.batches.lock().is_empty());
}
