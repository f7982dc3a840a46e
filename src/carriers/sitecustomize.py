"""Makes a Python service pass on the trace header it was asked with. Nothing in the service
changes: Python imports this file at its start when `PYTHONPATH` names the folder that holds it.

It remembers the inbound `X-Amzn-Trace-Id` and `traceparent`, whichever came, for the context
(`contextvars`) that handles the request, and puts them on outgoing requests that carry neither. It
makes no ids, prints nothing and reads one setting: with `SIDERAY_CARRIER=off` it does nothing.

    inbound   a request head read from an accepted socket (Connection) or by an asyncio stream
              (Stream); where servers read in C or hand over between tasks or threads, the place
              where they begin a request (the hooks of uvicorn, aiohttp, hypercorn and others)
    context   one Cell a request, in the context variable `_current`: asyncio carries it by itself,
              threads and pools by the hooks of `threading` and `concurrent.futures`
    outbound  the last place where headers are still open: http.client, httpcore, aiohttp, tornado

A wrong parent is worse than none. So whatever is ambiguous gives none, a Cell is good only until
one second after its request is over (see `Cell`), and what a request has begun loses it when it
turns out to work for others as well (see `Line`).

A hook must not be noticed. A module is patched when the service imports it, never imported for it.
A hook's own faults are swallowed. Most hooks sit in the *lookup* of a method (`Before`), so the
method that runs is the original: same signature, same traceback, same speed. The file is written so
that Python 2.7 can read it; it does something only in CPython 3.8 and later.
"""

import os
import sys

#: A value outlives its request by this much, for calls that the request left behind (fire and
#: forget). Thread pools, flushers and pollers that a request happened to start live on for ever;
#: they lose it here.
GRACE = 1.0
#: Longer heads than any server takes by default.
HEAD_LIMIT = 65536
#: Both names, as they are looked up, as they begin a line of a head, and as they are written.
NAMES = (
    (b"x-amzn-trace-id", b"\nx-amzn-trace-id:", b"X-Amzn-Trace-Id"),
    (b"traceparent", b"\ntraceparent:", b"traceparent"),
)

_current = None
_monotonic = None
_ref = None
_running_loop = None
#: How many forks lie between this process and the first: a child is nobody's request.
_forks = 0


class Cell(object):
    """One request's headers, shared by every context that was copied while it was handled, so that
    its end is seen by all of them.

    One second after its end it is worth nothing. The end of a request read from a socket or stream
    is what comes first of: the response is complete, as its framing tells; the server reads on;
    the connection is closed, or its object gone. Where a server has a task, a call or an object
    for each request, it is the end of that, which comes later only if the handler itself still
    works (as background tasks of ASGI apps do). So a Cell outlives the handler or the connection by
    no more than that second, and until then whatever has it was started by its request."""

    __slots__ = ("ended", "forks", "headers", "home", "keep")

    def __init__(self):
        self.headers = None
        self.ended = None
        self.forks = _forks
        #: The task that handles it, or what that runs, weakly; None if none does.
        self.home = None
        self.keep = None

    def fill(self, headers):
        """Gives it the headers of its request, once they are known."""
        self.forks = _forks
        self.headers = headers

    def end(self, _=None):
        """The request is over; the first time counts."""
        if self.ended is None:
            self.ended = _monotonic()

    def value(self):
        """The headers, as (name, value) pairs, unless there are none or the request is over."""
        headers = self.headers
        if headers is None or self.forks != _forks:
            return None
        if self.ended is not None and _monotonic() - self.ended > GRACE:
            return None
        return headers


class Loan(object):
    """A request's Cell, for a thread that the request has begun or a job that it has given away."""

    __slots__ = ("cell",)

    def __init__(self, cell):
        self.cell = cell

    def end(self, _=None):
        """Whoever has it is done with it; the request is not over by that."""

    def value(self):
        """That of the request."""
        return self.cell.value()


def cell_of(current):
    """The Cell itself."""
    return current.cell if type(current) is Loan else current


def task_here():
    """The task that runs here, or None."""
    if _running_loop is None or _running_loop() is None:
        return None
    return sys.modules["asyncio"].current_task()


def home_here():
    """The home of a request that is handled here."""
    task = task_here()
    return None if task is None else _ref(task)


def only_begun(current):
    """Whether this thread or task was only begun by that request, and does not handle it."""
    if type(current) is Loan:
        return True
    task = task_here()
    home = None if current.home is None else current.home()
    return task is not None and home is not task and home is not task.get_coro()


def carried():
    """What outgoing requests of this context get, or None."""
    cell = _current.get(None)
    return None if cell is None else cell.value()


def make_current(cell):
    """Lets this context work for that request."""
    if _current.get(None) is not cell:
        _current.set(cell)


def sound(value):
    """The value as bytes if it may be put in a head as it is, else None."""
    text = value.strip() if isinstance(value, str) else bytes(value).strip().decode("latin-1")
    if 0 < len(text) <= 1024 and text.isascii() and text.isprintable():
        return text.encode("ascii")
    return None


def chosen(get):
    """The pairs to remember of a request; `get` gives the value of a lower-case name, or None."""
    pairs = []
    for low, _, name in NAMES:
        value = get(low)
        value = None if value is None else sound(value)
        if value is not None:
            pairs.append((name, value))
    return tuple(pairs) or None


