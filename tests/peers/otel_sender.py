"""Logs and metrics by the OpenTelemetry SDK, over OTLP/HTTP and OTLP/gRPC.

    otel_sender.py HTTP_URL GRPC_HOST_PORT TOKEN COUNT

Sends COUNT log lines and a counter of COUNT over each protocol, each as a service of its own
(`otel-http`, `otel-grpc`), and fails when an export was not taken.
"""

import json
import logging
import sys
import warnings

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

# The handler moves to a package of its own; the records it makes stay the same.
warnings.filterwarnings("ignore", category=DeprecationWarning)

http_url, grpc_address, token, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
bearer = {"authorization": f"Bearer {token}"}

exporters = {
    "otel-http": (
        HttpLogs(f"{http_url}/v1/logs", headers=bearer, compression=Compression.Gzip),
        HttpMetrics(f"{http_url}/v1/metrics", headers=bearer, compression=Compression.Gzip),
    ),
    "otel-grpc": (
        GrpcLogs(grpc_address, insecure=True, headers=bearer),
        GrpcMetrics(grpc_address, insecure=True, headers=bearer),
    ),
}

for service, (logs, metrics) in exporters.items():
    resource = Resource.create({"service.name": service, "service.instance.id": "one", "host.name": "game-7"})

    logger_provider = LoggerProvider(resource=resource)
    logger_provider.add_log_record_processor(BatchLogRecordProcessor(logs))
    logger = logging.Logger(service, level=logging.INFO)
    logger.addHandler(LoggingHandler(logger_provider=logger_provider))
    for number in range(count):
        logger.warning("player %d left the queue", number, extra={"queue": "ranked"})
    assert logger_provider.force_flush(), f"{service}: the logs were not exported"
    logger_provider.shutdown()

    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=3_600_000)
    meter_provider = MeterProvider(resource=resource, metric_readers=[reader])
    matches = meter_provider.get_meter("acceptance").create_counter("matches", unit="1")
    matches.add(count, {"mode": "ranked"})
    assert meter_provider.force_flush(), f"{service}: the metrics were not exported"
    meter_provider.shutdown()

print(json.dumps({"services": list(exporters), "count": count}))
