"""The load, in a process of its own: a closed loop over WIDTH slots with one request each.

    python -m attribution.driver http://127.0.0.1:8000 FIRST COUNT WIDTH

sends the requests FIRST … FIRST + COUNT - 1 as `plan` draws them and prints one JSON line: when it
began and ended, how many had which outcome, what broke, and the latency in milliseconds of every
request that was answered with 200. A request is never sent twice."""

import asyncio
import collections
import json
import sys
import time
from urllib.parse import urlsplit

from attribution import plan

PATIENCE = 60


class Driver:
    """The requests that are not yet sent, and what came of the others."""

    def __init__(self, base, numbers):
        self.address = (urlsplit(base).hostname, urlsplit(base).port)
        self.authority = urlsplit(base).netloc
        self.requests = (plan.request(number) for number in numbers)
        self.outcomes = collections.Counter()
        self.latencies = {}
        self.broken = []

    async def slot(self, offset):
        """One request after the other, over one connection as long as it lasts. The slots begin
        one after the other, so that they do not march in step."""
        await asyncio.sleep(offset)
        connection = None
        for request in self.requests:
            await asyncio.sleep(request.pause / 1000)
            try:
                connection = connection or await asyncio.open_connection(*self.address)
                keep = await asyncio.wait_for(self.patient(request, connection), PATIENCE)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                self.broken.append(f"{request.number}: {error!r}")
                keep = False
            if not keep and connection:
                connection[1].close()
                connection = None

    async def patient(self, request, connection):
        """One request, or as much of it as its client waits for: whether the connection stays."""
        try:
            limit = None if request.hangup is None else request.hangup / 1000
            return await asyncio.wait_for(self.exchange(request, *connection), limit)
        except asyncio.TimeoutError:
            if request.hangup is None:
                raise
            self.outcomes["hangup"] += 1
            return False

    async def exchange(self, request, reader, writer):
        """One request and its whole answer: whether the connection stays."""
        began = time.perf_counter()
        close = "Connection: close\r\n" if request.fresh else ""
        writer.write(
            f"GET {request.path} HTTP/1.1\r\nHost: {self.authority}\r\n{close}\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length:" in head:
            length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
        else:
            while chunk := int((await reader.readuntil(b"\r\n")), 16):
                await reader.readexactly(chunk + 2)
            await reader.readexactly(2)
        status = head[9:12].decode()
        self.outcomes[status] += 1
        if status == "200":
            self.latencies[request.number] = (time.perf_counter() - began) * 1000
        return not request.fresh and b"connection: close" not in head


async def drive(base, first, count, width):
    """Runs the load and returns what is printed."""
    driver = Driver(base, range(first, first + count))
    began = time.time()
    step = plan.STEADY_DELAY / 1000 / width
    await asyncio.gather(*(driver.slot(step * slot) for slot in range(width)))
    return {
        "began": began,
        "ended": time.time(),
        "outcomes": dict(driver.outcomes),
        "broken": driver.broken,
        "latencies": driver.latencies,
    }


if __name__ == "__main__":
    url, *words = sys.argv[1:]
    print(json.dumps(asyncio.run(drive(url, *map(int, words)))))