def leave():
    """A server that handles one request after the other in this context is done with the last. Said
    before anything of the next is looked at, so that a fault leaves no request rather than a wrong
    one."""
    before = _current.get(None)
    if before is not None:
        before.end()
        _current.set(None)


def begin(get):
    """A server that handles one request after the other in this context begins the next."""
    leave()
    cell = Cell()
    cell.home = home_here()
    cell.fill(chosen(get))
    _current.set(cell)
    return cell


# Inbound: telling heads from bodies.

HEAD, BODY, SIZE, CHUNK, TRAILER, OPAQUE = range(6)
#: What `Framing.feed` tells, with the offset in the stream.
HEAD_READ, REQUEST_READ, LOST = range(3)


class Framing(object):
    """Follows the bytes of requests on one connection: heads, and bodies as far as Content-Length
    and chunks tell. What does not look like HTTP/1 makes it OPAQUE for good."""

    __slots__ = ("buffer", "fed", "left", "state")

    def __init__(self):
        self.state = HEAD
        self.buffer = b""
        self.left = 0
        self.fed = 0

    def skip(self, count):
        """Takes bytes that only go on with a body, unseen. False if they must be fed."""
        if (self.state == BODY or self.state == CHUNK) and count < self.left:
            self.left -= count
            self.fed += count
            return True
        if self.state == OPAQUE:
            self.fed += count
            return True
        return False

    def feed(self, data):
        """Takes bytes; gives what happened, as (kind, offset, head or None)."""
        if not data or self.skip(len(data)):
            return ()
        if self.state == HEAD and not self.buffer and data[-4:] == b"\r\n\r\n":
            head = bytes(data)
            if head.find(b"\n\r\n") == len(head) - 3 and plausible(head, 0) and b"\n\n" not in head:
                # As nearly always: just one head, and in one piece.
                self.fed += len(head)
                events = [(HEAD_READ, self.fed, head)]
                self._body(head, self.fed, events)
                return events
        start = self.fed - len(self.buffer)
        self.fed += len(data)
        data = self.buffer + bytes(data)
        events = []
        at = 0
        while at < len(data) and self.state != OPAQUE:
            after = self._step(data, at, start, events)
            if after < 0:
                break
            at = after
        self.buffer = b"" if self.state == OPAQUE else data[at:]
        return events

    def _step(self, data, at, start, events):
        """Takes one thing; the offset behind it, or -1 if more bytes are needed."""
        if self.state == HEAD:
            return self._head(data, at, start, events)
        if self.state == BODY or self.state == CHUNK:
            taken = min(self.left, len(data) - at)
            self.left -= taken
            if self.left == 0:
                if self.state == BODY:
                    self._request_read(start + at + taken, events)
                else:
                    self.state = SIZE
            return at + taken
        end = data.find(b"\n", at)
        if end < 0:
            if len(data) - at > 4096:
                self._lose(start + at, events)
            return -1
        line = data[at:end].strip()
        if self.state == SIZE:
            self._size(line, start + at, events)
        elif not line:
            self._request_read(start + end + 1, events)
        return end + 1

    def _head(self, data, at, start, events):
        if data[at] in b"\r\n":
            return at + 1
        end = data.find(b"\n\r\n", at, at + HEAD_LIMIT)
        bare = data.find(b"\n\n", at, end if end >= 0 else at + HEAD_LIMIT)
        end = bare + 2 if bare >= 0 else end + 3 if end >= 0 else -1
        if not plausible(data, at) or (end < 0 and len(data) - at >= HEAD_LIMIT):
            self._lose(start + at, events)
            return -1
        if end < 0:
            return -1
        head = data[at:end]
        events.append((HEAD_READ, start + end, head))
        self._body(head, start + end, events)
        return end

    def _body(self, head, offset, events):
        low = head.lower()
        coding = header(head, low, b"\ntransfer-encoding:")
        length = header(head, low, b"\ncontent-length:")
        if head.startswith(b"CONNECT "):
            self._lose(offset, events)
        elif coding is not None:
            if coding.lower().endswith(b"chunked"):
                self.state = SIZE
            else:
                self._lose(offset, events)
        elif length is None or length == b"0":
            self._request_read(offset, events)
        elif length.isdigit() and len(length) < 19:
            self.left = int(length)
            self.state = BODY
            if self.left == 0:
                self._request_read(offset, events)
        else:
            self._lose(offset, events)

    def _size(self, line, offset, events):
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            size = -1
        if size < 0:
            self._lose(offset, events)
        elif size == 0:
            self.state = TRAILER
        else:
            self.state = CHUNK
            self.left = size + 2

    def _request_read(self, offset, events):
        self.state = HEAD
        events.append((REQUEST_READ, offset, None))

    def _lose(self, offset, events):
        self.state = OPAQUE
        events.append((LOST, offset, None))


def plausible(data, at):
    """Whether what begins there can be a request line of HTTP/1."""
    end = data.find(b"\n", at)
    if end >= 0:
        words = data[at:end].split()
        return len(words) == 3 and words[2][:7] == b"HTTP/1." and words[0].isupper()
    method = data[at : at + 32].split(b" ")[0]
    return method.isupper() and len(method) < 32 and method.replace(b"-", b"").isalpha()


