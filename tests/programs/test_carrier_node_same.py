"""Programs behave with the Node.js carrier as they do without: same output, same exit code."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import carrier

STDERR = "console.error(process.argv.length); process.exitCode = 3"
SERVE = """
import { createServer, request, get } from "node:http";
const server = createServer((inbound, response) => response.end("hello"));
server.listen(0, () => get({ port: server.address().port, headers: { traceparent: "a" } }, (it) =>
  it.on("data", (chunk) => console.log(String(chunk))).on("end", () => server.close())));
"""

#: (the least version, arguments); `{node}` is the folder of the programs.
PROGRAMS = {
    "nothing": (12, ["-e", "0"]),
    "print": (12, ["-p", "[1, require('http').request.length, require('https').get.name]"]),
    "exit": (12, ["-e", STDERR]),
    "throw": (12, ["-e", "throw new TypeError('x')"]),
    "reject": (16, ["-e", "Promise.reject(new Error('x'))"]),
    "kill": (12, ["-e", "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9000)"]),
    "handles": (
        12,
        ["-p", "process._getActiveHandles().length + process._getActiveRequests().length"],
    ),
    "module": (14, ["--input-type=module", "-e", SERVE]),
    "strict": (14, ["--trace-warnings", "--pending-deprecation", "{node}/carrier_look.cjs"]),
    "throwing": (14, ["--throw-deprecation", "{node}/carrier_look.cjs"]),
    "frozen": (14, ["--no-warnings", "--frozen-intrinsics", "{node}/carrier_look.cjs"]),
    "worker": (
        14,
        ["-e", "new (require('worker_threads').Worker)('console.log(1)', { eval: true })"],
    ),
    "child": (
        12,
        [
            "-e",
            "require('child_process').spawn(process.execPath, ['-p', '7'], { stdio: 'inherit' })",
        ],
    ),
    "suite": (20, ["--test", "--test-reporter=tap", "{node}/carrier_suite.cjs"]),
    "types": (24, ["{node}/carrier_types.ts"]),
    "stdin": (12, ["-"]),
}

pytestmark = pytest.mark.skipif(not carrier.binaries(), reason="Node.js is not installed")


@pytest.fixture(params=carrier.binaries(), ids=carrier.label, scope="module")
def node(request):
    """A Node.js program."""
    return request.param


def outcome(argv, options):
    """Exit code, output and errors of a program, without what differs from run to run."""
    env = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    path = f"{Path(argv[0]).parent}{os.pathsep}{env.get('PATH', '')}"
    done = subprocess.run(
        argv, env={**env, "PATH": path, **options}, input="console.log('in')", cwd=carrier.NODE,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    texts = (re.sub(r"\d+(\.\d+)?", "N", text) for text in (done.stdout, done.stderr))
    return done.returncode, *texts


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_with_and_without(node, program):
    least, words = PROGRAMS[program]
    if carrier.version(node) < (least,):
        pytest.skip("this Node.js is too old for the program")
    argv = [node, *(word.replace("{node}", str(carrier.NODE)) for word in words)]
    assert outcome(argv, carrier.OPTIONS) == outcome(argv, {})


@pytest.mark.parametrize("tool", ["npm", "npx"])
def test_npm_the_same(tool):
    program = shutil.which(tool)
    if not program:
        pytest.skip(f"{tool} is not installed")
    argv = [program, "--version"]
    assert outcome(argv, carrier.OPTIONS) == outcome(argv, {})
