"""A FastAPI service that calls by httpx, from coroutines and from plain functions in threads."""

import asyncio

import httpx
from carrier_calls import ORIGIN
from carrier_calls import targets
from carrier_calls import think
from fastapi import BackgroundTasks
from fastapi import FastAPI

app = FastAPI()
limits = httpx.Limits(max_connections=32)
client = httpx.AsyncClient(timeout=20, limits=limits)
blocking = httpx.Client(timeout=20)


async def call(seconds, url):
    """Thinks and calls over a pool that all share."""
    await asyncio.sleep(seconds)
    (await client.get(url)).raise_for_status()


@app.get("/inline/{number}/{calls}")
async def inline(number: str, calls: int):
    """One call after the other."""
    for target in targets(number, calls):
        await call(*target)
    return number


@app.get("/pool/{number}/{calls}")
async def pool(number: str, calls: int):
    """All calls at once."""
    await asyncio.gather(*(call(*target) for target in targets(number, calls)))
    return number


@app.get("/thread/{number}/{calls}")
def thread(number: str, calls: int):
    """A plain function, which the framework runs in a thread."""
    for seconds, url in targets(number, calls):
        think(seconds, url, blocking.get)
    return number


@app.get("/shared/{number}/{calls}")
async def shared(number: str, calls: int):
    """Calls from the loop's own executor."""
    loop = asyncio.get_running_loop()
    for target in targets(number, calls):
        await loop.run_in_executor(None, think, *target)
    return number


@app.get("/queue/{number}/{calls}")
async def queued(number: str, calls: int):
    """Calls by workers for all requests, which the first of them begins."""
    if not workers:
        workers.extend(asyncio.create_task(work()) for _ in range(3))
    ends = [asyncio.Event() for _ in range(calls)]
    for target, end in zip(targets(number, calls), ends, strict=True):
        await jobs.put((target, end))
    for end in ends:
        await end.wait()
    return number


workers = []
jobs = asyncio.Queue(32)


async def work():
    """Does one job after the other."""
    while True:
        target, end = await jobs.get()
        await call(*target)
        end.set()


@app.get("/after/{number}/{calls}")
async def after(number: str, calls: int, tasks: BackgroundTasks):
    """Answers first and calls then."""
    for target in targets(number, calls):
        tasks.add_task(call, *target)
    return number


forever = set()


@app.get("/late/{number}")
async def late(number: str):
    """Starts a task that goes on for ever."""

    async def flush():
        while True:
            await call(0.1, f"{ORIGIN}/late/{number}")

    forever.add(asyncio.create_task(flush()))
    return number
