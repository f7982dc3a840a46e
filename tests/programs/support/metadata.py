"""The metadata services of EC2 (version 2: no answer without a token) and of ECS, on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer

TOKEN = "AQAAAFakeToken=="
DOCUMENT = {
    "instanceId": "i-0123456789abcdef0",
    "availabilityZone": "eu-west-1b",
    "instanceType": "m7g.large",
    "imageId": "ami-0123456789abcdef0",
    "accountId": "123456789012",
    "region": "eu-west-1",
    "kernelId": None,
}
ARN = "arn:aws:ecs:eu-west-1:123456789012:container/shop/0206b271b33f47ab86c6/a1"
CONTAINER = {
    "DockerId": "cd189a933e5849daa93386466019ab50-2495160603",
    "Name": "sideray",
    "ContainerARN": ARN,
    "LogDriver": "awslogs",
    "LogOptions": {"awslogs-group": "/ecs/shop", "awslogs-region": "eu-west-1"},
}


class Metadata:
    """Both of them on a port of the kernel's choice."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.variables = {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url,
            "AWS_EC2_METADATA_DISABLED": "false",
            "ECS_CONTAINER_METADATA_URI_V4": f"{self.url}/v4/cd189a933e58",
        }
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self):
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        """Hands out the token."""
        known = self.path == "/latest/api/token"
        self._answer(
            TOKEN if known and self.headers["x-aws-ec2-metadata-token-ttl-seconds"] else None
        )

    def do_GET(self):
        """Says what machine it is."""
        has_token = self.headers["x-aws-ec2-metadata-token"] == TOKEN
        if self.path == "/latest/dynamic/instance-identity/document" and has_token:
            return self._answer(json.dumps(DOCUMENT))
        return self._answer(json.dumps(CONTAINER) if self.path.startswith("/v4/") else None)

    def _answer(self, text):
        body = (text or "").encode()
        self.send_response(401 if text is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""
