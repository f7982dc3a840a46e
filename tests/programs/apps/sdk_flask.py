"""A shop that X-Ray's own SDK for Python instruments: its middleware for Flask, SQLite patched."""

import sqlite3

from aws_xray_sdk.core import patch
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.ext.flask.middleware import XRayMiddleware
from flask import Flask

patch(["sqlite3"])
xray_recorder.configure(service="shop-inside")
app = Flask(__name__)
XRayMiddleware(app, xray_recorder)


@app.get("/orders/<int:number>")
def order(number):
    """Asks the database once, and tells X-Ray of it."""
    segment = xray_recorder.current_segment()
    segment.put_annotation("order", number)
    segment.set_user("bob")
    return {"twice": sqlite3.connect(":memory:").execute("SELECT ? * 2", (number,)).fetchone()[0]}


@app.get("/rule")
def rule():
    """The rule by which the SDK would decide for a request of its own, no header being there."""
    decided = xray_recorder.sampler.should_trace({"host": "h", "method": "GET", "path": "/x"})
    return {"decided": decided}
