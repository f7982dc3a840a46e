"""The services: unmodified programs, each on its usual server with its usual client and pool."""

import shutil
from pathlib import Path
from typing import NamedTuple

from support.programs import HERE
from support.programs import PYTHON
from support.programs import run
from support.programs import tool

FOLDER = Path(__file__).resolve().parent / "services"
TOOLS = HERE.parent / ".tools"


class Missing(Exception):
    """A service that cannot run here; its text says why."""


class Service(NamedTuple):
    """How to start a service: `command(port, egress)`, the runtime whose carrier it takes, and how
    it serves and calls: `process` one request a process, `thread` one request a thread, `loop` on
    an event loop, `nio` on threads that leave their calls to a loop."""

    name: str
    runtime: str
    serves: str
    command: callable


def python(file):
    """A Python program that takes its port."""
    return lambda port, egress: [PYTHON, FOLDER / file, port]


def gunicorn(*words):
    """The Flask app under gunicorn."""
    options = ["--chdir", FOLDER, "--log-level", "error", "--backlog", "512", *words]
    return lambda port, egress: [
        tool("gunicorn"), "-b", f"127.0.0.1:{port}", *options, "flask_app:app"
    ]  # fmt: skip


def uvicorn(port, egress):
    """The FastAPI app under uvicorn."""
    options = ["--host", "127.0.0.1", "--port", port, "--log-level", "error"]
    return [PYTHON, "-m", "uvicorn", "--app-dir", FOLDER, *options, "fastapi_app:app"]


def node(way):
    """The service on Node.js, calling that way."""

    def command(port, egress):
        needs("node")
        if way == "fetch" and not (HERE / "node" / "node_modules" / "undici").exists():
            raise Missing("the undici package is not installed: run tests/setup")
        return ["node", FOLDER / "node_app.mjs", port, way]

    return command


def java(way):
    """The service on the JDK, calling that way; the system properties are Java's HTTP_PROXY."""

    def command(port, egress):
        needs("javac")
        host, proxy_port = egress.removeprefix("http://").split(":")
        options = [f"-Dhttp.proxyHost={host}", f"-Dhttp.proxyPort={proxy_port}"]
        options += ["-Dsun.net.httpserver.nodelay=true"]  # else each answer waits 40 ms for an ACK
        options += ["-Xss512k", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return ["java", *options, FOLDER / "Service.java", port, way]

    return command


def golang(port, egress):
    """The service in Go. The build cache makes every build but the first quick."""
    needs("go")
    TOOLS.mkdir(exist_ok=True)
    binary = TOOLS / "attribution-go"
    built = run("go", "build", "-o", binary, FOLDER / "service.go", timeout=300)
    if built.returncode != 0:
        raise Missing(f"the service in Go does not build: {built.stderr}")
    return [binary, port]


def needs(program):
    """Says so if a program is not installed."""
    if not shutil.which(program):
        raise Missing(f"{program} is not installed")


ALL = {
    service.name: service
    for service in (
        Service("flask", "python", "thread", python("flask_app.py")),
        Service("gunicorn-sync", "python", "process", gunicorn("-k", "sync", "-w", "4")),
        Service(
            "gunicorn-gthread",
            "python",
            "thread",
            gunicorn("-k", "gthread", "-w", "2", "--threads", "8"),
        ),
        Service("fastapi", "python", "loop", uvicorn),
        Service("aiohttp", "python", "loop", python("aiohttp_app.py")),
        Service("node-http", "node", "loop", node("http")),
        Service("node-fetch", "node", "loop", node("fetch")),
        Service("java-url", "java", "thread", java("url")),
        Service("java-client", "java", "nio", java("client")),
        Service("go", "go", "loop", golang),
    )
}
