"""A shop on the standard library that tells its sidecar of its work by `SIDERAY_API`, in the few
lines that stand in `tell`."""

import json
import os
import sqlite3
import sys
import time
import traceback
import urllib.request
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer

API = os.environ.get("SIDERAY_API")
STOCK = os.environ["STOCK"]


def tell(method, path, body):
    """Tells the sidecar something, and gives what it answers."""
    request = urllib.request.Request(API + path, json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def stack(error):
    """Where an exception came from, the innermost frame first."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return [{"path": one.filename, "line": one.lineno, "label": one.name} for one in frames]


class Shop(BaseHTTPRequestHandler):
    """Takes orders."""

    def do_GET(self):
        """Looks an order up, asks for its items twice, and fails at what it cannot price."""
        trace = dict(p.split("=", 1) for p in self.headers["X-Amzn-Trace-Id"].split(";"))
        self.trace_id, self.segment = trace["Root"], trace["Parent"]
        tell("PUT", f"/v1/traces/{self.trace_id}/annotations", {"order_id": 17, "shop": "Zürich"})
        tell("PUT", f"/v1/traces/{self.trace_id}/user", "ann")
        self.query("SELECT name FROM orders WHERE id = ?", 17)
        self.gather(("apples", "pears"))
        try:
            price = {}["apples"]
        except KeyError as error:
            told = {"type": "KeyError", "message": str(error), "stack": stack(error)}
            tell("PUT", f"/v1/traces/{self.trace_id}/exceptions", told)
            price = 0
        answer = json.dumps({"price": price}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def query(self, text, *values):
        """A query in this process, which no proxy sees."""
        start = time.time()
        with sqlite3.connect(":memory:") as shop:
            shop.execute("CREATE TABLE orders (id, name)")
            shop.execute(text, values).fetchall()
        whole = {
            "trace_id": self.trace_id,
            "parent_id": self.segment,
            "name": "shop.db",
            "start_time": start,
            "end_time": time.time(),
            "sql": {"sanitized_query": text, "database_type": "sqlite"},
        }
        tell("POST", "/v1/subsegments", whole)

    def gather(self, items):
        """Calls that belong together."""
        group = {"trace_id": self.trace_id, "parent_id": self.segment, "name": "gather items"}
        begun = tell("POST", "/v1/subsegments", group)
        for item in items:
            headers = {"X-Amzn-Trace-Id": begun["trace_header"]}
            urllib.request.urlopen(urllib.request.Request(f"{STOCK}/{item}", headers=headers))
        tell("POST", "/v1/subsegments", {"id": begun["id"], "annotations": {"items": len(items)}})

    def log_message(self, *_):
        """Nobody reads it."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
