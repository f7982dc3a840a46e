"""`sideray exec`: the shortest way from nothing to a trace, and as good a parent as a shell."""

import json
import signal

from support import documents
from support import waiting
from support.programs import PYTHON
from support.programs import run
from support.sidecar import BINARY
from support.sidecar import configuration


def served(sideray, **overrides):
    """`python3 -m http.server` with a sidecar beside it."""
    port = waiting.free_port()
    command = [PYTHON, "-u", "-m", "http.server", port, "--bind", "127.0.0.1"]
    sidecar = sideray(f"http://127.0.0.1:{port}", command=command, **overrides)
    waiting.until(lambda: waiting.accepts(port), "http.server listening")
    return sidecar


def test_a_file_server_and_curl_give_a_trace_on_the_admin_port(sideray, curl):
    sidecar = served(sideray, emit={"daemon": None})
    answer = curl(f"{sidecar.ingress}/")
    assert answer.status == 200
    assert b"Directory listing" in answer.body
    trace = documents.header(answer.headers["x-amzn-trace-id"])["Root"]

    def listed():
        status, body = sidecar.admin("/traces")
        assert status == 200
        return trace in body

    waiting.until(listed, "the trace is listed")
    status, body = sidecar.admin(f"/traces/{trace}")
    assert status == 200
    assert trace in body
    assert "checkout" in json.dumps(json.loads(body))
    assert sidecar.admin("/traces/1-00000000-0123456789abcdef01234567")[0] == 404


def test_the_command_is_given_the_proxy_variables(sideray):
    names = "HTTP_PROXY HTTPS_PROXY http_proxy https_proxy NO_PROXY no_proxy NODE_USE_ENV_PROXY"
    script = f'for n in {names}; do eval "echo told $n=\\$$n"; done'
    sidecar = sideray("http://127.0.0.1:1", command=["sh", "-c", script])
    told = {}
    for name in names.split():
        start = f"told {name}="
        line = sidecar.program.wait_line(
            lambda line, start=start: line if line.startswith(start) else None, start
        )
        told[name] = line.removeprefix(start)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        assert told[name].rstrip("/") == sidecar.egress
    assert "169.254.169.254" in told["NO_PROXY"]
    assert told["no_proxy"] == told["NO_PROXY"]
    assert told["NODE_USE_ENV_PROXY"] == "1"


def test_its_exit_code_is_the_commands(sideray):
    sidecar = sideray("http://127.0.0.1:1", command=["sh", "-c", "exit 7"])
    assert sidecar.program.wait() == 7


def test_its_standard_streams_are_the_commands(sideray):
    sidecar = sideray("http://127.0.0.1:1", command=["sh", "-c", "echo out; echo err >&2"])
    for word in ("out", "err"):
        sidecar.program.wait_line(lambda line, word=word: line == word, word)
    assert sidecar.program.wait() == 0


def test_sigterm_goes_to_the_command_and_143_comes_back(sideray, curl):
    sidecar = served(sideray)
    assert curl(f"{sidecar.ingress}/").status == 200
    sidecar.program.signal(signal.SIGTERM)
    assert sidecar.program.wait() == 143


def test_a_command_may_handle_the_signal_itself(sideray):
    script = (
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(5)); "
        "print('ready', flush=True); signal.pause()"
    )
    sidecar = sideray("http://127.0.0.1:1", command=[PYTHON, "-c", script])
    sidecar.program.wait_line(lambda line: line == "ready", "ready")
    sidecar.program.signal(signal.SIGTERM)
    assert sidecar.program.wait() == 5


def test_a_command_that_cannot_be_started_is_127(tmp_path):
    """As the shell has it."""
    config = tmp_path / "proxy.toml"
    config.write_text(configuration("http://127.0.0.1:1", "embedded", {}), encoding="utf-8")
    done = run(BINARY, "exec", "--config", config, "--", "/no/such/program")
    assert done.returncode == 127
    assert "/no/such/program" in done.stderr
