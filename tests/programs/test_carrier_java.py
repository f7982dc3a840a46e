"""The carrier for Java: services that forward nothing pass on the trace header they were asked with,
and nothing else about them changes.

The tests send the headers themselves, so there is no sidecar here. `SIDERAY_JAVAS` names further
`java` programs, with colons between them."""

import http.client
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import carrier
from support import waiting
from support.programs import HERE
from support.programs import run
from support.sidecar import BINARY

SOURCES = HERE / "java"
ROOT = HERE.parent.parent
JAR = ROOT / "src" / "carriers" / "java" / "sideray-carrier.jar"
BUILD = ROOT / "tests" / "java-carrier"
AGENT = f"-javaagent:{JAR}"
JAVAS = [shutil.which("java"), *filter(None, os.environ.get("SIDERAY_JAVAS", "").split(":"))]
#: How often each way of calling is chosen by a request.
EVERY = "inline shared later own thread futures stream cached async after".split()
SERVERS = ("pool", "threads", "virtual")

pytestmark = pytest.mark.skipif(not shutil.which("javac"), reason="there is no JDK")


def version(java):
    """The major version of a `java`."""
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    return int(re.search(r'version "(\d+)', done.stderr).group(1))


def cells():
    """Each Java with each kind of server that it has."""
    for java in JAVAS if shutil.which("javac") else ():
        for server in SERVERS:
            if server != "virtual" or version(java) >= 21:
                yield pytest.param(java, server, id=f"{version(java)}-{server}")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """The folder of the programs' classes."""
    folder = tmp_path_factory.mktemp("classes")
    files = sorted(SOURCES.glob("Carrier*.java"))
    subprocess.run(["javac", "-d", folder, *files], check=True)
    return folder


@pytest.fixture(params=JAVAS if shutil.which("javac") else ["java"], ids=str)
def java(request):
    """A `java` program."""
    return request.param


class Service:
    """A service with the carrier in it, the origin that it calls, and what was asked of it."""

    def __init__(self, start, origin, classes, java, kind, options=(AGENT,), env=None):
        self.port = waiting.free_port()
        nodelay = "-Dsun.net.httpserver.nodelay=true"
        argv = [java, *options, nodelay, "-cp", classes, "CarrierService", kind, self.port]
        env = {"ORIGIN": origin.url, **(env or {})}
        self.program = start(argv, env=env).wait_port(self.port)
        self.origin = origin
        self.asked = {}
        self._numbers = iter(range(10**6))

    def load(self, requests, width, ways=EVERY, fresh=False):
        """So many requests over so many kept-alive connections, one way and one kind of header
        after the other in no order."""
        todo = queue.SimpleQueue()
        for _ in range(requests):
            number = f"{next(self._numbers)}x"
            way, calls = random.choice(ways), random.randint(1, 4)
            sent = carrier.drawn(number)
            more = way in ("futures", "async")
            self.asked.update({(number, call): (way, sent) for call in range(calls + more)})
            todo.put((f"/{way}/{number}/{calls}", sent))
        faults = []
        lanes = [
            threading.Thread(target=self._lane, args=(todo, faults, fresh)) for _ in range(width)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        assert not faults, f"{faults[:3]}\n{self.program.output()[-2000:]}"

    def _lane(self, todo, faults, fresh):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while True:
                path, headers = todo.get_nowait()
                self.ask(connection, path, headers)
                if fresh:
                    connection.close()
        except queue.Empty:
            connection.close()
        except Exception as error:
            faults.append(repr(error))

    def ask(self, connection, path, headers):
        """One request and its answer."""
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)

    def calls(self):
        """What the origin saw of the requests' calls: [(number, call), trace headers]."""
        for seen in list(self.origin.requests):
            _, verb, *rest = urlsplit(seen.target).path.split("/")
            if verb == "call":
                yield (rest[0], int(rest[1])), carrier.carried(seen.headers)

    def under(self, target):
        """The trace headers of the calls to a target, oldest first."""
        return [carrier.carried(one.headers) for one in self.origin.requests if one.target == target]

    def settle(self):
        """Waits until every call has come."""
        waiting.until(lambda: len(dict(self.calls())) >= len(self.asked), "every call has come")

    def judge(self, none=False):
        """Every call carries exactly the header of its own request, or (`none`) may lack it. A call
        that is made after the answer may come too late for any on a busy machine, but never has
        another's. How many lack it."""
        self.settle()
        wrong, missing = [], 0
        for key, got in self.calls():
            way, sent = self.asked[key]
            missing += got != sent
            if got != sent and (got or not (none or way == "after")):
                wrong.append((way, key, got, sent))
        assert not wrong, f"{len(wrong)} of {len(self.asked)}: {wrong[:9]}"
        self.background()
        assert "Exception" not in self.program.output(), self.program.output()
        return missing

    def background(self):
        """The calls of the background have no parent."""
        waiting.until(lambda: self.under("/background/2"), "a call of the background")
        assert not any(self.under("/background/1") + self.under("/background/2"))


