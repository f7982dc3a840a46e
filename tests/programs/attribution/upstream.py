"""What the services call: a server in a process of its own that is slow and fails as `plan` says.

    python -m attribution.upstream PORT

`/call/N/I` and `/after/N/I` are calls of request N, `/tick/K` and `/call/0/K` those of a timer. A
faulty call's first attempt is reset or answered with 503, its second is not. `/seen` tells which
calls of requests have come, as a JSON list of [N, I]."""

import asyncio
import json
import socket
import struct
import sys

from attribution import plan

SEEN = set()


def answer(path):
    """What is to be done with a call."""
    kind, *words = path.strip("/").split("/")
    number, index = (plan.BACKGROUND, 0) if kind == "tick" else map(int, words)
    told = plan.answer(number, index)
    if number == plan.BACKGROUND:
        return told
    if (number, index) in SEEN:
        return told._replace(fault="ok")
    SEEN.add((number, index))
    return told


def head(status, body=""):
    """A whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def reset(writer):
    """Closes a connection with RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def serve(reader, writer):
    """One connection, request by request."""
    while True:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0]
        path = line.split()[1].decode()
        if path == "/seen":
            writer.write(head("200 OK", json.dumps(sorted(SEEN))))
            continue
        told = answer(path)
        await asyncio.sleep(told.delay / 1000)
        if told.fault == "reset":
            reset(writer)
            return
        writer.write(head("503 Service Unavailable" if told.fault == "503" else "200 OK", "ok"))


async def connection(reader, writer):
    """One connection, however it ends."""
    try:
        await serve(reader, writer)
    except (OSError, EOFError):
        pass
    finally:
        writer.close()


async def main(port):
    """Serves until it is ended."""
    server = await asyncio.start_server(connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
