"""The carriers as sideray hands them out: what loads them, what stays of the user's own settings, and
that calls then find their parents among many."""

import concurrent.futures
import os
from urllib.parse import urlsplit

import pytest

from support import documents
from support import waiting
from support.programs import HERE
from support.programs import PYTHON
from support.programs import run
from support.sidecar import BINARY

REQUESTS = 40


def told(lines):
    """The variables that were printed."""
    return dict(line.split("=", 1) for line in lines.splitlines())


def test_they_are_written_out_and_the_variables_printed(tmp_path):
    out = tmp_path / "with space" / "carriers"
    mine = {"NODE_OPTIONS": "--no-warnings", "PYTHONPATH": "/mine", "JAVA_TOOL_OPTIONS": "-Xss1m"}
    done = run(BINARY, "carriers", "--out", out, env=mine)
    assert done.returncode == 0, done.stderr
    variables = told(done.stdout)
    assert variables["NODE_OPTIONS"] == f'--no-warnings --require="{out}/node.cjs"'
    assert variables["PYTHONPATH"] == f"{out}/python:/mine"
    assert variables["JAVA_TOOL_OPTIONS"] == f"-Xss1m '-javaagent:{out}/sideray-carrier.jar'"
    script = "import sitecustomize; print(sitecustomize.__file__)"
    loaded = run(PYTHON, "-c", script, env={"PYTHONPATH": variables["PYTHONPATH"]})
    assert loaded.stdout.strip() == f"{out}/python/sitecustomize.py", loaded.stderr
    node = run("node", "-p", "1+1", env={"NODE_OPTIONS": variables["NODE_OPTIONS"]})
    assert (node.stdout, node.stderr) == ("2\n", "")


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run(BINARY, "carriers", "--out", tmp_path / "file")
    assert done.returncode == 1
    assert f"{tmp_path}/file" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--no-carriers",)], ids=["with", "without"])
def test_a_service_under_exec_names_the_parent_of_each_call(sideray, daemon, curl, arguments):
    port = waiting.free_port()
    command = [PYTHON, "-m", "flask", "--app", HERE / "apps" / "front.py", "run", "-p", port]
    sidecar = sideray(
        f"http://127.0.0.1:{port}",
        command=command,
        arguments=arguments,
        env={"BACK": "http://back.test"},
        egress={"route": [{"host": "back.test", "connect_to": "http://127.0.0.1:1"}]},
        attribution={"thread": False, "process": False, "fingerprint": False},
    )
    waiting.until(lambda: waiting.accepts(port), "flask listening")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        urls = [f"{sidecar.ingress}/plain/{number}" for number in range(REQUESTS)]
        list(pool.map(curl, urls))
    sidecar.drain()
    daemon.settle()
    known = {one["id"]: one for one in daemon.documents()}
    found = {"right": 0, "unknown": 0}
    for call in documents.calls(known.values()):
        number = urlsplit(documents.request(call.entity)["url"]).path.rsplit("/", 1)[1]
        parent = known[call.parent_id]
        if "http" not in parent:
            found["unknown"] += 1
            continue
        assert documents.at(parent, f"/plain/{number}"), (parent, number)
        found["right"] += 1
    if arguments:
        assert found["unknown"] > REQUESTS / 2
    else:
        assert found == {"right": REQUESTS, "unknown": 0}


def test_nothing_is_left_behind(sideray, tmp_path):
    own = tmp_path / "runtime"
    own.mkdir(mode=0o700)
    script = "import os; print('told', os.environ['PYTHONPATH'])"
    sidecar = sideray(
        "http://127.0.0.1:1", command=[PYTHON, "-c", script], env={"XDG_RUNTIME_DIR": str(own)}
    )
    line = sidecar.program.wait_line(lambda line: line if line.startswith("told ") else None, "told")
    assert sidecar.program.wait() == 0
    assert line.split()[1].startswith(str(own))
    left = [name for _, _, names in os.walk(own) for name in names]
    assert left == []
