"""Fixtures of the tests with real programs. What each gives is told by its own doc; the classes
behind them are in `support`."""

import os
from pathlib import Path

import pytest

from support import aws as loopback
from support.catcher import Catcher
from support.curl import curl as run_curl
from support.origin import Origin
from support.programs import Program
from support.sidecar import BINARY
from support.sidecar import Sidecar
from support.sidecar import configuration
from support.tls import Authority

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
DOCUMENTS = Path(os.environ.setdefault("SIDERAY_TEST_DOCUMENTS", str(TOOLS / "documents.jsonl")))


def pytest_sessionstart(session):
    """Begins a new file of documents."""
    del session
    DOCUMENTS.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENTS.write_bytes(b"")
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}: run `cargo build --release` first", returncode=2)


def pytest_collection_modifyitems(items):
    """What judges the documents of the whole run goes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture
def daemon():
    """The X-Ray daemon: a strict UDP catcher. Its documents go to the file of the run."""
    catcher = Catcher()
    yield catcher
    catcher.documents()
    catcher.close()
    catcher.save(DOCUMENTS)
    assert not catcher.faults, "\n".join(catcher.faults)


@pytest.fixture
def origin():
    """A plain HTTP server that answers as the path says."""
    server = Origin()
    yield server
    server.close()


@pytest.fixture
def start():
    """Starts a program, `start(argv, env=…)`, and ends it with the test."""
    started = []

    def begin(argv, env=None, cwd=None):
        started.append(Program(argv, env, cwd))
        return started[-1]

    yield begin
    for program in reversed(started):
        program.stop()


@pytest.fixture
def sideray(daemon, tmp_path):
    """Starts a sidecar: `sideray(upstream, ingress={…}, …)`, with tables that override the tests'
    configuration. `command=[…]` runs that program beside it, by `sideray exec`. Every sidecar that
    the test has not seen end must end well when it is asked to drain."""
    running = []

    def begin(upstream, command=None, env=None, arguments=(), **overrides):
        config = tmp_path / f"proxy-{len(running)}.toml"
        config.write_text(configuration(upstream, daemon.address, overrides), encoding="utf-8")
        verb, rest = ("exec", ["--", *command]) if command else ("run", [])
        words = [verb, "--config", config, *arguments, *rest]
        running.append(Sidecar(config, words, env))
        return running[-1].wait_bound()

    yield begin
    try:
        for sidecar in running:
            if sidecar.program.process.poll() is None:
                sidecar.drain()
            sidecar.check_end()
    finally:
        for sidecar in running:
            sidecar.program.stop()


@pytest.fixture
def curl(tmp_path):
    """Runs curl: `curl("-X", "POST", url)` gives an `Answer`."""
    return lambda *words: run_curl(tmp_path, *words)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority):
    """A leaf for localhost, signed by the authority."""
    return authority.issue("localhost")


@pytest.fixture
def tls_origin(certificate):
    """The same server as `origin` behind TLS, as `https://localhost:PORT`."""
    server = Origin(certificate)
    yield server
    server.close()


@pytest.fixture(scope="session")
def moto():
    """moto, for every test that wants an AWS."""
    server = loopback.Moto()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def aws_certificate(authority):
    """A leaf for the hosts of AWS, signed by the authority."""
    return authority.issue("aws", loopback.NAMES)


@pytest.fixture
def cloud(moto, aws_certificate, tmp_path):
    """A clean AWS account on loopback. Whatever comes must have come as it was signed."""
    account = loopback.Cloud(moto, aws_certificate, tmp_path)
    yield account
    account.close()
    assert not account.refused(), "\n".join(map(str, account.refused()))


@pytest.fixture
def sdk():
    """A daemon for the documents of AWS's own SDK, which are not as compact as ours and not to be
    judged: it writes a request id of null where it knows none."""
    catcher = Catcher(compact=False)
    yield catcher
    catcher.close()
    assert not catcher.faults, "\n".join(catcher.faults)
