"""Central sampling: the X-Ray SDK for Python and sideray decide alike, and sideray asks as it should.

`decisions.json` is one long story: requests, each with its second and its random number, and between
them questions to a backend, which gives quotas by what it is told. The SDK lives through it here, its
own code over a real connection, and everything it decided and reported must be what the file says.
The integration test `central` has sideray live through the same file. SIDERAY_WRITE=1 writes it."""

import http.server
import json
import os
import random
import threading
import time
import urllib.request

import pytest
from aws_xray_sdk.core.sampling import sampler as sdk

from support import waiting

from support.programs import HERE

STORY = HERE.parent / "integration" / "central" / "decisions.json"
START = 1_764_000_000
PATHS = ("/", "/orders/17", "/ORDERS", "/orders", "/health", "/users/1/cart", "/api/v1/items", "/a")
METHODS = ("GET", "POST", "PUT")
HOSTS = ("shop.example.com", "shop.example.com:8080", "admin.example.com")
SERVICES = ("shop", "cart")
TYPES = ("", "AWS::ECS::Container", "AWS::EC2::Instance")


def rule(name, priority, rate, reservoir, **matchers):
    """A record of GetSamplingRules."""
    known = {
        "RuleName": name, "RuleARN": f"arn:aws:xray:eu-west-1:123456789012:sampling-rule/{name}",
        "ResourceARN": "*", "Priority": priority, "FixedRate": rate, "ReservoirSize": reservoir,
        "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*",
        "Version": 1, "Attributes": {}, **matchers,
    }  # fmt: skip
    return {"SamplingRule": known, "CreatedAt": 0.0, "ModifiedAt": 0.0}


RULES = [
    rule("Default", 10_000, 0.05, 1, URLPath="/never"),
    rule("orders", 10, 0.3, 5, URLPath="/orders*"),
    rule("orders-twin", 10, 0.9, 5, URLPath="/orders*"),
    rule("one-order", 5, 0.1, 2, URLPath="/orders/??", HTTPMethod="P*"),
    rule("health", 1, 0.0, 0, URLPath="/health"),
    rule("admin", 20, 1.0, 1, Host="admin.*"),
    rule("port", 30, 0.2, 3, Host="*:8080", HTTPMethod="GET"),
    rule("ecs", 40, 0.15, 2, ServiceType="AWS::ECS::Container"),
    rule("cart", 50, 0.5, 0, ServiceName="cart"),
    rule("items", 60, 0.4, 4, URLPath="*/ITEMS"),
    rule("dry", 70, 0.25, 0, URLPath="/a", HTTPMethod="PUT"),
    rule("one-letter", 80, 0.6, 1, URLPath="/?"),
    rule("not-for-us", 1, 1.0, 9, ResourceARN="arn:aws:ecs:eu-west-1:1:x"),
    rule("by-attribute", 1, 1.0, 9, Attributes={"tier": "gold"}),
]


