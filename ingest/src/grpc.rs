//! OTLP over gRPC: the same decoders as OTLP/HTTP behind tonic's generated services.
//!
//! Backpressure is `UNAVAILABLE` with `RetryInfo`, bad data `INVALID_ARGUMENT`, a limit
//! `RESOURCE_EXHAUSTED` without `RetryInfo` (not to be repeated). Who may send is asked of an
//! [`Authorizer`] before a message is read.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::service::interceptor::InterceptedService;
use tonic::service::{Interceptor, Routes};
use tonic::{Code as GrpcCode, Request, Response, Status};

use crate::otlp::status::{Code, RpcStatus};
use crate::retries::batch_key;
use crate::{Ingest, IngestError, Outcome, Receipt, otlp};

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
/// messages, and requests in flight, are bounded here.
pub fn routes(ingest: Ingest, authorizer: Arc<dyn Authorizer>) -> Routes {
    let limit = usize::try_from(ingest.limits().decompressed_bytes_max).unwrap_or(usize::MAX);
    let service = OtlpService { ingest };
    let authenticate = Authenticate { authorizer };
    let metrics = MetricsServiceServer::new(service.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let logs = LogsServiceServer::new(service.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    let traces = TraceServiceServer::new(service)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    Routes::new(InterceptedService::new(metrics, authenticate.clone()))
        .add_service(InterceptedService::new(logs, authenticate.clone()))
        .add_service(InterceptedService::new(traces, authenticate))
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

#[derive(Clone)]
struct OtlpService {
    ingest: Ingest,
}

fn token_of<T>(request: &Request<T>) -> Result<String, Status> {
    let token = request.extensions().get::<Token>();
    token.map(|token| token.0.clone()).ok_or_else(|| Status::unauthenticated("no token"))
}

#[tonic::async_trait]
impl MetricsService for OtlpService {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let token = token_of(&request)?;
        let request = request.into_inner();
        let bytes = request.encoded_len() as u64;
        let decode = |context: &crate::Context<'_>| otlp::metrics::decode(request, context);
        let outcome = self.ingest.receive_decoded("otlp_grpc_metrics", &token, bytes, |_| None, decode).await;
        let partial_success = partial(outcome)?.map(|(rejected_data_points, error_message)| {
            ExportMetricsPartialSuccess { rejected_data_points, error_message }
        });
        Ok(Response::new(ExportMetricsServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl LogsService for OtlpService {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let token = token_of(&request)?;
        let request = request.into_inner();
        // Encoded again, for the bytes are gone: the same request gives the same bytes.
        let encoded = request.encode_to_vec();
        let bytes = encoded.len() as u64;
        let retry = |source: &str| Some(batch_key(source, "", &encoded));
        drop(request);
        let decode = |context: &crate::Context<'_>| otlp::logs::decode(&encoded, context);
        let outcome = self.ingest.receive_decoded("otlp_grpc_logs", &token, bytes, retry, decode).await;
        let partial_success = partial(outcome)?.map(|(rejected_log_records, error_message)| {
            ExportLogsPartialSuccess { rejected_log_records, error_message }
        });
        Ok(Response::new(ExportLogsServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl TraceService for OtlpService {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let token = token_of(&request)?;
        let request = request.into_inner();
        let bytes = request.encoded_len() as u64;
        let decode = |_: &crate::Context<'_>| Ok(otlp::decode_traces(&request));
        let outcome = self.ingest.receive_decoded("otlp_grpc_traces", &token, bytes, |_| None, decode).await;
        let partial_success = partial(outcome)?.map(|(rejected_spans, error_message)| {
            ExportTracePartialSuccess { rejected_spans, error_message }
        });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

/// Rejected rows and the complaint, if there is one.
fn partial(outcome: Outcome) -> Result<Option<(i64, String)>, Status> {
    let receipt: Receipt = outcome.map_err(|error| status(&error))?;
    let rejected = i64::try_from(receipt.rejected_rows()).unwrap_or(i64::MAX);
    Ok(receipt.complaint().map(|complaint| (rejected, complaint)))
}

fn status(error: &IngestError) -> Status {
    let code = Code::of(error);
    let message = error.to_string();
    let grpc_code = match code {
        Code::InvalidArgument => GrpcCode::InvalidArgument,
        Code::ResourceExhausted => GrpcCode::ResourceExhausted,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::Unauthenticated => GrpcCode::Unauthenticated,
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
