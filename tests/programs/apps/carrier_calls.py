"""What the services of the carrier's tests have in common: how a request's calls are made. The
number in the path is the truth that only the test reads; no service here knows of tracing."""

import os
import random
import threading
import time
import urllib.request

ORIGIN = os.environ["ORIGIN"]


def targets(number, calls):
    """What the request of this number calls: each time seconds to think, and an address."""
    for call in range(calls):
        yield random.uniform(0, 0.02), f"{ORIGIN}/call/{number}/{call}"


def get(url):
    """One call over a connection of its own."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        answer.read()


def think(seconds, url, call=get):
    """Thinks and calls."""
    time.sleep(seconds)
    call(url)


def background():
    """Calls on its own, four times a second, as long as the service runs."""
    while True:
        time.sleep(0.25)
        get(f"{ORIGIN}/background")


threading.Thread(target=background, daemon=True).start()
