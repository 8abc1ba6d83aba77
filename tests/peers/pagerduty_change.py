"""Change events by PagerDuty's own Python client.

    pagerduty_change.py BASE_URL ROUTING_KEY

Sends a change and a deploy, then a change with a key that nobody has, and prints what became of it.
"""

import json
import sys

import httpx2
import pagerduty

base_url, routing_key = sys.argv[1], sys.argv[2]
# The client's own time stamp does not work in this version: every change brings one.
AT = "2026-11-23T02:00:00.315+0000"


class BehindProxy(httpx2.HTTPTransport):
    """The client insists on https; what ends the TLS in front of a server is left out here."""

    def handle_request(self, request):
        request.url = request.url.copy_with(scheme="http")
        return super().handle_request(request)


def client_with(key):
    secure_url = base_url.replace("http://", "https://", 1)
    return pagerduty.EventsApiV2Client(key, base_url=secure_url, transport=BehindProxy())


client = client_with(routing_key)
link = {"href": "https://ci.example.com/2", "text": "The build"}
for _ in range(2):
    # The second one is a retry of the first.
    client.submit("Timeout raised to 30 s", source="ci", custom_details={"build": "2"}, links=[link], timestamp=AT)
client.submit("Checkout 3.1.0 is out", custom_details={"version": "3.1.0", "env": "prod"}, timestamp=AT)

try:
    client_with("0" * 32).submit("Not mine", timestamp=AT)
    refused = None
except pagerduty.HttpError as error:
    refused = {"code": error.response.status_code, "body": error.response.json()}
print(json.dumps({"refused": refused}))