def header(head, low, line):
    """A header's first value in a whole head, of which `low` is the lower-case form; `line` is how
    its line begins, as in `NAMES`."""
    at = low.find(line)
    if at < 0:
        return None
    at += len(line)
    return head[at : head.find(b"\n", at)].strip()


def chosen_of(head):
    """The pairs to remember of a head's bytes."""
    low = head.lower()
    pairs = None
    for _, line, name in NAMES:
        value = header(head, low, line)
        value = None if value is None else sound(value)
        if value is not None:
            pairs = (pairs or ()) + ((name, value),)
    return pairs


class Connection(object):
    """An accepted socket that is read by hand: in a thread of its own, or by asyncio.

    A read call at the end of an answered request begins the next: from there on the reading context
    has a fresh Cell, which is filled as soon as a head is read, in whatever context that happens.
    Read-ahead (the next head comes with the last request, or before its answer) gives both none:
    nobody can see from the socket where a buffered reader goes from one to the next."""

    __slots__ = ("answered", "bodyless", "cell", "framing", "left", "out", "reply", "tail", "used")

    def __init__(self):
        self.framing = Framing()
        self._next()

    def _next(self):
        self.cell = Cell()
        self.used = self.answered = self.bodyless = False
        self.reply = None
        self.out = b""
        self.tail = b""
        self.left = 0

    def reading(self):
        """Somebody is about to read."""
        if self.used and self.answered and self.framing.state == HEAD:
            self.cell.end()
            self._next()
        self.cell.home = home_here()
        make_current(self.cell)

    def read(self, data):
        """This was read."""
        framing = self.framing
        for kind, offset, head in framing.feed(data):
            if kind == HEAD_READ:
                if self.used:
                    self.cell.fill(None)
                else:
                    self.cell.fill(chosen_of(head))
                    self.bodyless = head.startswith(b"HEAD ")
                self.used = True
            elif kind == LOST:
                self.lose()
            elif offset < framing.fed and framing.fed - offset > 2:
                self.cell.fill(None)

    def lose(self):
        """From here on this is no HTTP/1 that could be followed."""
        self.framing.state = OPAQUE
        self.cell.end()
        if _current.get(None) is self.cell:
            _current.set(None)

    def close(self, _=None):
        """The connection is closed."""
        self.cell.end()

    def wrote(self, data):
        """This was sent in answer to a request: finds the end of the response."""
        if self.reply is not None:
            self._wrote_body(data)
            return
        self.out += data[:HEAD_LIMIT]
        while self.reply is None:
            end = self.out.find(b"\r\n\r\n")
            if not b"HTTP/1.".startswith(self.out[:7]) or (end < 0 and len(self.out) >= HEAD_LIMIT):
                # An answer that cannot be followed: what is sent may be its end.
                self.answered = True
                self.cell.end()
                return
            if end < 0:
                return
            head, self.out = self.out[: end + 4], self.out[end + 4 :]
            self._answer(head, head[9:12])
        rest = data[HEAD_LIMIT:]
        self._wrote_body(self.out)
        if len(rest):
            self._wrote_body(rest)
        self.out = b""

    def _answer(self, head, status):
        if status.startswith(b"1") and status != b"101":
            return
        self.answered = True
        low = head.lower()
        coding = header(head, low, b"\ntransfer-encoding:")
        length = header(head, low, b"\ncontent-length:")
        if self.bodyless or status in (b"101", b"204", b"304"):
            self.reply = BODY
        elif coding is not None:
            self.reply = CHUNK
        elif length is not None and length.isdigit():
            self.reply = BODY
            self.left = int(length)
        else:
            self.reply = OPAQUE

    def _wrote_body(self, data):
        """A body ends by its length, by its last chunk, or with the connection."""
        if self.reply == BODY:
            self.left -= len(data)
            if self.left <= 0:
                self.cell.end()
        elif self.reply == CHUNK:
            self.tail = (self.tail + data[-7:])[-7:]
            if self.tail in (b"0\r\n\r\n", b"\r\n0\r\n\r\n"):
                self.cell.end()


class Stream(object):
    """An asyncio stream whose handler's task was made before the first head came.

    What the handler has consumed is known to the byte, so each read call finds the request that it
    reads for, also when several heads came at once. Two kinds of reads give none to the requests
    they run together: `read(n)` that takes more than one request at a time, and one that waits
    behind a request that is not answered (to see the client go) and is overtaken by the next."""

    __slots__ = ("answered", "early", "framing", "greedy", "requests")

    def __init__(self):
        self.framing = Framing()
        #: [offset of its end or None, Cell] of what is not done with yet.
        self.requests = [[None, Cell()]]
        self.answered = False
        self.early = False
        self.greedy = False

    def fed(self, data):
        """This came in."""
        for kind, offset, head in self.framing.feed(data):
            last = self.requests[-1]
            if kind == HEAD_READ:
                last[1].fill(chosen_of(head))
            else:
                last[0] = offset
                self.requests.append([None, Cell()])
        self._overtaken()

    def _overtaken(self):
        end, cell = self.requests[0]
        if (self.greedy or self.early) and end is not None and self.framing.fed > end:
            cell.fill(None)

    def reading(self, unread, greedy):
        """The handler calls read, with so many bytes that it has not consumed."""
        consumed = self.framing.fed - unread
        done = False
        while self.requests[0][0] is not None and consumed >= self.requests[0][0]:
            if unread == 0 and consumed == self.requests[0][0] and not self.answered:
                self.early = True
                break
            self.requests.pop(0)[1].end()
            self.early = self.greedy = False
            done = True
        if done:
            self.answered = False
        self.greedy = self.greedy or greedy
        self.requests[0][1].home = home_here()
        make_current(self.requests[0][1])
        self._overtaken()

    def answering(self):
        """The handler writes. If it reads on already, this may be the last of the answer."""
        self.answered = True
        if self.early:
            self.requests[0][1].ended = _monotonic()

    def close(self):
        """The connection is lost."""
        for _, cell in self.requests:
            cell.end()


