"""Checks of the carrier from the inside, on sockets that the checks hold both ends of. Runs every
`check_*` under the interpreter it is started with, carrier on; `carrier_checks.py CERT KEY`."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import decimal
import http.client
import inspect
import os
import pickle
import queue
import socket
import ssl
import sys
import threading
import traceback

A = "Root=1-0000000a-00000000000000000000000a;Sampled=1"
B = "Root=1-0000000b-00000000000000000000000b;Sampled=0"
PARENT = "00-0000000000000000000000000000000c-000000000000000c-01"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
TRACE = "X-Amzn-Trace-Id"

CARRIER = next(one for one in sys.meta_path if hasattr(one, "sideray_carrier"))
INSIDE = type(CARRIER).find_spec.__globals__


def head(trace=None, *lines, line="GET / HTTP/1.1"):
    """A request's head."""
    lines = [line, "Host: here", *lines]
    if trace:
        lines.append(f"{TRACE}: {trace}")
    return "\r\n".join([*lines, "", ""]).encode()


class Sink:
    """A client's socket that keeps what is sent."""

    def __init__(self):
        self.data = b""

    def sendall(self, data):
        """Keeps it."""
        self.data += data


def outgoing(path="/", **headers):
    """The trace headers of a call that is made here, as they are written."""
    connection = http.client.HTTPConnection("there")
    connection.sock = Sink()
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    lines = connection.sock.data.decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in lines[1:] if ": " in line]
    return {name: value for name, value in pairs if name.lower() in (TRACE.lower(), "traceparent")}


class Pair:
    """Both ends of a connection that was accepted here."""

    def __init__(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.close()

    def get(self, data, size=65536):
        """Sends what a client would and reads it as a server would."""
        self.client.sendall(data)
        got = b""
        while len(got) < len(data):
            got += self.server.recv(min(size, len(data) - len(got)))
        assert got == data

    def answer(self, data=ANSWER):
        """Sends what a server would and reads it as a client would."""
        self.server.sendall(data)
        got = b""
        while len(got) < len(data):
            got += self.client.recv(len(data) - len(got))
        assert got == data


@contextlib.contextmanager
def later(seconds=1.1):
    """So much later, as the carrier sees it."""
    now = INSIDE["_monotonic"]
    INSIDE["_monotonic"] = lambda: now() + seconds
    try:
        yield
    finally:
        INSIDE["_monotonic"] = now


def check_every_request_has_its_own():
    with Pair() as pair:
        for trace in (A, None, B, A, None, None):
            pair.get(head(trace))
            assert outgoing() == ({TRACE: trace} if trace else {})
            pair.answer()
    assert outgoing() == {}


def check_both_names_are_passed_on():
    with Pair() as pair:
        pair.get(head(A, f"traceparent: {PARENT}"))
        assert outgoing() == {TRACE: A, "traceparent": PARENT}
        pair.answer()
        pair.get(head(None, f"TRACEPARENT:{PARENT}"))
        assert outgoing() == {"traceparent": PARENT}


def check_a_head_in_pieces():
    with Pair() as pair:
        pair.get(head(A), 1)
        assert outgoing() == {TRACE: A}
        pair.answer()
        pair.get(head(B)[:-1])
        assert outgoing() == {}
        pair.get(b"\n")
        assert outgoing() == {TRACE: B}


def check_a_head_read_by_a_file():
    with Pair() as pair, pair.server.makefile("rb") as reader:
        for trace in (A, B):
            pair.client.sendall(head(trace))
            while reader.readline() != b"\r\n":
                pass
            assert outgoing() == {TRACE: trace}
            pair.answer()


def check_bare_line_feeds():
    with Pair() as pair:
        for end in (b"\n\n", b"\n\r\n", b"\r\n\r\n"):
            pair.get(head(A).replace(b"\r\n", b"\n")[:-2] + end)
            assert outgoing() == {TRACE: A}
            pair.answer()


def check_a_body_is_no_head():
    fake = head(B)
    with Pair() as pair:
        pair.get(head(A, f"Content-Length: {len(fake)}", line="POST / HTTP/1.1"))
        pair.get(fake)
        assert outgoing() == {TRACE: A}
        pair.answer()
        pair.get(head(A, "Transfer-Encoding: chunked", line="POST / HTTP/1.1"))
        pair.get(b"%x;extension\r\n%s\r\n" % (len(fake), fake), 3)
        assert outgoing() == {TRACE: A}
        pair.get(b"0\r\nX-Trailer: 1\r\n\r\n", 3)
        assert outgoing() == {TRACE: A}
        pair.answer()
        pair.get(head(B))
        assert outgoing() == {TRACE: B}


def check_pipelined_requests_have_none():
    with Pair() as pair:
        pair.get(head(A) + head(B))
        assert outgoing() == {}
        pair.answer()
        assert outgoing() == {}
        pair.answer()
        pair.get(head(B))
        assert outgoing() == {TRACE: B}
        pair.get(head(A))
        assert outgoing() == {}, "read ahead, before the answer"


def check_what_a_client_reads_is_no_request():
    with Pair() as pair:
        pair.server.sendall(head(A))
        assert pair.client.recv(65536) == head(A)
        assert outgoing() == {}


def check_other_protocols_are_left_alone():
    greetings = b"HTTP/1.1 200 OK\r\n", b"PRI * HTTP/2.0\r\n\r\n", b"\x16\x03\x01", b"hello\r\n"
    for greeting in greetings:
        with Pair() as pair:
            pair.get(greeting)
            pair.get(head(A))
            assert outgoing() == {}, greeting


def check_tunnels_are_not_looked_into():
    with Pair() as pair:
        pair.get(head(A, line="CONNECT there:1 HTTP/1.1"))
        pair.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        pair.get(head(B))
        assert outgoing() == {}
    with Pair() as pair:
        pair.get(head(A, "Connection: upgrade", "Upgrade: websocket"))
        pair.answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        pair.get(b"\x81\x05hello")
        assert outgoing() == {}


def check_peeking_counts_once():
    with Pair() as pair:
        pair.client.sendall(head(A))
        pair.server.recv(65536, socket.MSG_PEEK)
        assert outgoing() == {}
        assert pair.server.recv_into(bytearray(65536)) == len(head(A))
        assert outgoing() == {TRACE: A}


def check_polled_sockets_are_left_alone():
    with Pair() as pair:
        pair.server.setblocking(False)
        pair.get(head(A))
        assert outgoing() == {}


def check_the_plain_side_of_tls():
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*sys.argv[1:3])
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with Pair() as pair, concurrent.futures.ThreadPoolExecutor(1) as other:
        wrapped = other.submit(client.wrap_socket, pair.client)
        pair.server = server.wrap_socket(pair.server, server_side=True)
        pair.client = wrapped.result()
        for trace in (A, None, B):
            pair.get(head(trace), 7)
            assert outgoing() == ({TRACE: trace} if trace else {})
            pair.answer()
        with pair.server.makefile("rb") as reader:
            pair.client.sendall(head(A))
            while reader.readline() != b"\r\n":
                pass
        assert outgoing() == {TRACE: A}


