"""A service that uses X-Ray's own SDK for Python by hand, and ends its segment after it has
answered. `sdk_by_hand.py PORT`."""

import sqlite3
import sys
from http.server import BaseHTTPRequestHandler
from http.server import HTTPServer

from aws_xray_sdk.core import patch
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.models.trace_header import TraceHeader

patch(["sqlite3"])


class Handler(BaseHTTPRequestHandler):
    """One segment a request, with one query in it."""

    def do_GET(self):
        """Answers first."""
        header = TraceHeader.from_header_str(self.headers["X-Amzn-Trace-Id"])
        xray_recorder.begin_segment(
            "by-hand", traceid=header.root, parent_id=header.parent, sampling=header.sampled
        )
        sqlite3.connect(":memory:").execute("SELECT 1").fetchall()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()
        xray_recorder.end_segment()

    def log_message(self, *_):
        """Says nothing."""


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