# How hooks are put in place.


class Before(object):
    """Stands in for a method of a class and calls `hook(object)` whenever the method is looked up
    on an object, that is, right before it is called. What the caller gets is the original."""

    def __init__(self, original, hook):
        self.original = original
        self.hook = hook

    def __get__(self, one, owner=None):
        if one is None:
            return self.original
        try:
            self.hook(one)
        except Exception:
            pass
        return self.original.__get__(one, owner)


class Instead(object):
    """Stands in for a method of a class: objects that `applies(object)` names get
    `method(object, ...)`, others and the class itself the original."""

    def __init__(self, original, applies, method):
        self.original = original
        self.applies = applies
        self.method = method

    def __get__(self, one, owner=None):
        if one is None:
            return self.original
        try:
            if self.applies(one):
                return METHOD(self.method, one)
        except Exception:
            pass
        return self.original.__get__(one, owner)


METHOD = type(Framing().feed)


def own(cls, name):
    """The method that a hook replaces, or None if it is missing or replaced already."""
    original = getattr(cls, name, None)
    if original is None or isinstance(cls.__dict__.get(name), (Before, Instead)):
        return None
    return None if hasattr(original, "sideray_carrier") else original


def before(cls, name, hook):
    """Has `hook(object)` called before a method, if the class has it."""
    original = own(cls, name)
    if original is not None:
        setattr(cls, name, Before(original, hook))


def around(cls, name, make):
    """Replaces a method by `make(original)`, which is told apart only by its code."""
    original = own(cls, name)
    if original is None:
        return
    function = make(original)
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(function, attribute, getattr(original, attribute, None))
    function.__wrapped__ = original
    function.sideray_carrier = True
    setattr(cls, name, function)


# Inbound: sockets.

#: The id of an accepted socket to (a weak reference to it, Connection): sockets have no room of
#: their own.
_accepted = {}


def accept(sock):
    """Remembers a socket that was just accepted."""
    key = id(sock)
    connection = Connection()

    def gone(_):
        found = _accepted.pop(key, None)
        if found is not None:
            found[1].close()

    _accepted[key] = (_ref(sock, gone), connection)
    return connection


def connection_of(sock):
    """The Connection of an accepted socket, or None."""
    found = _accepted.get(id(sock))
    if found is None or found[0]() is not sock:
        return None
    return found[1]


def reading_of(sock):
    """The Connection of a socket about to be read, or None if it is not to be followed. A server
    that polls many sockets in one thread handles requests where nobody can tell them apart; asyncio
    does not count as one, because its callbacks have a context each."""
    connection = connection_of(sock)
    if connection is None:
        return None
    if connection.framing.state == OPAQUE:
        _accepted.pop(id(sock), None)
        return None
    if sock.gettimeout() == 0.0 and (_running_loop is None or _running_loop() is None):
        forget(sock)
        return None
    connection.reading()
    return connection


def forget(sock):
    """Follows that socket no longer."""
    found = _accepted.pop(id(sock), None)
    if found is not None:
        found[1].lose()


def closing(sock):
    """That socket is closed."""
    found = _accepted.pop(id(sock), None)
    if found is not None:
        found[1].close()
        if _current.get(None) is found[1].cell:
            _current.set(None)


def read_into(connection, buffer, count):
    """Tells a Connection what a call has put into a buffer."""
    if count > 0 and not connection.framing.skip(count):
        with memoryview(buffer) as view:
            connection.read(bytes(view.cast("B")[:count]))


PEEK = 2


def make_recv(original):
    def recv(self, bufsize, flags=0):
        connection = None if flags & PEEK else guarded(reading_of, self)
        data = original(self, bufsize, flags)
        if connection is not None:
            guarded(connection.read, data)
        return data

    return recv


def make_recv_into(original):
    def recv_into(self, buffer, nbytes=0, flags=0):
        connection = None if flags & PEEK else guarded(reading_of, self)
        count = original(self, buffer, nbytes, flags)
        if connection is not None:
            guarded(read_into, connection, buffer, count)
        return count

    return recv_into


def make_ssl_read(original):
    def read(self, len=1024, buffer=None):
        connection = guarded(reading_of, self)
        got = original(self, len, buffer)
        if connection is not None:
            if buffer is None:
                guarded(connection.read, got)
            else:
                guarded(read_into, connection, buffer, got)
        return got

    return read


