//! OTLP over gRPC: the decoders of OTLP/HTTP behind tonic.
//!
//! Messages reach them as bytes, so that each is decoded once, after it was admitted, and where it keeps
//! nobody waiting. Backpressure is `UNAVAILABLE` with `RetryInfo`, bad data `INVALID_ARGUMENT`, a limit
//! `RESOURCE_EXHAUSTED` without `RetryInfo` (not to be repeated). Who may send is asked of an
//! [`Authorizer`] before a message is read.

mod admission;

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use prost::Message;
use telemetry::Limit;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, Routes};
use tonic::{Code as GrpcCode, Request, Response, Status};

use admission::{Admission, ChargedBody};

use crate::otlp::status::{Code, RpcStatus};
use crate::otlp::{ExportResponse, OtlpLogs, OtlpMetrics, OtlpTraces, PartialSuccess};
use crate::{Dialect, Ingest, IngestError, Receipt};

/// Says who a sender is. Answers at once and without waiting: it stands before every message.
pub trait Authorizer: Send + Sync + 'static {
    /// The name of the token in the metadata `authorization`, if it may ingest.
    fn authorize(&self, authorization: Option<&str>) -> Result<String, Denied>;
}

/// Why a sender may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No token, or one that is not known.
    Unauthenticated,
    /// A known token without the role `ingest`.
    Forbidden,
}

/// The three OTLP services, for a tonic server. The server bounds its connections and streams;
/// messages, requests in flight and their time are bounded here. `request_timeout` is that of
/// `web.request_timeout`: from a request's head to its answer.
pub fn routes(ingest: Ingest, authorizer: Arc<dyn Authorizer>, request_timeout: Duration) -> Routes {
    let authenticate = Authenticate { authorizer };
    let metrics = ExportService::<Metrics> { ingest: ingest.clone(), request_timeout, signal: PhantomData };
    let logs = ExportService::<Logs> { ingest: ingest.clone(), request_timeout, signal: PhantomData };
    let traces = ExportService::<Traces> { ingest, request_timeout, signal: PhantomData };
    Routes::new(InterceptedService::new(metrics, authenticate.clone()))
        .add_service(InterceptedService::new(logs, authenticate.clone()))
        .add_service(InterceptedService::new(traces, authenticate))
}

/// What is exported: the three services differ in nothing else.
trait Signal: Clone + Send + Sync + 'static {
    const SERVICE: &'static str;
    /// As in metrics and in `ingest_rejections.source`.
    const SOURCE: &'static str;
    const DIALECT: &'static dyn Dialect;
}

#[derive(Clone)]
struct Metrics;

impl Signal for Metrics {
    const SERVICE: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
    const SOURCE: &'static str = "otlp_grpc_metrics";
    const DIALECT: &'static dyn Dialect = &OtlpMetrics;
}

#[derive(Clone)]
struct Logs;

impl Signal for Logs {
    const SERVICE: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
    const SOURCE: &'static str = "otlp_grpc_logs";
    const DIALECT: &'static dyn Dialect = &OtlpLogs;
}

#[derive(Clone)]
struct Traces;

impl Signal for Traces {
    const SERVICE: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
    const SOURCE: &'static str = "otlp_grpc_traces";
    const DIALECT: &'static dyn Dialect = &OtlpTraces;
}

#[derive(Clone)]
struct Authenticate {
    authorizer: Arc<dyn Authorizer>,
}

/// The token's name, from the interceptor to the service.
#[derive(Clone)]
struct Token(String);

impl Interceptor for Authenticate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let authorization = request.metadata().get("authorization").map(|value| value.to_str());
        // A header that is not text holds no token that we gave out.
        let authorization = authorization.transpose().unwrap_or(None);
        match self.authorizer.authorize(authorization) {
            Ok(name) => {
                request.extensions_mut().insert(Token(name));
                Ok(request)
            }
            Err(Denied::Unauthenticated) => {
                Err(Status::unauthenticated("a token is needed: metadata `authorization: Bearer TOKEN`"))
            }
            Err(Denied::Forbidden) => Err(Status::permission_denied("this token may not ingest")),
        }
    }
}