def check_a_request_ends_with_its_answer():
    big = b"x" * 200000
    answers = (
        ANSWER,
        b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + big,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + big + b"\r\n0\r\n\r\n",
    )
    for answer in answers:
        for size in (5, len(answer)) if len(answer) < 1000 else (50000, len(answer)):
            with Pair() as pair:
                pair.get(head(A))
                for at in range(0, len(answer), size):
                    with later():
                        assert outgoing() == {TRACE: A}, "still being answered"
                    pair.answer(answer[at : at + size])
                assert outgoing() == {TRACE: A}, "just answered"
                with later():
                    assert outgoing() == {}, answer[:60]


def check_a_request_ends_with_its_connection():
    pair = Pair()
    pair.get(head(A))
    context = contextvars.copy_context()
    pair.answer(b"HTTP/1.0 200 OK\r\n\r\nuntil it is closed")
    with later():
        assert outgoing() == {TRACE: A}
    pair.client.close()
    pair.server.close()
    assert outgoing() == {}
    assert context.run(outgoing) == {TRACE: A}
    with later():
        assert context.run(outgoing) == {}


def check_a_request_ends_with_the_next():
    with Pair() as pair:
        pair.get(head(A))
        context = contextvars.copy_context()
        pair.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone")
        pair.get(head(B))
        assert outgoing() == {TRACE: B}
        with later():
            assert context.run(outgoing) == {}


def check_the_callers_own_headers_win():
    signed = "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host;x-amzn-trace-id, Signature=y"
    with Pair() as pair:
        pair.get(head(A))
        assert outgoing(x_amzn_trace_id="own") == {"x-amzn-trace-id": "own"}
        assert outgoing(Traceparent="own") == {"Traceparent": "own"}
        assert outgoing(Authorization=signed) == {}
        assert outgoing("/?X-Amz-SignedHeaders=host%3Bx-amzn-trace-id") == {}
        assert outgoing(Authorization=signed.replace("x-amzn-trace-id", "date")) == {TRACE: A}


