"""Asks the Prometheus API with prometheus-api-client.

    prometheus_client.py URL TOKEN START_SECS

Prints what it got as JSON.
"""

import datetime
import json
import sys

from prometheus_api_client import PrometheusConnect

url, token, start_secs = sys.argv[1:4]
start = datetime.datetime.fromtimestamp(float(start_secs), datetime.timezone.utc)
end = start + datetime.timedelta(seconds=60)
client = PrometheusConnect(url=url, headers={"Authorization": f"Bearer {token}"})
narrow = {"match[]": 'readers_numbers{region=~"eu-.*"}'}

series = client.get_series(start, end, params={"match[]": "readers_numbers"})
matrix = client.custom_query_range("readers_numbers", start, start + datetime.timedelta(seconds=3), "1s")
print(
    json.dumps(
        {
            "connected": client.check_prometheus_connection(),
            "metrics": "readers_numbers" in client.all_metrics(),
            "series": [one["region"] for one in series],
            "names": client.get_label_names(params=narrow),
            "values": client.get_label_values("region", params=narrow),
            "nothing": client.get_label_values("region", params={"match[]": "readers_numbers", "end": "1"}),
            "range": [value for _, value in matrix[0]["values"]],
            "instant": client.custom_query(
                "sum(readers_numbers)", params={"time": (start + datetime.timedelta(seconds=3)).timestamp()}
            )[0]["value"][1],
            "metadata": [one["metric_name"] for one in client.get_metric_metadata("readers_numbers")],
        }
    )
)