CELLS = list(cells())
each_cell = pytest.mark.parametrize(("java", "kind"), CELLS)


@each_cell
def test_every_call_carries_the_header_of_its_own_request(start, origin, classes, java, kind):
    # With the JDK's own classes verified too, as only others are by default.
    options = (AGENT, "-XX:+UnlockDiagnosticVMOptions", "-XX:+BytecodeVerificationLocal")
    service = Service(start, origin, classes, java, kind, options)
    service.load(96, 16)
    service.load(128, 64)
    service.load(32, 16, fresh=True)
    service.judge()


def test_an_event_loop_gets_nothing_rather_than_anothers(start, origin, classes, java):
    for kind in ("loop", "poll"):
        service = Service(start, origin, classes, java, kind)
        for _ in range(200):
            number = f"{next(service._numbers)}x"
            service.asked[number, 0] = service.asked[number, 1] = ("async", carrier.drawn(number))
        todo = queue.SimpleQueue()
        for number in {number for number, _ in service.asked}:
            todo.put((f"/async/{number}/1", service.asked[number, 0][1]))
        lanes = [threading.Thread(target=service._lane, args=(todo, [], False)) for _ in range(16)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        missing = service.judge(none=True)
        carried = sum(1 for _, sent in service.asked.values() if sent)
        assert missing == carried if kind == "loop" else missing > carried / 2
        origin.requests.clear()


def test_one_thread_that_serves_all_knows_whom(start, origin, classes, java):
    service = Service(start, origin, classes, java, "single")
    service.load(64, 8)
    service.judge()


def test_a_worker_that_empties_a_queue_gets_nothing(start, origin, classes, java):
    service = Service(start, origin, classes, java, "pool")
    service.load(64, 8, ways=["queue"])
    assert service.judge(none=True) > 0


@each_cell
def test_what_a_request_leaves_behind_for_ever_soon_has_none(start, origin, classes, java, kind):
    service = Service(start, origin, classes, java, kind)
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    sent = {"x-amzn-trace-id": "Root=1-0000000a-00000000000000000000000a"}
    service.ask(connection, "/late/1/0", sent)
    waiting.until(lambda: {} in service.under("/late/1"), "calls without a header")
    first = service.under("/late/1")
    assert sent in first, "soon after the answer it still is that request's"
    other = {"x-amzn-trace-id": "Root=1-0000000b-00000000000000000000000b"}
    service.ask(connection, "/inline/2x/1", other)
    count = len(service.under("/late/1"))
    waiting.until(lambda: len(service.under("/late/1")) > count + 2, "more calls")
    assert all(one in (sent, {}) for one in service.under("/late/1"))
    assert not any(service.under("/late/1")[first.index({}) :])
    assert dict(service.calls())["2x", 0] == other
    connection.close()


def test_what_has_a_header_or_signs_for_one_is_left_alone(start, origin, classes, java):
    service = Service(start, origin, classes, java, "threads")
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    sent = {"x-amzn-trace-id": "Root=1-0000000a-00000000000000000000000a"}
    service.ask(connection, "/set/1/0", sent)
    assert service.under("/set/url") == [{"x-amzn-trace-id": "Root=1-own"}]
    assert service.under("/set/client") == [{"traceparent": "own"}]
    service.ask(connection, "/signed/1/0", sent)
    assert service.under("/signed/url?X-Amz-SignedHeaders=host%3Bx-amzn-trace-id") == [{}]
    assert service.under("/signed/client") == [{}]
    assert service.under("/signed/other") == [sent]
    connection.close()


def test_heads_in_pieces_and_requests_that_run_together(start, origin, classes, java):
    service = Service(start, origin, classes, java, "threads")
    head = "GET /inline/{}/1 HTTP/1.1\r\nHost: a\r\nX-AMZN-Trace-ID:  Root=1-{}\t\r\n\r\n"
    with http.client.socket.create_connection(("127.0.0.1", service.port)) as sock:
        for letter in head.format("1x", "one"):
            sock.sendall(letter.encode())
        assert sock.recv(100)
        sock.sendall((head.format("2x", "two") + head.format("3x", "three")).encode())
        waiting.until(lambda: len(dict(service.calls())) == 3, "every call")
    seen = dict(service.calls())
    assert seen["1x", 0] == {"x-amzn-trace-id": "Root=1-one"}
    # This server reads byte by byte, so what belongs to whom could be known: it may be right.
    assert seen["2x", 0] in ({"x-amzn-trace-id": "Root=1-two"}, {})
    assert seen["3x", 0] in ({"x-amzn-trace-id": "Root=1-three"}, {})


def test_a_head_that_is_broken_off_is_not_the_last_request(start, origin, classes, java):
    """The JDK's server takes the end of a connection for that of the head."""
    service = Service(start, origin, classes, java, "pool")
    sent = {"x-amzn-trace-id": "Root=1-0000000a-00000000000000000000000a"}
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    service.ask(connection, "/inline/1x/1", sent)
    connection.sock.sendall(b"GET /inline/2x/1 HTTP/1.1\r\nHost: a\r\n")
    connection.close()
    waiting.until(lambda: len(dict(service.calls())) == 2, "both calls")
    assert dict(service.calls()) == {("1x", 0): sent, ("2x", 0): {}}


def test_the_carrier_can_be_switched_off(start, origin, classes, java):
    service = Service(start, origin, classes, java, "pool", env={"SIDERAY_CARRIER": "off"})
    service.load(8, 2)
    service.settle()
    assert not any(trace for _, trace in service.calls())


LOOKS = "hello exits fails pool futures threads methods sockets channels clients".split()


@pytest.mark.parametrize("what", LOOKS)
def test_programs_do_not_notice_it(classes, java, what):
    def outcome(*options):
        done = run(java, *options, "-cp", classes, "CarrierLook", what)
        return done.returncode, done.stdout, done.stderr

    assert outcome(AGENT) == outcome()
    verified = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+BytecodeVerificationLocal")
    assert outcome(AGENT, AGENT, *verified) == outcome(*verified)


@pytest.mark.parametrize("name", ["with space", "it's \"quoted\""])
def test_sideray_says_how_to_load_it(classes, java, tmp_path, name):
    out = tmp_path / name
    done = run(BINARY, "carriers", "--out", out, env={"JAVA_TOOL_OPTIONS": "-Dmine=1"})
    lines = (line.split("=", 1) for line in done.stdout.splitlines())
    options = dict(lines)["JAVA_TOOL_OPTIONS"]
    assert options.startswith("-Dmine=1 ")
    words = (java, "-cp", classes, "CarrierLook")
    loaded = run(*words, "loaded", env={"JAVA_TOOL_OPTIONS": options})
    assert loaded.stdout == "class sideray.Agent\n", loaded.stderr
    hello = run(*words, "hello", env={"JAVA_TOOL_OPTIONS": options})
    assert (hello.stdout, hello.stderr) == ("hello\n", f"Picked up JAVA_TOOL_OPTIONS: {options}\n")


def test_exec_has_its_command_load_it_besides_the_rest(sideray, classes, java):
    words = [java, "-cp", classes, "CarrierLook", "loaded"]
    sidecar = sideray("http://127.0.0.1:1", command=words, env={"JAVA_TOOL_OPTIONS": "-Dmine=1"})
    assert sidecar.program.wait() == 0
    output = sidecar.program.output()
    assert "class sideray.Agent" in output
    (picked,) = (line for line in output.splitlines() if line.startswith("Picked up"))
    assert "-Dmine=1 -Dhttp.proxyHost=" in picked
    assert picked.endswith("/sideray-carrier.jar")


def test_exec_leaves_a_runtime_in_peace_that_cannot_load_it(sideray, java, tmp_path):
    jlink = shutil.which("jlink", path=Path(java).resolve().parent)
    if not jlink:
        pytest.skip("there is no jlink")
    image = tmp_path / "image"
    made = run(jlink, "--add-modules", "java.base", "--output", image)
    if made.returncode != 0:
        pytest.skip(f"jlink makes no image: {made.stderr or made.stdout}")
    sidecar = sideray("http://127.0.0.1:1", command=[image / "bin" / "java", "-version"])
    assert sidecar.program.wait() == 0, sidecar.program.output()
    assert "javaagent" not in sidecar.program.output()


OTHER = """
public class Other implements java.lang.instrument.ClassFileTransformer {
    public static void premain(String words, java.lang.instrument.Instrumentation tool) {
        System.out.println("other " + words);
        tool.addTransformer(new Other(), true);
        try {
            tool.retransformClasses(Thread.class, java.net.ServerSocket.class);
        } catch (Exception error) {
            System.out.println(error);
        }
    }

    public byte[] transform(ClassLoader loader, String name, Class<?> type,
            java.security.ProtectionDomain domain, byte[] file) {
        return file.clone();
    }
}
"""


def test_another_agent_may_stand_before_it_or_behind(start, origin, classes, java, tmp_path):
    (tmp_path / "Other.java").write_text(OTHER, encoding="utf-8")
    subprocess.run(["javac", "-d", tmp_path, tmp_path / "Other.java"], check=True)
    other = tmp_path / "other.jar"
    with zipfile.ZipFile(other, "w") as jar:
        manifest = "Premain-Class: Other\nCan-Retransform-Classes: true\n"
        jar.writestr("META-INF/MANIFEST.MF", manifest)
        jar.write(tmp_path / "Other.class", "Other.class")
    for order in ((AGENT, f"-javaagent:{other}=x"), (f"-javaagent:{other}=x", AGENT)):
        env = {"JAVA_TOOL_OPTIONS": " ".join(order)}
        service = Service(start, origin, classes, java, "threads", options=(), env=env)
        service.load(16, 8)
        service.judge()
        assert "other x" in service.program.output()
        origin.requests.clear()


def test_the_jar_is_what_the_sources_give():
    done = run(sys.executable, BUILD, "--check")
    if done.returncode == 2:
        pytest.skip("the jar was built by another release of javac")
    assert done.returncode == 0, f"run {BUILD}: {done.stderr}"
