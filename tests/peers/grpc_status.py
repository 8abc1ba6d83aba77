"""Sends OTLP/gRPC requests that cannot be taken and prints their status codes.

    grpc_status.py HOST:PORT SENDER_TOKEN VIEWER_TOKEN
"""

import json
import sys

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

address, sender, viewer = sys.argv[1:4]
METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def bearer(token):
    return [("authorization", f"Bearer {token}")] if token else []


with grpc.insecure_channel(address) as channel:
    logs = LogsServiceStub(channel)
    raw = channel.unary_unary(METHOD, request_serializer=bytes, response_deserializer=bytes)
    empty = ExportLogsServiceRequest()
    calls = {
        "empty": lambda: logs.Export(empty, metadata=bearer(sender), timeout=10),
        "nobody": lambda: logs.Export(empty, metadata=bearer(None), timeout=10),
        "wrong_token": lambda: logs.Export(empty, metadata=bearer("ek_wrong"), timeout=10),
        "viewer": lambda: logs.Export(empty, metadata=bearer(viewer), timeout=10),
        "garbage": lambda: raw(b"\xff" * 64, metadata=bearer(sender), timeout=10),
    }
    codes = {}
    for name, call in calls.items():
        try:
            call()
            codes[name] = "OK"
        except grpc.RpcError as error:
            codes[name] = error.code().name

print(json.dumps(codes))
