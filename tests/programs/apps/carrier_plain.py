"""Services of the standard library alone: `carrier_plain.py KIND PORT`, where KIND is `http` (a
thread for each connection), `wsgi` (one thread), `streams` or `waits` (asyncio's streams, the
latter with a time limit on each read), `protocol` (asyncio's callbacks)."""

import asyncio
import http.server
import socketserver
import sys
import wsgiref.simple_server
from concurrent.futures import ThreadPoolExecutor

from carrier_calls import ORIGIN
from carrier_calls import get
from carrier_calls import targets
from carrier_calls import think

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
forever = set()


def work(path):
    """Does what the path says, in the thread that asks."""
    _, how, number, calls = path.split("/")
    if how == "pool":
        with ThreadPoolExecutor(4) as own:
            list(own.map(lambda target: think(*target), targets(number, int(calls))))
    else:
        for target in targets(number, int(calls)):
            think(*target)


async def work_in_loop(path):
    """Does what the path says, in the coroutine that asks."""
    _, how, number, *calls = path.split("/")
    if how == "late":
        forever.add(asyncio.ensure_future(flush(number)))
        return
    jobs = [call(*target) for target in targets(number, int(calls[0]))]
    if how == "pool":
        await asyncio.gather(*jobs)
    else:
        for job in jobs:
            await job


async def call(seconds, url):
    """Thinks and calls from the loop's executor."""
    await asyncio.sleep(seconds)
    await asyncio.get_running_loop().run_in_executor(None, get, url)


async def flush(number):
    """Goes on for ever."""
    while True:
        await call(0.1, f"{ORIGIN}/late/{number}")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers over kept-alive connections."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Works and answers."""
        work(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    def log_message(self, *_):
        """Says nothing."""


class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 256


def application(environ, start_response):
    """The WSGI service."""
    work(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    """Says nothing."""

    def log_message(self, *_):
        """Says nothing."""


async def by_lines(reader, writer):
    """Reads a head line by line."""
    while True:
        line = await reader.readline()
        if not line:
            break
        while await reader.readline() not in (b"\r\n", b""):
            pass
        await work_in_loop(line.split()[1].decode())
        writer.write(HEAD + b"done")
    writer.close()


async def by_heads(reader, writer):
    """Reads a head at once, within a time limit."""
    while True:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        except asyncio.IncompleteReadError:
            break
        await work_in_loop(head.split()[1].decode())
        writer.write(HEAD + b"done")
    writer.close()


class Protocol(asyncio.Protocol):
    """A task for each request."""

    def connection_made(self, transport):
        """Keeps the transport."""
        self.transport = transport

    def data_received(self, data):
        """Takes a head, which the test sends in one piece."""
        forever.add(asyncio.get_running_loop().create_task(self.answer(data)))

    async def answer(self, head):
        """Works and answers."""
        await work_in_loop(head.split()[1].decode())
        self.transport.write(HEAD + b"done")


async def serve(kind, port):
    """Serves in a loop."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(64))
    if kind == "protocol":
        await loop.create_server(Protocol, "127.0.0.1", port, backlog=256)
    else:
        handler = by_lines if kind == "streams" else by_heads
        await asyncio.start_server(handler, "127.0.0.1", port, backlog=256)
    await asyncio.Event().wait()


def main(kind, port):
    """Serves for ever."""
    if kind == "http":
        Threads(("127.0.0.1", port), Handler).serve_forever()
    elif kind == "wsgi":
        make = wsgiref.simple_server.make_server
        make("127.0.0.1", port, application, handler_class=Quiet).serve_forever()
    else:
        asyncio.run(serve(kind, port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
