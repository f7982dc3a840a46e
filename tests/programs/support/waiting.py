"""Waits with a deadline. A test never sleeps for a guessed time: it waits on an event, or asks
again and again for what the outside world only tells when it is asked."""

import socket
import threading
import time

#: Long enough for a loaded machine, short enough to fail while somebody still looks.
DEADLINE = 20.0


def until(condition, what, timeout=DEADLINE):
    """Asks `condition()` until it is true and returns its value; `what` says what was hoped for."""
    ends = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > ends:
            raise AssertionError(f"in {timeout:.0f} s this did not happen: {what}")
        pause.wait(0.01)


def accepts(port, host="127.0.0.1"):
    """Whether something listens there."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((host, port)) == 0


def free_port():
    """A port that was free a moment ago, for programs that cannot be told to take any."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]
