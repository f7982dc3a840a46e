"""A service that calls another by `requests` and knows nothing of tracing.

`/plain/N` asks the other for `/stock/N` and drops every header it was sent; `/passing/N` does the
same and passes on the headers it does not know, as gateways and many frameworks do."""

import os

import requests
from flask import Flask
from flask import request

app = Flask(__name__)
BACK = os.environ["BACK"]
PASSED = ("x-amzn-trace-id", "x-request-id")


@app.get("/plain/<int:number>")
def plain(number):
    """Calls and forgets who asked."""
    return answer(requests.get(f"{BACK}/stock/{number}?from=front", timeout=10))


@app.get("/passing/<int:number>")
def passing(number):
    """Calls and says who asked."""
    headers = {name: request.headers[name] for name in PASSED if name in request.headers}
    return answer(requests.get(f"{BACK}/stock/{number}", headers=headers, timeout=10))


@app.get("/broken")
def broken():
    """Fails by an exception of its own."""
    raise RuntimeError("the shelf has fallen over")


def answer(reply):
    """The other's answer under our own status."""
    return {"stock": reply.json()["stock"]}, 200 if reply.ok else 502