/// A service with the one method `Export`.
#[derive(Clone)]
struct ExportService<S> {
    ingest: Ingest,
    request_timeout: Duration,
    signal: PhantomData<S>,
}

impl<S: Signal> NamedService for ExportService<S> {
    const NAME: &'static str = S::SERVICE;
}

impl<S: Signal> Service<http::Request<Body>> for ExportService<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        async move {
            if request.uri().path().rsplit('/').next() != Some("Export") {
                let status = Status::unimplemented(format!("{} has the method Export alone", S::SERVICE));
                return Ok(status.into_http());
            }
            let limit = usize::try_from(service.ingest.limits().decompressed_bytes_max).unwrap_or(usize::MAX);
            let mut grpc = Grpc::new(ExportCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(limit);
            let token = request.extensions().get().map_or("", |Token(name)| name);
            let admission = match service.ingest.admit(S::SOURCE, token) {
                Ok(ticket) => Admission::new(ticket),
                Err(error) => return Ok(status(&error).into_http()),
            };
            request.extensions_mut().insert(admission.clone());
            let request = request.map(|body| Body::new(ChargedBody { body, admission }));
            let limits = service.ingest.limits();
            let late = IngestError::Overloaded {
                what: format!(
                    "the request was not complete within {}",
                    telemetry::time::format_duration(service.request_timeout)
                ),
                limit: Some(Limit::RequestTimeout),
                retry_after: limits.retry_after,
            };
            let answer = grpc.unary(service.clone(), request);
            let answered = tokio::time::timeout(service.request_timeout, answer).await;
            Ok(answered.unwrap_or_else(|_| status(&late).into_http()))
        }
        .boxed()
    }
}

impl<S: Signal> UnaryService<Bytes> for ExportService<S> {
    type Response = ExportResponse;
    type Future = BoxFuture<'static, Result<Response<ExportResponse>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let ingest = self.ingest.clone();
        async move {
            let Token(token) =
                request.extensions().get().cloned().ok_or_else(|| Status::unauthenticated("no token"))?;
            let ticket = request.extensions().get::<Admission>().and_then(Admission::take_ticket);
            let ticket = ticket.ok_or_else(|| Status::internal("the request was not admitted"))?;
            let message = request.into_inner();
            let outcome = ingest.receive_message(S::DIALECT, S::SOURCE, &token, message, ticket).await;
            let receipt: Receipt = outcome.map_err(|error| status(&error))?;
            Ok(Response::new(ExportResponse { partial_success: PartialSuccess::of(&receipt) }))
        }
        .boxed()
    }
}

/// Requests stay bytes.
#[derive(Clone, Copy)]
struct ExportCodec;

impl Codec for ExportCodec {
    type Encode = ExportResponse;
    type Decode = Bytes;
    type Encoder = ExportCodec;
    type Decoder = ExportCodec;

    fn encoder(&mut self) -> ExportCodec {
        *self
    }

    fn decoder(&mut self) -> ExportCodec {
        *self
    }
}

impl Decoder for ExportCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

impl Encoder for ExportCodec {
    type Item = ExportResponse;
    type Error = Status;

    fn encode(&mut self, response: ExportResponse, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        response.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

fn status(error: &IngestError) -> Status {
    let code = Code::of(error);
    let message = error.to_string();
    let grpc_code = match code {
        Code::InvalidArgument => GrpcCode::InvalidArgument,
        Code::ResourceExhausted => GrpcCode::ResourceExhausted,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::Unauthenticated => GrpcCode::Unauthenticated,
        Code::PermissionDenied => GrpcCode::PermissionDenied,
        Code::NotFound => GrpcCode::NotFound,
        Code::Unimplemented => GrpcCode::Unimplemented,
        Code::Internal => GrpcCode::Internal,
    };
    match error.retry_after() {
        None => Status::new(grpc_code, message),
        Some(wait) => {
            let details = RpcStatus::new(code, message.clone()).with_retry(wait).encode_to_vec();
            Status::with_details(grpc_code, message, details.into())
        }
    }
}

#[cfg(test)]
mod tests;
