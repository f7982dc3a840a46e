"""FastAPI with one httpx.AsyncClient. `helper` calls with requests on the loop's executor."""

import asyncio
import contextlib
from contextlib import asynccontextmanager

import httpx
import job
import requests
from fastapi import BackgroundTasks
from fastapi import FastAPI
from fastapi import Request

JOBS = asyncio.Queue()
WORKERS = []


async def get(url):
    """One call, tried again after a broken connection or a 503."""
    for _ in range(job.TRIES):
        with contextlib.suppress(httpx.TransportError):
            if (await app.state.client.get(url)).status_code != 503:
                return


async def poll():
    """The background timer."""
    for url in job.ticks():
        await asyncio.sleep(job.EVERY)
        await get(url)


@asynccontextmanager
async def lifespan(app):
    """The client and the timer live as long as the app."""
    async with httpx.AsyncClient(timeout=20) as client:
        app.state.client = client
        timer = asyncio.create_task(poll())
        yield
        timer.cancel()


app = FastAPI(lifespan=lifespan)


async def one(think, url):
    """A think time and a call."""
    await asyncio.sleep(think)
    await get(url)


async def seq(work):
    """One after the other."""
    for call in work.calls:
        await one(*call)


async def par(work):
    """All at once, each in a task of its own."""
    await asyncio.gather(*(one(*call) for call in work.calls))


def blocking(url):
    """One call by a client that blocks."""
    with contextlib.suppress(requests.RequestException):
        requests.get(url, timeout=20)


async def helper(work):
    """By a client that blocks, on the threads of the loop's executor."""
    loop = asyncio.get_running_loop()
    for think, url in work.calls:
        await asyncio.sleep(think)
        await loop.run_in_executor(None, blocking, url)


async def consume():
    """A worker for all requests."""
    while True:
        *call, done = await JOBS.get()
        await one(*call)
        done.set()


async def shared(work):
    """By workers for all requests, which the first of them began."""
    if not WORKERS:
        WORKERS.extend(asyncio.create_task(consume()) for _ in range(4))
    for call in work.calls:
        done = asyncio.Event()
        JOBS.put_nowait((*call, done))
        await done.wait()


WAYS = {"seq": seq, "par": par, "helper": helper, "shared": shared}


@app.get("/work/{number}")
async def work(number: int, request: Request, background: BackgroundTasks):
    """Does what the query says."""
    asked = job.Job.of(number, request.query_params)
    if asked.mode == "late":
        background.add_task(seq, asked)
    else:
        await WAYS[asked.mode](asked)
    await asyncio.sleep(asked.rest)
    return {"done": True}
