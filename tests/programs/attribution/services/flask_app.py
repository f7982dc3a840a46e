"""Flask with requests, for werkzeug's threaded server and for gunicorn. Odd requests call through
one session for all threads, even ones through a session of the thread. `python flask_app.py PORT`
serves it by werkzeug."""

import contextlib
import logging
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import job
import requests
from flask import Flask
from flask import Response
from flask import request
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

app = Flask(__name__)
POOL = ThreadPoolExecutor(64)
LOCAL = threading.local()
JOBS = queue.Queue()
STARTED = threading.Event()


def session():
    """A session that tries again after a reset or a 503."""
    retry = Retry(total=job.TRIES - 1, status_forcelist=[503], backoff_factor=0)
    made = requests.Session()
    made.mount("http://", HTTPAdapter(max_retries=retry, pool_maxsize=64))
    return made


ONE = session()


def own():
    """The session of this thread."""
    if not hasattr(LOCAL, "session"):
        LOCAL.session = session()
    return LOCAL.session


def get(url, chosen=None):
    """One call; that it failed is no fault of the request."""
    with contextlib.suppress(requests.RequestException):
        (chosen or own()).get(url, timeout=20)


def one(work, think, url):
    """A think time and a call."""
    time.sleep(think)
    get(url, ONE if work.number % 2 else None)


def seq(work):
    """One after the other, on this thread."""
    for think, url in work.calls:
        one(work, think, url)


def par(work):
    """All at once, on the threads of a pool that all requests share."""
    list(POOL.map(lambda call: one(work, *call), work.calls))


def helper(work):
    """On threads that this request started."""
    with ThreadPoolExecutor(2) as pool:
        for call in work.calls:
            pool.submit(one, work, *call)


def consume():
    """A worker for all requests."""
    while True:
        work, call, done = JOBS.get()
        one(work, *call)
        done.set()


def shared(work):
    """By workers for all requests, which the first of them began."""
    if not STARTED.is_set():
        STARTED.set()
        for _ in range(4):
            threading.Thread(target=consume, daemon=True).start()
    for call in work.calls:
        done = threading.Event()
        JOBS.put((work, call, done))
        done.wait()


WAYS = {"seq": seq, "par": par, "helper": helper, "shared": shared}


def late(work):
    """Answers, and calls then: on a thread of its own, or on this one when the answer has left."""
    answer = Response("later\n")
    if work.number % 2:
        answer.call_on_close(lambda: seq(work))
    else:
        threading.Timer(0.001, seq, [work]).start()
    return answer


@app.get("/work/<int:number>")
def work(number):
    """Does what the query says."""
    asked = job.Job.of(number, request.args)
    if asked.mode == "late":
        time.sleep(asked.rest)
        return late(asked)
    WAYS[asked.mode](asked)
    time.sleep(asked.rest)
    return "done\n"


job.every(get)

if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
