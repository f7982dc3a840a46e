"""Stands in for the X-Ray daemon: takes documents and counts them, nothing else.

Prints its port, then answers each line on its standard input with `RECEIVED DROPPED`: the
datagrams it read, and those the kernel threw away because this process was too slow. The sum is
exact whatever the load. Ends with its input."""

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "programs"))

from support import udp  # noqa: E402


class Sink:
    """The socket and its count."""

    def __init__(self):
        self.socket = udp.bind()
        self.received = 0

    def receive(self):
        """Reads for ever."""
        buffer = bytearray(65_536)
        recv_into = self.socket.recv_into
        while True:
            recv_into(buffer)
            self.received += 1


def main():
    """Counts on one thread, tells on the other."""
    sink = Sink()
    threading.Thread(target=sink.receive, daemon=True).start()
    print(sink.socket.getsockname()[1], flush=True)
    for _ in sys.stdin:
        print(sink.received, udp.kernel_drops(sink.socket), flush=True)


if __name__ == "__main__":
    main()
