// Logs and a counter by the OpenTelemetry SDK for JavaScript: logs as protobuf, metrics as JSON.
//
//     node otel_sender.js HTTP_URL TOKEN COUNT
//
// Fails when an export was not taken.

import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";

const [url, token, countText] = process.argv.slice(2);
const count = Number(countText);
const headers = { authorization: `Bearer ${token}` };
const resource = resourceFromAttributes({
  "service.name": "otel-js",
  "service.instance.id": "one",
  "host.name": "web-7",
});

/** Calls `failed` for every export that was not taken: the SDK itself only logs those. */
function strict(exporter, failed) {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      if (result.code !== 0) failed(result.error ?? new Error("not exported"));
      done(result);
    });
  return exporter;
}

const failures = [];
const failed = (error) => failures.push(String(error));

const logs = new OTLPLogExporter({ url: `${url}/v1/logs`, headers, compression: "gzip" });
const processor = new BatchLogRecordProcessor({ exporter: strict(logs, failed) });
const loggerProvider = new LoggerProvider({ resource, processors: [processor] });
const logger = loggerProvider.getLogger("acceptance");
for (let number = 0; number < count; number += 1) {
  logger.emit({
    severityNumber: SeverityNumber.WARN,
    severityText: "WARN",
    body: `player ${number} left the queue`,
    attributes: { queue: "ranked", party: [number, "solo"] },
  });
}
await loggerProvider.forceFlush();
await loggerProvider.shutdown();

const metrics = new OTLPMetricExporter({ url: `${url}/v1/metrics`, headers });
const reader = new PeriodicExportingMetricReader({
  exporter: strict(metrics, failed),
  exportIntervalMillis: 3_600_000,
});
const meterProvider = new MeterProvider({ resource, readers: [reader] });
const meter = meterProvider.getMeter("acceptance");
meter.createCounter("matches", { unit: "1" }).add(count, { mode: "ranked" });
const wait = meter.createHistogram("queue_wait", { unit: "s" });
for (let number = 0; number < count; number += 1) wait.record(number / 10);
await meterProvider.forceFlush();
await meterProvider.shutdown();

if (failures.length > 0) throw new Error(failures.join("; "));
console.log(JSON.stringify({ sent: count }));