def make_send(original):
    def send(self, data, *flags):
        count = original(self, data, *flags)
        guarded(sent, self, data, count)
        return count

    return send


def make_sendmsg(original):
    def sendmsg(self, buffers, *rest):
        if not isinstance(buffers, (list, tuple)):
            # It may be an iterator, which can be walked only once.
            buffers = list(buffers)
        count = original(self, buffers, *rest)
        guarded(sent_all, self, buffers, count)
        return count

    return sendmsg


def sent(sock, data, count):
    """So much of the data was sent; None is all."""
    connection = connection_of(sock)
    if connection is None or not connection.used or connection.cell.ended is not None:
        return
    if type(data) is bytes:
        connection.wrote(data if count is None or count == len(data) else data[:count])
    else:
        with memoryview(data) as view:
            connection.wrote(view.cast("B")[:count])


def sent_all(sock, buffers, count):
    """So much of several buffers was sent."""
    for data in buffers:
        if count <= 0:
            break
        size = memoryview(data).nbytes
        sent(sock, data, min(size, count))
        count -= size


def sent_unseen(sock):
    """Something of the response goes out by a way that is not followed. It may be its end."""
    connection = connection_of(sock)
    if connection is not None and connection.used:
        connection.answered = True
        connection.cell.end()


def guarded(function, *arguments):
    """Calls it; a fault of the carrier is nobody's business."""
    try:
        return function(*arguments)
    except Exception:
        return None


def hook_socket(module):
    """Sockets that `accept` returns. `accept` itself is left alone: a socket that is made by its
    code is an accepted one."""
    cls = module.socket
    if cls.__module__ != "socket":
        return
    code = cls.accept.__code__

    def created(sock):
        # Frame 0 is this one, 1 the descriptor's, 2 whoever makes the socket.
        if sys._getframe(2).f_code is code:
            accept(sock)

    before(cls, "__init__", created)
    before(cls, "_real_close", closing)
    before(cls, "sendfile", sent_unseen)
    for name in ("recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"):
        before(cls, name, forget)
    hook_methods(
        cls,
        is_accepted,
        (("recv", make_recv), ("recv_into", make_recv_into))
        + (("send", make_send), ("sendall", make_send), ("sendmsg", make_sendmsg)),
    )


def hook_ssl(module):
    """The same for the plain side of TLS."""

    def serves(sock):
        if not sock.server_side or sock._sslobj is None:
            return False
        if connection_of(sock) is None and not hasattr(sock, "_sideray_seen"):
            sock._sideray_seen = True
            accept(sock)
        return is_accepted(sock)

    hook_methods(
        module.SSLSocket,
        serves,
        (("read", make_ssl_read), ("send", make_send), ("write", make_send)),
    )


def hook_methods(cls, applies, methods):
    for name, make in methods:
        original = own(cls, name)
        if original is not None:
            method = make(original)
            method.__doc__ = original.__doc__
            setattr(cls, name, Instead(original, applies, method))


def is_accepted(sock):
    return id(sock) in _accepted


# Inbound: asyncio and the servers on top of it.


def hook_events(module):
    global _running_loop
    _running_loop = module._get_running_loop


def hook_streams(module):
    """`asyncio.start_server`: the reader knows its Stream."""

    def connected(protocol):
        reader = protocol._stream_reader
        if protocol._client_connected_cb is not None and reader is not None:
            reader._sideray_stream = Stream()

    def lost(protocol):
        reader = protocol._stream_reader
        if reader is not None and has_stream(reader):
            reader._sideray_stream.close()

    def has_stream(reader):
        return "_sideray_stream" in reader.__dict__

    def reads(greedy):
        def hook(reader):
            stream = reader.__dict__.get("_sideray_stream")
            if stream is not None:
                stream.reading(len(reader._buffer), greedy)

        return hook

    def writes(writer):
        stream = writer._reader.__dict__.get("_sideray_stream")
        if stream is not None:
            stream.answering()

    def make_feed(original):
        def feed_data(self, data):
            guarded(self._sideray_stream.fed, data)
            return original(self, data)

        return feed_data

    before(module.StreamReaderProtocol, "connection_made", connected)
    before(module.StreamReaderProtocol, "connection_lost", lost)
    hook_methods(module.StreamReader, has_stream, (("feed_data", make_feed),))
    before(module.StreamReader, "read", reads(True))
    for name in ("readline", "readuntil", "readexactly"):
        before(module.StreamReader, name, reads(False))
    before(module.StreamWriter, "write", writes)
    before(module.StreamWriter, "writelines", writes)


def begin_scope(scope):
    """This task begins to handle an ASGI request, and does nothing else until it is done."""
    leave()
    if scope.get("type") != "http":
        return
    found = {}
    for name, value in scope["headers"]:
        if len(name) == 15 or len(name) == 11:
            found.setdefault(bytes(name).lower(), value)
    # A server without asyncio has no task whose end could be seen: none there.
    task = sys.modules["asyncio"].current_task()
    task.add_done_callback(begin(found.get).end)


def hook_uvicorn(module):
    """The task of a request calls the app first of all."""

    def make(original):
        def run_asgi(self, app):
            def entered(scope, receive, send):
                guarded(begin_scope, scope)
                return app(scope, receive, send)

            return original(self, entered)

        return run_asgi

    around(module.RequestResponseCycle, "run_asgi", make)


