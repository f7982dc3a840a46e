"""A Flask service that calls by requests and urllib: in line, from a pool that is made for the
request, from a pool that all share, from threads, from workers behind a queue, and after its
answer."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from carrier_calls import ORIGIN
from carrier_calls import get
from carrier_calls import targets
from carrier_calls import think
from flask import Flask

app = Flask(__name__)
shared = ThreadPoolExecutor(4)
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


def pooled(url):
    """One call over a kept-alive connection of the session."""
    session.get(url, timeout=20).raise_for_status()


@app.get("/inline/<number>/<int:calls>")
def inline(number, calls):
    """One call after the other."""
    for turn, (seconds, url) in enumerate(targets(number, calls)):
        think(seconds, url, pooled if turn % 2 else get)
    return number


@app.get("/pool/<number>/<int:calls>")
def pool(number, calls):
    """All calls at once, from threads of the request's own."""
    with ThreadPoolExecutor(calls) as own:
        list(own.map(lambda target: think(*target, pooled), targets(number, calls)))
    return number


@app.get("/shared/<number>/<int:calls>")
def from_shared(number, calls):
    """All calls from the threads that other requests use, too."""
    for job in [shared.submit(think, *target, pooled) for target in targets(number, calls)]:
        job.result()
    return number


@app.get("/thread/<number>/<int:calls>")
def thread(number, calls):
    """A thread for each call."""
    threads = [threading.Thread(target=think, args=target) for target in targets(number, calls)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return number


@app.get("/queue/<number>/<int:calls>")
def queued(number, calls):
    """Calls by workers for all requests, which the first of them begins."""
    if not workers:
        workers.extend(threading.Thread(target=work, daemon=True) for _ in range(3))
        for worker in workers:
            worker.start()
    ends = [threading.Event() for _ in range(calls)]
    for target, end in zip(targets(number, calls), ends, strict=True):
        jobs.put((target, end))
    for end in ends:
        end.wait()
    return number


workers = []
jobs = queue.Queue()


def work():
    """Does one job after the other."""
    while True:
        target, end = jobs.get()
        think(*target, pooled)
        end.set()


@app.get("/after/<number>/<int:calls>")
def after(number, calls):
    """Answers first and calls soon after."""
    for target in targets(number, calls):
        threading.Thread(target=think, args=target).start()
    return number


@app.get("/late/<number>")
def late(number):
    """Starts a thread that goes on for ever, as lazily started flushers do."""

    def flush():
        while True:
            time.sleep(0.1)
            get(f"{ORIGIN}/late/{number}")

    threading.Thread(target=flush, daemon=True).start()
    return number
