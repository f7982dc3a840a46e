"""The X-Ray daemon of the tests: takes datagrams, and is at least as strict as the real one.

The real daemon splits a datagram at its first newline and looks at the header only. This one also
insists on what the service behind it insists on: one JSON object a datagram, no larger than UDP
over IPv4 can carry, and on what sideray promises: compact, its own `id` first."""

import json
import re
import socket
import threading
import time

from support import documents
from support import udp
from support.waiting import DEADLINE

HEADER = b'{"format":"json","version":1}\n'
MAX_DATAGRAM = 65_507
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
SENTINEL = b"the test asks whether everything before this has been read"


class Catcher:
    """A UDP socket on loopback and everything that ever came to it."""

    def __init__(self, compact=True):
        self._socket = udp.bind()
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.faults = []
        self._compact = compact
        self._raw = []
        self._parsed = []
        self._settled = 0
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        while True:
            datagram = self._socket.recv(MAX_DATAGRAM + 1)
            with self._news:
                if datagram == SENTINEL:
                    self._settled += 1
                else:
                    self._raw.append(datagram)
                self._news.notify_all()
                if self._closed:
                    return

    @property
    def received(self):
        """How many datagrams came."""
        return len(self._raw)

    def wait_received(self, count, timeout=DEADLINE):
        """Waits until that many datagrams have come, without reading them."""
        with self._news:
            if not self._news.wait_for(lambda: len(self._raw) >= count, timeout):
                raise AssertionError(f"{len(self._raw)} documents came, not {count}")

    def documents(self):
        """Every document so far, parsed and checked."""
        with self._news:
            fresh = self._raw[len(self._parsed) :]
        self._parsed.extend(self._check(datagram) for datagram in fresh)
        return list(self._parsed)

    def _check(self, datagram):
        def fault(what):
            self.faults.append(f"{what}: {datagram[:300]!r}")
            return {}

        if len(datagram) > MAX_DATAGRAM:
            return fault(f"{len(datagram)} bytes in one datagram")
        if not datagram.startswith(HEADER):
            return fault("another header line")
        body = datagram[len(HEADER) :]
        try:
            document = json.loads(body)
        except ValueError as error:
            return fault(f"not one JSON document ({error})")
        if not isinstance(document, dict):
            return fault("not a JSON object")
        # Behind the document there may be spaces: they bring the documents of a batch to one length.
        if self._compact and re.search(rb"\s", STRING.sub(b"", body.rstrip(b" "))):
            return fault("white space between tokens")
        if self._compact and not body.startswith(b'{"id":"'):
            return fault("its own id is not first")
        return document

    def wait(self, choose, what, timeout=DEADLINE):
        """Waits until `choose(documents)` gives something, and returns that."""
        ends = time.monotonic() + timeout
        while True:
            chosen = choose(self.documents())
            if chosen:
                return chosen
            with self._news:
                left = max(ends - time.monotonic(), 0)
                news = self._news.wait_for(lambda: len(self._raw) > len(self._parsed), left)
            if not news:
                seen = "\n".join(json.dumps(one)[:400] for one in self._parsed[-20:])
                raise AssertionError(f"no {what}; the last documents were:\n{seen}")

    def segment(self, path, timeout=DEADLINE):
        """The complete segment of the one inbound request whose URL ends with `path`."""
        found = self.segments(path, 1, timeout)
        assert len(found) == 1, f"one segment for {path}, not {len(found)}"
        return found[0]

    def segments(self, path, count, timeout=DEADLINE):
        """At least `count` complete segments of requests whose URL ends with `path`."""

        def choose(known):
            found = [s for s in known if documents.is_segment(s) and documents.at(s, path)]
            return found if len(found) >= count else None

        return self.wait(choose, f"{count} segments for {path}", timeout)

    def call(self, path, timeout=DEADLINE):
        """The one outbound call whose URL ends with `path`, wherever it travelled."""

        def choose(known):
            return [c for c in documents.calls(known) if documents.at(c.entity, path)]

        found = self.wait(choose, f"subsegment for {path}", timeout)
        assert len(found) == 1, f"one subsegment for {path}, not {len(found)}"
        return found[0]

    def settle(self):
        """Returns when everything that was sent before has been read: loopback keeps the order."""
        with self._news:
            goal = self._settled + 1
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(SENTINEL, ("127.0.0.1", self.port))
            if not self._news.wait_for(lambda: self._settled >= goal, DEADLINE):
                raise AssertionError("the catcher does not read its socket any more")

    def kernel_drops(self):
        """How many datagrams the kernel threw away because the socket's buffer was full."""
        return udp.kernel_drops(self._socket)

    def close(self):
        """Closes the port, as a daemon that dies does. What came before is kept."""
        if self._closed:
            return
        with self._news:
            self._closed = True
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(SENTINEL, ("127.0.0.1", self.port))
        self._thread.join(DEADLINE)
        self._socket.close()

    def save(self, path, alone=True):
        """Appends every document to `path`, one a line; without `alone` no subsegment that was sent
        by itself, as those are that outlive their segment."""
        with open(path, "ab") as file:
            for datagram in self._raw:
                document = datagram.removeprefix(HEADER)
                if alone or json.loads(document).get("type") != "subsegment":
                    file.write(document + b"\n")
