"""aiohttp as server and client. `helper` calls with requests by `asyncio.to_thread`.
`python aiohttp_app.py PORT` serves it."""

import asyncio
import contextlib
import sys

import aiohttp
import job
import requests
from aiohttp import web

CLIENT = web.AppKey("client", aiohttp.ClientSession)
TASKS = set()
JOBS = asyncio.Queue()
WORKERS = []


async def get(client, url):
    """One call, tried again after a broken connection or a 503."""
    for _ in range(job.TRIES):
        with contextlib.suppress(aiohttp.ClientError):
            async with client.get(url) as answer:
                await answer.read()
                if answer.status != 503:
                    return


def spawn(coroutine):
    """A task that is not forgotten while it runs."""
    task = asyncio.create_task(coroutine)
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    return task


async def poll(client):
    """The background timer."""
    for url in job.ticks():
        await asyncio.sleep(job.EVERY)
        await get(client, url)


async def living(app):
    """The client and the timer live as long as the app."""
    patience = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(trust_env=True, timeout=patience) as client:
        app[CLIENT] = client
        timer = spawn(poll(client))
        yield
        timer.cancel()


async def one(client, think, url):
    """A think time and a call."""
    await asyncio.sleep(think)
    await get(client, url)


async def seq(client, work):
    """One after the other."""
    for call in work.calls:
        await one(client, *call)


async def par(client, work):
    """All at once, each in a task of its own."""
    await asyncio.gather(*(one(client, *call) for call in work.calls))


def blocking(url):
    """One call by a client that blocks."""
    with contextlib.suppress(requests.RequestException):
        requests.get(url, timeout=20)


async def helper(client, work):
    """By a client that blocks, on the threads of the loop's executor."""
    del client
    for think, url in work.calls:
        await asyncio.sleep(think)
        await asyncio.to_thread(blocking, url)


async def consume(client):
    """A worker for all requests."""
    while True:
        *call, done = await JOBS.get()
        await one(client, *call)
        done.set()


async def shared(client, work):
    """By workers for all requests, which the first of them began."""
    if not WORKERS:
        WORKERS.extend(asyncio.create_task(consume(client)) for _ in range(4))
    for call in work.calls:
        done = asyncio.Event()
        JOBS.put_nowait((*call, done))
        await done.wait()


WAYS = {"seq": seq, "par": par, "helper": helper, "shared": shared}


async def work(request):
    """Does what the query says."""
    asked = job.Job.of(int(request.match_info["number"]), request.query)
    client = request.app[CLIENT]
    if asked.mode == "late":
        await asyncio.sleep(asked.rest)
        answer = web.Response(text="later\n")
        await answer.prepare(request)
        await answer.write_eof()
        spawn(seq(client, asked))
        return answer
    await WAYS[asked.mode](client, asked)
    await asyncio.sleep(asked.rest)
    return web.Response(text="done\n")


if __name__ == "__main__":
    app = web.Application()
    app.cleanup_ctx.append(living)
    app.router.add_get("/work/{number}", work)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