def hook_hypercorn(module):
    """The task of a request calls a wrapper of the app."""

    def make(original):
        def __call__(self, scope, *rest, **named):
            guarded(begin_scope, scope)
            return original(self, scope, *rest, **named)

        return __call__

    around(module.ASGIWrapper, "__call__", make)
    around(module.WSGIWrapper, "__call__", make)


def hook_gunicorn_asgi(module):
    """The task of a request builds its scope."""

    def make(original):
        def build(self, *rest, **named):
            scope = original(self, *rest, **named)
            guarded(begin_scope, scope)
            return scope

        return build

    around(module.ASGIProtocol, "_build_http_scope", make)
    around(module.ASGIProtocol, "_build_http2_scope", make)


def hook_daphne(module):
    """Makes the task of a request, in a callback of the reactor."""

    def make(original):
        def create_application(self, protocol, scope):
            outer = _current.get(None)
            cell = None
            if scope.get("type") == "http":
                _current.set(None)
                cell = guarded(begin, dict(scope["headers"]).get)
            try:
                queue = original(self, protocol, scope)
            finally:
                _current.set(outer)
            if cell is not None:
                guarded(ends_with, self.connections[protocol]["application_instance"], cell)
            return queue

        return create_application

    around(module.Server, "create_application", make)


def ends_with(task, cell):
    cell.home = _ref(task)
    task.add_done_callback(cell.end)


def hook_aiohttp_server(module):
    """The task of a connection makes one for each request."""

    def start(request):
        leave()
        get = request.headers.get
        cell = begin(lambda name: get(name.decode()))
        # A handler that is cancelled finishes no response.
        cell.keep = _ref(request, cell.end)
        return cell

    def handles(cell, coroutine):
        cell.home = _ref(coroutine)

    def make(original):
        def _handle_request(self, request, *rest, **named):
            cell = guarded(start, request)
            coroutine = original(self, request, *rest, **named)
            guarded(handles, cell, coroutine)
            return coroutine

        return _handle_request

    def finishes(_):
        cell = _current.get(None)
        if cell is not None:
            cell.end()

    around(module.RequestHandler, "_handle_request", make)
    before(module.RequestHandler, "finish_response", finishes)


def hook_tornado_server(module):
    """The coroutine of a connection parses each head and then has the request handled."""

    def start(connection, headers):
        leave()
        connection._sideray_cell = begin(lambda name: headers.get(name.decode()))

    def make(original):
        def _parse_headers(self, data):
            line, headers = original(self, data)
            if not self.is_client:
                guarded(start, self, headers)
            return line, headers

        return _parse_headers

    def ends(connection):
        cell = getattr(connection, "_sideray_cell", None)
        if cell is not None:
            cell.end()

    around(module.HTTP1Connection, "_parse_headers", make)
    for name in ("finish", "close", "_on_connection_close"):
        before(module.HTTP1Connection, name, ends)


# Inbound: servers that read in one thread and work in another, or in greenlets.


def end_current(_):
    """The request of this context is over."""
    cell = _current.get(None)
    if cell is not None:
        cell.end()


def hook_waitress(module):
    """A worker thread takes up a request that the main thread has read."""

    def starts(task):
        leave()
        get = task.request.headers.get
        cell = begin(lambda name: get(name.decode().upper().replace("-", "_")))
        cell.keep = _ref(task.request, cell.end)

    before(module.Task, "service", starts)
    before(module.WSGITask, "finish", end_current)


def hook_gevent(module):
    """The greenlet of a connection runs the app for each request."""

    def starts(handler):
        leave()
        get = handler.headers.get
        begin(lambda name: get(name.decode()))

    before(module.WSGIHandler, "run_application", starts)
    before(module.WSGIHandler, "log_request", end_current)


def hook_gunicorn_async(module):
    """The greenlet of a connection handles each request."""

    def start(req):
        leave()
        headers = dict((name.lower(), value) for name, value in reversed(req.headers))
        return begin(lambda name: headers.get(name.decode()))

    def make(original):
        def handle_request(self, listener_name, req, *rest, **named):
            cell = guarded(start, req)
            try:
                return original(self, listener_name, req, *rest, **named)
            finally:
                if cell is not None:
                    cell.end()

        return handle_request

    around(module.AsyncWorker, "handle_request", make)


def hook_greenlet(module):
    """Without a context of their own, greenlets would share one: no carrying at all."""
    if not getattr(module, "GREENLET_USE_CONTEXT_VARS", False):
        global carried
        carried = nothing


def nothing():
    return None


# Context: threads and pools.


def hook_threading(module):
    """A thread gets the request of whoever starts it, and nothing else of its context. Workers of a
    pool do not: they work for many."""

    def starts(thread):
        cell = cell_of(_current.get(None))
        if cell is None or cell.value() is None:
            return
        target = getattr(thread, "_target", None)
        if getattr(target, "__module__", None) == "concurrent.futures.thread":
            return
        if getattr(thread, "_context", module) is None:
            # From Python 3.14 on a thread runs in a context that is made with it.
            contexts = sys.modules["_contextvars"]
            inherits = sys.flags.thread_inherit_context
            thread._context = contexts.copy_context() if inherits else contexts.Context()
            thread._context.run(_current.set, Loan(cell))
        else:
            thread._sideray_cell = Loan(cell)

    def started(thread):
        cell = thread.__dict__.pop("_sideray_cell", None)
        if cell is not None:
            _current.set(cell)

    before(module.Thread, "start", starts)
    before(module.Thread, "_bootstrap_inner", started)


