"""A server that answers every request with an empty 200 whose request id is the `X-Number` it was
sent, over any number of connections; and clients that send it such requests one after another."""

import asyncio
import re
import socket
import threading

from support.waiting import DEADLINE

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
NUMBER = re.compile(rb"\r\nx-number: *(\d+)", re.I)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 0\r\n"
    b"x-amzn-requestid: %b\r\nx-amz-request-id: %b\r\n\r\n"
)


class Dumb:
    """The server, on a port of the kernel's choice, in a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        )
        self._server = listening.result(DEADLINE)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @staticmethod
    async def _serve(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                if length:
                    await reader.readexactly(int(length[1]))
                number = NUMBER.search(head)[1]
                writer.write(ANSWER % (number, number))
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def close(self):
        """Stops listening and answering."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)

    async def _end(self):
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


class Lane:
    """A connection on which one request follows the answer to the last."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def ask(self, request):
        """Sends it and returns the status of the answer, which has no body."""
        self._socket.sendall(request)
        status = int(self._reader.readline().split()[1])
        length = 0
        while (line := self._reader.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._reader.read(length)
        return status

    def close(self):
        """Closes the connection."""
        self._reader.close()
        self._socket.close()
