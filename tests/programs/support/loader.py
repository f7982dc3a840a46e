"""Load in a process of its own: exactly N GETs over C kept-alive connections, each to a path of its
own, and the truth about every one of them.

    python -m support.loader http://127.0.0.1:8000/load 50000 64

asks for /load/0 … /load/49999 and prints, as one JSON line, how many answers had which status and
how many requests broke. A request is never sent twice."""

import asyncio
import collections
import json
import sys
from urllib.parse import urlsplit


class Loader:
    """The numbers not yet asked for, and what came of the others."""

    def __init__(self, base, requests):
        parts = urlsplit(base)
        self.address = (parts.hostname, parts.port)
        self.authority, self.path = parts.netloc, parts.path
        self.numbers = iter(range(requests))
        self.statuses = collections.Counter()
        self.broken = []

    async def connection(self):
        """One connection after the other, for as long as there are numbers."""
        reader = writer = None
        for number in self.numbers:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(*self.address)
                status, keep = await self.exchange(reader, writer, number)
                self.statuses[status] += 1
            except (OSError, EOFError, ValueError) as error:
                self.broken.append(f"{number}: {error!r}")
                keep = False
            if not keep and writer is not None:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    async def exchange(self, reader, writer, number):
        """One request and its whole answer: (status, whether the connection stays)."""
        line = f"GET {self.path}/{number} HTTP/1.1\r\nHost: {self.authority}\r\n\r\n"
        writer.write(line.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))
        return int(head[9:12]), b"connection: close" not in head


async def load(base, requests, connections):
    """Runs the load and returns what is printed."""
    loader = Loader(base, requests)
    await asyncio.gather(*(loader.connection() for _ in range(connections)))
    return {"statuses": dict(loader.statuses), "broken": loader.broken}


if __name__ == "__main__":
    url, count, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(asyncio.run(load(url, count, width))))