def hook_pool(module):
    """A job gets the request of whoever submits it, or none."""

    def submitted(item):
        cell = cell_of(_current.get(None))
        item._sideray_cell = None if cell is None else Loan(cell)

    def runs(item):
        make_current(item.__dict__.get("_sideray_cell"))

    before(module._WorkItem, "__init__", submitted)
    before(module._WorkItem, "run", runs)


class Line(object):
    """A queue, as far as it matters who put what into it.

    A thread or task that takes what another request, or none, has put in works for whoever comes. If
    a request has begun it, as the first that needed it, it has that request's Cell, and loses it now.

    A queue may also hold things that everybody uses in turn, such as connections; they are put back
    by whoever took them, which tells the two apart. To take one of those means nothing."""

    __slots__ = ("pool", "putters", "taken")

    def __init__(self):
        self.pool = False
        self.putters = sys.modules["collections"].deque()
        self.taken = sys.modules["collections"].deque(maxlen=16)

    def put(self, item, waiting):
        """That is put in, behind so many."""
        if self.pool:
            return
        if any(one() is item for one in self.taken):
            self.pool = True
            self.putters.clear()
            self.taken.clear()
            return
        if len(self.putters) != waiting:
            # Somebody has been at what the queue keeps its items in.
            self.putters.clear()
            self.putters.extend([None] * waiting)
        self.putters.append(cell_of(_current.get(None)))

    def got(self, item, left):
        """That is taken out, before so many."""
        if self.pool:
            return
        putter = self.putters.popleft() if len(self.putters) == left + 1 else None
        current = _current.get(None)
        if current is not None and cell_of(current) is not putter and only_begun(current):
            _current.set(None)
        if type(item).__weakrefoffset__:
            self.taken.append(_ref(item))


def line_of(queue):
    """The Line of a queue."""
    line = queue.__dict__.get("_sideray_line")
    if line is None:
        line = queue._sideray_line = Line()
    return line


def hook_queue(module):
    """Queues whose items leave in the order in which they came."""

    def plain(queue):
        return type(queue) is module.Queue

    def make_put(original):
        def _put(self, item):
            guarded(comes, self, item)
            return original(self, item)

        return _put

    def comes(queue, item):
        line_of(queue).put(item, size(queue))

    def make_get(original):
        def _get(self):
            item = original(self)
            guarded(leaves, self, item)
            return item

        return _get

    def leaves(queue, item):
        line_of(queue).got(item, size(queue))

    def size(queue):
        # That of `queue` and that of `asyncio`.
        items = queue.__dict__.get("queue")
        return len(queue._queue if items is None else items)

    hook_methods(module.Queue, plain, (("_put", make_put), ("_get", make_get)))


# Outbound.


def untouched(headers):
    """Whether a request, given as bytes in lower case, is left as it is: it carries one of the
    names, or a signature that covers the name."""
    return b"x-amzn-trace-id" in headers or b"\r\ntraceparent:" in headers


def hook_http_client(module):
    """urllib, urllib3, requests, botocore."""

    def ends_headers(connection):
        pairs = carried()
        if pairs is None or connection._HTTPConnection__state != module._CS_REQ_STARTED:
            return
        lines = connection._buffer
        if not untouched(b"\r\n".join(lines).lower()):
            lines.extend([name + b": " + value for name, value in pairs])

    before(module.HTTPConnection, "endheaders", ends_headers)


def added(request):
    """httpcore's request with the carried headers; a new one, for the caller may use his again."""
    pairs = carried()
    if pairs is None:
        return request
    target = request.url.target.lower()
    if b"x-amzn-trace-id" in target:
        return request
    for name, value in request.headers:
        name = name.lower()
        if name == b"x-amzn-trace-id" or name == b"traceparent":
            return request
        if name == b"authorization" and b"x-amzn-trace-id" in value.lower():
            return request
    copy = object.__new__(type(request))
    copy.__dict__.update(request.__dict__)
    copy.headers = list(request.headers) + list(pairs)
    return copy


def hook_httpcore(module):
    """httpx. A pool notes each request, in the caller's context, before it waits for a connection;
    older pools note something else, so there the call itself is replaced."""

    def make(original):
        def method(self, request):
            return original(self, guarded(added, request) or request)

        return method

    for cls in ("PoolRequest", "AsyncPoolRequest"):
        if hasattr(module, cls):
            around(getattr(module, cls), "__init__", make)
            return
    for cls, name in (
        ("ConnectionPool", "handle_request"),
        ("AsyncConnectionPool", "handle_async_request"),
    ):
        if hasattr(module, cls):
            around(getattr(module, cls), name, make)


def hook_aiohttp_client(module):
    def sends(request):
        pairs = carried()
        if pairs is None or request.method == "CONNECT":
            return
        add_to(request.headers, str(request.url), pairs)

    for cls in (getattr(module, "ClientRequestBase", None), module.ClientRequest):
        for name in ("send", "_send"):
            if cls is not None and name in cls.__dict__:
                before(cls, name, sends)


