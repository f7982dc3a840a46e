"""A service of Tornado's server that calls by its client, which lets ten calls out at a time and
starts the others from the end of an earlier one."""

import asyncio
import sys

import tornado.web
from carrier_calls import targets
from tornado.httpclient import AsyncHTTPClient


class Inline(tornado.web.RequestHandler):
    """One call after the other."""

    async def get(self, number, calls):
        """Works and answers."""
        for seconds, url in targets(number, int(calls)):
            await asyncio.sleep(seconds)
            await AsyncHTTPClient().fetch(url)
        self.write("done")


class Pool(tornado.web.RequestHandler):
    """All calls at once."""

    async def get(self, number, calls):
        """Works and answers."""
        jobs = [AsyncHTTPClient().fetch(url) for _, url in targets(number, int(calls))]
        await asyncio.gather(*jobs)
        self.write("done")


async def main():
    """Serves on the port that is the first argument."""
    routes = [(r"/inline/(\w+)/(\d+)", Inline), (r"/pool/(\w+)/(\d+)", Pool)]
    tornado.web.Application(routes).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