class Backend:
    """X-Ray as far as sampling goes. What it allows depends on what it was told."""

    def __init__(self):
        self.rules = RULES
        self.modified = START
        self.now = START
        self.down = False
        self.told = []
        self.answered = []
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers for the daemon."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                """Either question."""
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
                backend.told.append((self.path, asked))
                answer = None if backend.down else backend.answer(self.path, asked)
                backend.answered.append(answer)
                body = json.dumps(answer).encode()
                self.send_response(503 if answer is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, asked):
        """What X-Ray says."""
        if path == "/GetSamplingRules":
            return {"SamplingRuleRecords": self.rules}
        documents = [self.target(one) for one in asked["SamplingStatisticsDocuments"]]
        return {
            "SamplingTargetDocuments": [one for one in documents if one],
            "LastRuleModification": float(self.modified),
            "UnprocessedStatistics": [],
        }

    def target(self, told):
        """The part of one rule's reservoir; of some rules nothing, of some not all is said."""
        name, count = told["RuleName"], told["RequestCount"]
        if name == "items":
            return None
        target = {"RuleName": name, "FixedRate": (count % 10) / 10}
        if name != "admin":
            target["ReservoirQuota"] = count % 4
            target["ReservoirQuotaTTL"] = float(self.now + 5 + count % 20)
        if name in ("orders", "cart"):
            target["Interval"] = 10 + 10 * (count % 3)
        return target

    def close(self):
        """Stops it."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def backend():
    """One that runs."""
    one = Backend()
    yield one
    one.close()


class Drawn:
    """Chance, as the story has it."""

    def random(self):
        """The number of the request that is decided."""
        return self.bits / 2**32


def live(backend, monkeypatch):
    """Has the SDK live through the story; the story with all that it decided and told."""
    dice, chance = random.Random(20261125), Drawn()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    sampler = sdk.DefaultSampler()
    sampler._connector.setup_xray_client("127.0.0.1", backend.port, None)
    sampler._started = True
    sampler._random = sampler._local_sampler._random = chance
    monkeypatch.setattr(time, "time", lambda: float(backend.now))
    steps = []

    def request():
        asked = [dice.randrange(len(one)) for one in (PATHS, METHODS, HOSTS, SERVICES, TYPES)]
        chance.bits = dice.getrandbits(32)
        path, method, host, service, kind = asked
        decided = sampler.should_trace({
            "path": PATHS[path], "method": METHODS[method], "host": HOSTS[host],
            "service": SERVICES[service], "service_type": TYPES[kind] or None,
        })  # fmt: skip
        steps.append([backend.now - START, *asked, chance.bits, decided])

    def ask(what, work):
        before = len(backend.told)
        modified = sampler._rule_poller._time_elapsed
        try:
            work()
        except Exception:
            assert backend.down
        for (path, told), answer in zip(backend.told[before:], backend.answered[before:], strict=True):
            counts = [
                [one["RuleName"], one["RequestCount"], one["SampledCount"], one["BorrowCount"]]
                for one in told.get("SamplingStatisticsDocuments", [])
            ]
            stale = sampler._rule_poller._time_elapsed != modified
            steps.append([backend.now - START, path, counts, answer, stale])
            return
        steps.append([backend.now - START, what, [], "nothing to tell", False])

    monkeypatch.setattr(sampler._rule_poller, "_reset_time_to_wait", lambda: None)
    for turn in range(700):
        backend.now = START + turn * 2 + (4_000 if turn >= 500 else 0)
        backend.down = 300 <= turn < 320 or 400 <= turn < 540
        if turn == 200:
            backend.rules = [*RULES[:4], rule("orders", 90, 0.7, 0, URLPath="/*"), *RULES[5:]]
            backend.rules = [one for number, one in enumerate(backend.rules) if number != 1]
            backend.modified = backend.now
        if turn == 250:
            backend.rules = []
        if turn == 260:
            backend.rules = RULES
        for _ in range(8 if turn != 350 else 200):
            request()
        if turn % 150 == 3 or turn in (201, 252, 262, 305, 545):
            ask("/GetSamplingRules", sampler._rule_poller._refresh_cache)
        if turn % 5 == 4:
            ask("/SamplingTargets", sampler._target_poller._do_work)
    return {
        "start": START,
        "paths": PATHS, "methods": METHODS, "hosts": HOSTS, "services": SERVICES, "types": TYPES,
        "steps": steps,
    }  # fmt: skip


def test_the_sdk_decides_as_the_story_says(backend, monkeypatch):
    lived = json.loads(json.dumps(live(backend, monkeypatch)))
    requests = [step for step in lived["steps"] if isinstance(step[1], int)]
    rules = {step[-1] for step in requests}
    assert len(requests) >= 5_000
    assert len(rules - {True, False}) == 12, f"every rule decides: {rules}"
    assert True in rules, "and the local ones do"
    if os.environ.get("SIDERAY_WRITE"):
        lines = ",\n".join(json.dumps(step, separators=(",", ":")) for step in lived["steps"])
        head = json.dumps({**lived, "steps": []})
        STORY.write_text(f"{head[:-2]}\n{lines}\n]}}\n")
    assert lived == json.loads(STORY.read_text())


def test_the_sidecar_asks_the_daemon_and_does_as_it_is_told(sideray, daemon, origin, backend):
    backend.now, backend.down = time.time(), True
    backend.rules = [
        rule("all", 1, 1.0, 0, URLPath="/all/*", ServiceName="check*"),
        rule("Default", 2, 0.0, 0),
    ]
    # A report may come amidst the requests; it changes nothing.
    backend.target = lambda told: {
        "RuleName": told["RuleName"], "FixedRate": float(told["RuleName"] == "all")
    }  # fmt: skip
    addresses = f"tcp:127.0.0.1:{backend.port} udp:{daemon.address}"
    never = {"fixed_target": 0, "rate": 0.0}
    sidecar = sideray(
        origin.url, emit={"daemon": addresses}, sampling={"mode": "central", "default": never}
    )
    assert not backend.told, "nobody has asked for a decision yet"

    ask(sidecar, "/all/early")
    sidecar.wait_log(lambda line: "503" in line.get("error", ""), "that it asks in vain")
    backend.down = False
    rules = "sideray_sampling_central_rules"
    waiting.until(lambda: sidecar.metrics().sum(rules) == 2, "the rules", timeout=30)
    for number in range(5):
        ask(sidecar, f"/all/{number}")
        ask(sidecar, f"/none/{number}")

    for number in range(5):
        segment = daemon.segment(f"/all/{number}")
        assert segment["aws"]["xray"]["sampling_rule_name"] == "all"
    assert not any("/none/" in json.dumps(one) for one in daemon.documents())
    expected = {"all": [5, 5, 0], "Default": [5, 0, 0]}
    waiting.until(lambda: reported(backend) == expected, "reports of all requests", timeout=30)
    decided = sidecar.metrics()
    name = "sideray_sampling_central_decisions_total"
    assert decided.sum(name, rule="all", decision="sampled") == 5
    polls = "sideray_sampling_central_polls_total"
    assert decided.sum(polls, about="rules", result="failed") == 1
    asked = [path for path, _ in backend.told if path == "/SamplingTargets"]
    assert decided.sum(polls, about="targets") == len(asked), "nothing to tell is no question"


def ask(sidecar, path):
    """One request."""
    with urllib.request.urlopen(f"{sidecar.ingress}{path}", timeout=20) as answer:
        answer.read()


def reported(backend):
    """What all reports tell together: requests, sampled and borrowed of each rule."""
    all_counts = {}
    for path, asked in list(backend.told):
        assert path == ("/SamplingTargets" if asked else "/GetSamplingRules")
        for one in asked.get("SamplingStatisticsDocuments", []):
            assert len(one["ClientID"]) == 24
            counts = one["RequestCount"], one["SampledCount"], one["BorrowCount"]
            before = all_counts.get(one["RuleName"], [0, 0, 0])
            all_counts[one["RuleName"]] = [sum(pair) for pair in zip(before, counts, strict=True)]
    return all_counts
