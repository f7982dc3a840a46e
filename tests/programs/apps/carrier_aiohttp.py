"""A service of aiohttp's server that calls by aiohttp's client."""

import asyncio
import sys

import aiohttp
from aiohttp import web
from carrier_calls import ORIGIN
from carrier_calls import targets

SESSION = web.AppKey("session", aiohttp.ClientSession)
forever = set()


async def call(app, seconds, url):
    """Thinks and calls over a pool that all share."""
    await asyncio.sleep(seconds)
    async with app[SESSION].get(url) as answer:
        await answer.read()


def of(request):
    """The targets of a request."""
    return targets(request.match_info["number"], int(request.match_info["calls"]))


async def inline(request):
    """One call after the other."""
    for target in of(request):
        await call(request.app, *target)
    return web.Response(text="done")


async def pool(request):
    """All calls at once."""
    await asyncio.gather(*(call(request.app, *target) for target in of(request)))
    return web.Response(text="done")


async def after(request):
    """Answers first and calls then."""
    for target in of(request):
        forever.add(asyncio.create_task(call(request.app, *target)))
    return web.Response(text="done")


async def late(request):
    """Starts a task that goes on for ever."""
    number = request.match_info["number"]

    async def flush():
        while True:
            await call(request.app, 0.1, f"{ORIGIN}/late/{number}")

    forever.add(asyncio.create_task(flush()))
    return web.Response(text="done")


async def session(app):
    """One session for all."""
    connector = aiohttp.TCPConnector(limit=32)
    app[SESSION] = aiohttp.ClientSession(connector=connector)
    yield
    await app[SESSION].close()


def main():
    """Serves on the port that is the first argument."""
    app = web.Application()
    app.cleanup_ctx.append(session)
    for handler in (inline, pool, after):
        app.router.add_get(f"/{handler.__name__}/{{number}}/{{calls}}", handler)
    app.router.add_get("/late/{number}", late)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
