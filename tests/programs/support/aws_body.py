"""Bodies of AWS requests, held against what was said of them; among them aws-chunked ones, in which
lengths, signatures and checksums travel along.

Source: "Signature calculations: transferring payload in multiple chunks" and "Including trailing
headers" (S3 API reference), "Checking object integrity" (S3 user guide)."""

import base64
import hashlib
import zlib

#: What the hash of nothing is.
EMPTY = hashlib.sha256(b"").hexdigest()
#: What is signed of a body that is not.
UNSIGNED = "UNSIGNED-PAYLOAD"
#: Longest line between two chunks.
MAX_LINE = 8192


class Fault(Exception):
    """Why a request is not what was signed."""


class _Crc32:
    def __init__(self):
        self._value = 0

    def update(self, data):
        self._value = zlib.crc32(data, self._value)

    def digest(self):
        return self._value.to_bytes(4, "big")


class _Crc:
    """A reflected CRC by table, for those that the standard library does not have. Slow."""

    _tables = {}

    def __init__(self, bits, polynomial):
        self._size = bits // 8
        self._ones = (1 << bits) - 1
        self._value = self._ones
        if polynomial not in self._tables:
            table = list(range(256))
            for _ in range(8):
                table = [(one >> 1) ^ (polynomial if one & 1 else 0) for one in table]
            self._tables[polynomial] = table
        self._table = self._tables[polynomial]

    def update(self, data):
        value, table = self._value, self._table
        for byte in data:
            value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
        self._value = value

    def digest(self):
        return (self._value ^ self._ones).to_bytes(self._size, "big")


class Checksum:
    """One checksum of a body, under the name of the header or trailer that states it."""

    KINDS = {
        "content-md5": hashlib.md5,
        "x-amz-checksum-crc32": _Crc32,
        "x-amz-checksum-crc32c": lambda: _Crc(32, 0x82F63B78),
        "x-amz-checksum-crc64nvme": lambda: _Crc(64, 0x9A6C9329AC4BC9B5),
        "x-amz-checksum-sha1": hashlib.sha1,
        "x-amz-checksum-sha256": hashlib.sha256,
    }

    def __init__(self, name, stated=None):
        self.name = name
        self.stated = stated
        self._running = self.KINDS[name]()

    @classmethod
    def of(cls, headers):
        """Those that headers state of the body."""
        # The checksum of a whole object may stand on the request that completes its upload.
        known = cls.KINDS if "x-amz-checksum-type" not in headers else ["content-md5"]
        return [cls(name, headers[name]) for name in known if name in headers]

    def feed(self, data):
        """The next bytes."""
        self._running.update(data)

    def check(self):
        """Raises if it is not what was stated."""
        found = base64.b64encode(self._running.digest()).decode()
        if found != self.stated:
            raise Fault(f"{self.name} is {found}, not {self.stated}")


class Hashed:
    """A body that is signed as a whole, or not at all."""

    def __init__(self, expected, checksums):
        self._expected = expected
        self._hash = hashlib.sha256()
        self._checksums = checksums

    def feed(self, data):
        """The next bytes of it."""
        self._hash.update(data)
        for checksum in self._checksums:
            checksum.feed(data)

    def end(self):
        """Raises if it is not what was said."""
        if self._expected not in (UNSIGNED, self._hash.hexdigest()):
            raise Fault(f"the body's hash is {self._hash.hexdigest()}, not {self._expected}")
        for checksum in self._checksums:
            checksum.check()


class AwsChunked:
    """Takes a body apart as it comes."""

    #: Whether chunks are signed, and whether there are trailers.
    KINDS = {
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (False, True),
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
    }

    def __init__(self, kind, headers, seed, sign):
        self._signed, self._trailed = self.KINDS[kind]
        self._sign = sign
        self._before = seed
        self._expected = int(headers["x-amz-decoded-content-length"])
        names = headers.get("x-amz-trailer", "") if self._trailed else ""
        self._trailers = dict.fromkeys(one.strip().lower() for one in names.split(",") if one)
        self._checksums = Checksum.of(headers)
        self._checksums += [Checksum(name) for name in self._trailers if name in Checksum.KINDS]
        self._buffer = bytearray()
        self._size = 0
        self._done = False
        self._parse = self._steps()
        next(self._parse)

    def feed(self, data):
        """The next bytes as they are on the wire."""
        self._buffer += data
        if self._done and self._buffer:
            raise Fault("there is more behind the last chunk")
        if not self._done:
            next(self._parse)

    def end(self):
        """Raises if anything is missing, or not what was said."""
        if not self._done:
            raise Fault("the body ends within its chunks")
        if self._size != self._expected:
            raise Fault(f"the chunks hold {self._size} bytes, not {self._expected}")
        for checksum in self._checksums:
            checksum.stated = checksum.stated or self._trailers[checksum.name]
            checksum.check()

    def _steps(self):
        """The parser; it yields where it needs more bytes."""
        left = -1
        while left:
            size, _, extension = (yield from self._line()).partition(";")
            if not size.isalnum():
                raise Fault("a chunk does not say how long it is")
            left = int(size, 16)
            final, chunk = not left, hashlib.sha256()
            while left:
                data = bytes(self._buffer[:left])
                del self._buffer[:left]
                left -= len(data)
                chunk.update(data)
                self._size += len(data)
                for checksum in self._checksums:
                    checksum.feed(data)
                if left:
                    yield
            if not final and (yield from self._line()):
                raise Fault("a chunk is longer than it says")
            self._check_chunk(extension, chunk.hexdigest())
            left = 0 if final else -1
        yield from self._end()
        self._done = True
        if self._buffer:
            raise Fault("there is more behind the last chunk")
        yield

    def _end(self):
        """Trailers, and the empty line behind them."""
        signed = ""
        while line := (yield from self._line()):
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if name == "x-amz-trailer-signature" and self._signed:
                digest = hashlib.sha256(signed.encode()).hexdigest()
                if value != self._sign("AWS4-HMAC-SHA256-TRAILER", self._before, digest):
                    raise Fault("the signature of the trailers is wrong")
                signed = ""
            elif name not in self._trailers:
                raise Fault(f"the trailer {name} was not announced")
            else:
                self._trailers[name] = value
                signed += f"{name}:{value}\n"
        if self._signed and signed:
            raise Fault("the trailers are not signed")
        if None in self._trailers.values():
            raise Fault(f"a trailer that was announced is missing: {self._trailers}")

    def _check_chunk(self, extension, digest):
        if not self._signed:
            return
        signed = self._sign("AWS4-HMAC-SHA256-PAYLOAD", self._before, EMPTY, digest)
        if extension != f"chunk-signature={signed}":
            raise Fault("the signature of a chunk is wrong")
        self._before = signed

    def _line(self):
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise Fault("a line between two chunks is too long")
            yield
        line = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + 2]
        return line