def check_unsound_values_are_not_passed_on():
    for value in ("a\tb", "x" * 1025, "caf\xe9", "a\x00b", ""):
        with Pair() as pair:
            pair.get(head().replace(b"\r\n\r\n", f"\r\n{TRACE}: {value}\r\n\r\n".encode("latin-1")))
            assert outgoing() == {}, value


def in_thread(function):
    """What it returns in a thread that is started here."""
    got = []
    thread = threading.Thread(target=lambda: got.append(function()))
    thread.start()
    thread.join()
    return got[0]


def check_threads_get_the_request_and_nothing_else():
    own = contextvars.ContextVar("own", default="unset")
    own.set("set")
    decimal.getcontext().prec = 5
    with Pair() as pair:
        pair.get(head(A))
        assert in_thread(outgoing) == {TRACE: A}
        assert in_thread(lambda: in_thread(outgoing)) == {TRACE: A}
        assert in_thread(own.get) == "unset"
        assert in_thread(lambda: decimal.getcontext().prec) == 28
    decimal.getcontext().prec = 28


def check_timers_that_fire_too_late_get_none():
    with Pair() as pair:
        pair.get(head(A))
        got, go = [], threading.Event()
        thread = threading.Thread(target=lambda: go.wait() and got.append(outgoing()))
        thread.start()
        pair.answer()
        with later():
            go.set()
            thread.join()
        assert got == [{}]


def check_pools_get_the_request_of_each_job():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with Pair() as pair:
            pair.get(head(A))
            assert pool.submit(outgoing).result() == {TRACE: A}
            pair.answer()
            pair.get(head())
            assert pool.submit(outgoing).result() == {}
            pair.answer()
            pair.get(head(B))
            assert list(pool.map(lambda _: outgoing(), range(2))) == [{TRACE: B}] * 2
        assert pool.submit(outgoing).result() == {}


def check_workers_of_a_queue_get_none():
    jobs, results = queue.Queue(), queue.Queue()

    def work():
        while jobs.get():
            results.put(outgoing())

    threading.Thread(target=work, daemon=True).start()
    with Pair() as pair:
        pair.get(head(A))
        jobs.put(True)
        assert results.get() == {}
    jobs.put(False)


def begun(jobs, work):
    """A thread that is begun here and does `work` for whatever is put into a queue."""

    def loop():
        for job in iter(jobs.get, None):
            work(job)

    threading.Thread(target=loop, daemon=True).start()


def check_workers_that_a_request_has_begun_get_none_for_others():
    jobs, results = queue.Queue(), queue.Queue()
    with Pair() as one, Pair() as other:
        one.get(head(A))
        begun(jobs, lambda _: results.put(outgoing()))
        jobs.put(1)
        assert results.get() == {TRACE: A}, "its own job"
        assert outgoing() == {TRACE: A}, "who takes a result goes on handling its request"
        other.get(head(B))
        jobs.put(2)
        assert results.get() == {}
        assert outgoing() == {TRACE: B}
    jobs.put(None)


def check_jobs_of_nobody_take_the_request_from_a_worker():
    jobs, results = queue.Queue(), queue.Queue()
    jobs.put(1)
    with Pair() as pair:
        pair.get(head(A))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(jobs.get).result()
            assert pool.submit(outgoing).result() == {TRACE: A}, "the next job is another"
            jobs.put(2)
            begun(jobs, lambda _: results.put(outgoing()))
            assert results.get() == {TRACE: A}
            jobs.queue.extend([3, 4])
            jobs.put(5)
            assert results.get() == {}, "put in by a way that is not followed"
            jobs.put(None)


def check_connections_are_no_jobs():
    pool = queue.Queue()
    pool.put(contextlib.nullcontext())

    def use():
        connection = pool.get()
        got = outgoing()
        pool.put(connection)
        return got

    with Pair() as pair:
        for trace in (None, A, B, A):
            pair.get(head(trace))
            use()
            assert in_thread(use) == ({TRACE: trace} if trace else {})
            pair.answer()


def check_tasks_that_a_request_has_begun_get_none_for_others():
    seen, results = [], []

    async def work(jobs):
        while True:
            done = await jobs.get()
            seen.append(outgoing().get(TRACE))
            done.set_result(None)

    async def main():
        jobs = asyncio.Queue()
        tasks = []

        async def handle(reader, writer):
            loop = asyncio.get_running_loop()
            for _ in range(3):
                await reader.readuntil(b"\r\n\r\n")
                if not tasks:
                    tasks.append(loop.create_task(work(jobs)))
                done = loop.create_future()
                jobs.put_nowait(done)
                await done
                results.append(outgoing().get(TRACE))
                writer.write(b".")

        await served(handle, head(A), head(B), head(A))
        tasks[0].cancel()

    asyncio.run(main())
    assert seen == [A, None, None], seen
    assert results == [A, B, A], results