def add_to(headers, url, pairs):
    """Adds the pairs to a mapping of headers that ignores case."""
    signed = headers.get("Authorization", "") + url
    if "X-Amzn-Trace-Id" in headers or "traceparent" in headers:
        return
    if "x-amzn-trace-id" not in signed.lower():
        for name, value in pairs:
            headers[name.decode()] = value.decode()


def hook_tornado_client(module):
    """A fetch may wait for another to end, so the headers are added when it is asked for, to a
    copy: the caller may use his request again."""

    def add(proxy):
        pairs = carried()
        if pairs is not None:
            request = proxy.request
            copy = object.__new__(type(request))
            copy.__dict__.update(request.__dict__)
            copy.headers = request.headers.copy()
            add_to(copy.headers, request.url, pairs)
            proxy.request = copy

    def make(original):
        def fetch_impl(self, request, callback):
            guarded(add, request)
            return original(self, request, callback)

        return fetch_impl

    for cls in ("SimpleAsyncHTTPClient", "CurlAsyncHTTPClient"):
        if cls in module.__dict__:
            around(getattr(module, cls), "fetch_impl", make)


HOOKS = {
    "aiohttp.client_reqrep": hook_aiohttp_client,
    "aiohttp.web_protocol": hook_aiohttp_server,
    "asyncio.events": hook_events,
    "asyncio.queues": hook_queue,
    "asyncio.streams": hook_streams,
    "concurrent.futures.thread": hook_pool,
    "daphne.server": hook_daphne,
    "gevent.pywsgi": hook_gevent,
    "greenlet": hook_greenlet,
    "gunicorn.asgi.protocol": hook_gunicorn_asgi,
    "gunicorn.workers.base_async": hook_gunicorn_async,
    "http.client": hook_http_client,
    "httpcore._async.connection_pool": hook_httpcore,
    "httpcore._sync.connection_pool": hook_httpcore,
    "hypercorn.app_wrappers": hook_hypercorn,
    "queue": hook_queue,
    "socket": hook_socket,
    "ssl": hook_ssl,
    "threading": hook_threading,
    "tornado.curl_httpclient": hook_tornado_client,
    "tornado.http1connection": hook_tornado_server,
    "tornado.simple_httpclient": hook_tornado_client,
    "uvicorn.protocols.http.h11_impl": hook_uvicorn,
    "uvicorn.protocols.http.httptools_impl": hook_uvicorn,
    "uvicorn.protocols.http.zttp_h2_impl": hook_uvicorn,
    "uvicorn.protocols.http.zttp_impl": hook_uvicorn,
    "waitress.task": hook_waitress,
}


class Finder(object):
    """Finds the modules to hook as the other finders do, and has them hooked once they are run."""

    sideray_carrier = True

    def find_spec(self, name, path=None, target=None):
        if name not in HOOKS:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = Loader(spec.loader, HOOKS[name])
                return spec
        return None


class Loader(object):
    """A module's loader until the module is run; then its own is in place again."""

    def __init__(self, loader, hook):
        self._loader = loader
        self._hook = hook

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module):
        try:
            module.__spec__.loader = module.__loader__ = self._loader
        except AttributeError:
            pass
        self._loader.exec_module(module)
        guarded(self._hook, module)


def forked():
    """In a child process: what its parent was asked is not for it."""
    global _forks
    _forks += 1


def install():
    """Hooks what is imported and what will be."""
    global _current, _monotonic, _ref
    if any(getattr(finder, "sideray_carrier", False) for finder in sys.meta_path):
        return
    from _contextvars import ContextVar
    from _weakref import ref
    from time import monotonic

    _current = ContextVar("sideray_carrier")
    _monotonic = monotonic
    _ref = ref
    os.register_at_fork(after_in_child=forked)
    sys.meta_path.insert(0, Finder())
    for name in HOOKS:
        module = sys.modules.get(name)
        if module is not None:
            guarded(HOOKS[name], module)


def follow():
    """Runs the `sitecustomize` that this one hides, if there is one, as Python would have."""
    here = os.path.realpath(os.path.dirname(os.path.abspath(__file__)))
    entries = [(entry, os.path.realpath(entry or os.curdir)) for entry in sys.path]
    ours = [number for number, (_, real) in enumerate(entries) if real == here]
    if not ours:
        return
    after = [entry for entry, real in entries[ours[0] :] if real != here]
    if sys.version_info < (3,):
        import imp

        try:
            found = imp.find_module("sitecustomize", after)
        except ImportError:
            return
        kept.append(sys.modules.pop("sitecustomize", None))
        imp.load_module("sitecustomize", *found)
        return
    import _frozen_importlib
    import _frozen_importlib_external

    spec = _frozen_importlib_external.PathFinder.find_spec("sitecustomize", after)
    if spec is None or spec.loader is None:
        return
    module = _frozen_importlib.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


#: Python 2 empties a module that is in nobody's hands, though its code may be running.
kept = []

if sys.version_info >= (3, 8) and sys.implementation.name == "cpython":
    if os.environ.get("SIDERAY_CARRIER") != "off":
        guarded(install)
if __name__ == "sitecustomize":
    follow()
