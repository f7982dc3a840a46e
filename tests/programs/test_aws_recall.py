"""Every operation of every service that botocore knows: is it recognised, from the wire alone?"""

import collections
import itertools
import queue
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import TOOLS
from support import documents
from support import every_operation
from support.dumb import Dumb
from support.dumb import Lane

LANES = 8

#: What the tracing itself asks of X-Ray is never traced. Its other operations may be.
XRAY = "xray"
UNTRACED = {"GetSamplingRules", "GetSamplingTargets", "PutTraceSegments", "PutTelemetryRecords"}


@pytest.fixture
def dumb():
    """A server that answers everything with 200."""
    server = Dumb()
    yield server
    server.close()


class Sender:
    """Sends operations over a few connections and numbers them."""

    def __init__(self, address):
        self._lanes = queue.SimpleQueue()
        for _ in range(LANES):
            self._lanes.put(Lane(address))
        self._numbers = itertools.count(1)
        self.sent = {}

    def send(self, operations):
        """Sends them one after another; returns those that were not answered with 200."""
        lane = self._lanes.get()
        refused = []
        for operation in operations:
            number = next(self._numbers)
            self.sent[str(number)] = operation
            status = lane.ask(operation.absolute(f"X-Number: {number}"))
            if status != 200:
                refused.append((operation.service, operation.operation, status))
        self._lanes.put(lane)
        return refused

    def close(self):
        """Closes the connections."""
        while not self._lanes.empty():
            self._lanes.get().close()


@pytest.mark.timeout(180)
def test_every_operation_is_recognised(sideray, daemon, dumb, capsys):
    operations = list(every_operation.each(TOOLS))
    route = [{"host": "*", "connect_to": dumb.url}]
    sidecar = sideray("http://127.0.0.1:1", egress={"route": route})
    sender = Sender(sidecar.addresses["egress"])
    began = time.monotonic()
    with ThreadPoolExecutor(LANES) as pool:
        batches = [pool.submit(sender.send, one) for one in operations]
    refused = [one for batch in batches for one in batch.result()]
    assert not refused, refused[:20]
    sender.close()
    sidecar.drain()
    daemon.settle()
    took = time.monotonic() - began

    missed = misses(sender.sent, recognised(daemon.documents()))
    total = len(sender.sent)
    with capsys.disabled():
        print(f"\n{total} operations of {len({o.service for o in sender.sent.values()})} services")
        print(f"recall {100 * (total - len(missed)) / total:.3f} %, {took:.0f} s")
        print(summary(missed))
    assert not missed
    assert total > 19_000, "botocore has more operations than that"
    assert took < 60


def recognised(known):
    """Name and operation that were recorded, by the number of the request."""
    found = {}
    for call in documents.calls(known):
        number = call.entity.get("aws", {}).get("request_id")
        if number is not None:
            assert number not in found, f"{found[number]} was recorded twice"
            found[number] = (call.entity["name"], call.entity["aws"].get("operation"))
    return found


def misses(sent, found):
    """The operations that were recorded as another or not at all, with what was. What cannot be
    told from another on the wire is recognised as that, by the list in `tests/aws`."""
    missed = []
    for number, one in sent.items():
        seen = found.get(number)
        if one.service == XRAY:
            right = {None} if one.operation in UNTRACED else {None, one.told}
        else:
            right = {one.told}
        if seen not in right:
            missed.append(((one.service, one.operation), seen))
    return missed


def summary(missed):
    """The misses, service by service."""
    grouped = collections.defaultdict(list)
    for (service, operation), seen in missed:
        grouped[service].append(f"{operation} as {' '.join(map(str, seen)) if seen else 'nothing'}")
    lines = (f"  {service}: {len(of)}: {', '.join(of[:8])}" for service, of in grouped.items())
    return "\n".join(sorted(lines))