def check_children_get_none():
    with Pair() as pair:
        pair.get(head(A))
        child = os.fork()
        if child == 0:
            os._exit(len(outgoing()))
        assert os.waitpid(child, 0)[1] == 0
        assert outgoing() == {TRACE: A}


async def served(handler, *pieces):
    """Has asyncio serve one connection, on which these pieces come, and gives the replies."""
    done = asyncio.get_running_loop().create_future()

    async def handle(reader, writer):
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            done.set_result(None)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await reader.readexactly(1)
    writer.close()
    await done
    server.close()


def check_streams_follow_pipelined_requests():
    seen = []

    async def handle(reader, writer):
        for _ in range(3):
            while await reader.readline() != b"\r\n":
                pass
            seen.append(outgoing().get(TRACE))
            body = await reader.readexactly(3)
            assert body == b"abc"
        writer.write(b".")

    length = "Content-Length: 3"
    data = b"".join(head(trace, length) + b"abc" for trace in (A, None, B))
    asyncio.run(served(handle, data))
    assert seen == [A, None, B], seen


def check_streams_that_are_read_greedily():
    seen = []

    async def handle(reader, writer):
        while await reader.read(65536):
            seen.append(outgoing().get(TRACE))
            writer.write(b".")

    asyncio.run(served(handle, head(A), head(), head(A) + head(B), head(B)))
    assert seen == [A, None, None, B], seen


def check_streams_that_watch_for_the_end():
    seen = []

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        watcher = asyncio.ensure_future(reader.read(1))
        await asyncio.sleep(0)
        with later():
            seen.append(outgoing().get(TRACE))
        writer.write(b".")
        seen.append(outgoing().get(TRACE))
        with later():
            seen.append(outgoing().get(TRACE))
        watcher.cancel()

    asyncio.run(served(handle, head(A)))
    assert seen == [A, A, None], seen


def check_sockets_of_a_loop():
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.setblocking(False)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            sock, _ = await loop.sock_accept(listener)
            for trace in (A, None, B):
                reading = loop.create_task(handle(loop, sock))
                await asyncio.sleep(0)
                writer.write(head(trace))
                await reading
                await reader.readexactly(len(ANSWER))
            writer.close()
            sock.close()

    async def handle(loop, sock):
        await loop.sock_recv(sock, 65536)
        seen.append(outgoing().get(TRACE))
        await loop.sock_sendall(sock, ANSWER)

    asyncio.run(main())
    assert seen == [A, None, B], seen


def check_nothing_looks_different():
    methods = (
        socket.socket.recv, socket.socket.accept, http.client.HTTPConnection.endheaders,
        asyncio.StreamReader.read, threading.Thread.start, ssl.SSLSocket.read,
    )  # fmt: skip
    for method in methods:
        assert type(method).__module__ == "builtins", method
    assert socket.socket.recv is socket.socket.__mro__[1].recv
    assert list(inspect.signature(http.client.HTTPConnection.endheaders).parameters) == [
        "self", "message_body", "encode_chunked"
    ]  # fmt: skip
    assert list(inspect.signature(socket.socket).parameters)[0] == "family"
    assert inspect.iscoroutinefunction(asyncio.StreamReader.read)
    loop = asyncio.new_event_loop()
    assert inspect.iscoroutinefunction(asyncio.StreamReader(loop=loop).read)
    loop.close()
    for one in (http.client.HTTPConnection.request, threading.Thread, socket.socket):
        assert pickle.loads(pickle.dumps(one)) == one
    assert type(socket.__spec__.loader).__name__ == type(http.client.__loader__).__name__


class Own(http.client.HTTPConnection):
    """A subclass with a method of its own."""

    def endheaders(self, *words, **named):
        """Adds a header, as subclasses do."""
        self.putheader("X-Own", "1")
        super().endheaders(*words, **named)


def check_subclasses():
    class Socket(socket.socket):
        def recv(self, *words):
            return super().recv(*words).upper()

    first, second = socket.socketpair()
    third = Socket(fileno=second.detach())
    first.sendall(b"abc")
    assert third.recv(3) == b"ABC"
    assert isinstance(third, socket.socket)
    first.close()
    third.close()
    with Pair() as pair:
        pair.get(head(A))
        connection = Own("there")
        connection.sock = Sink()
        connection.request("GET", "/")
        assert A.encode() in connection.sock.data
        assert b"X-Own: 1" in connection.sock.data


def main():
    """Runs the checks, each in a context of its own; the exit code is the number that failed."""
    failed = 0
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            try:
                contextvars.copy_context().run(check)
            except Exception:
                failed += 1
                print(f"{name}:\n{traceback.format_exc()}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
