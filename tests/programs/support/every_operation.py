"""Every operation of every service that botocore knows, as a client of an HTTP proxy sends its
request over plain HTTP. The requests are those of `tests/aws/every_operation.py`."""

import hashlib
import importlib.util
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import botocore
import botocore.session

SCRIPT = Path(__file__).resolve().parents[2] / "aws" / "every_operation.py"
LEFT_OUT = ("host", "content-length", "transfer-encoding", "expect", "connection")


class Operation(NamedTuple):
    """An operation, what its request must be recognised as, and the request."""

    service: str
    operation: str
    told: tuple
    method: str
    url: str
    headers: dict
    body: bytes

    def absolute(self, *extra):
        """The bytes of the request, with those header lines besides."""
        parts = urlsplit(self.url)
        target = self.url.replace(f"{parts.scheme}://", "http://", 1)
        lines = [f"{self.method} {target} HTTP/1.1", f"Host: {parts.netloc}", *extra]
        lines += [f"{n}: {v}" for n, v in self.headers.items() if n.lower() not in LEFT_OUT]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


def each(folder):
    """Lists of operations as they become ready, a service each. What has been worked out is kept in
    `folder` for the next time."""
    known = hashlib.sha256(Path(__file__).read_bytes() + SCRIPT.read_bytes()).hexdigest()[:16]
    store = folder / f"operations-{botocore.__version__}-{known}.pickle"
    if store.exists():
        yield from pickle.loads(store.read_bytes())
        return
    services = botocore.session.get_session().get_available_services()
    done = []
    with ProcessPoolExecutor() as pool:
        for ready in as_completed([pool.submit(_service, one) for one in services]):
            done.append(ready.result())
            yield done[-1]
    store.write_bytes(pickle.dumps(done))


def _service(name):
    script = _script()
    return [
        Operation(
            one.service, one.operation, script.told(one), one.method, one.url, one.headers, one.body
        )
        for one in script.requests([name])
    ]


def _script():
    """The script as a module; it is not on the path of the tests."""
    name = "every_operation_of_botocore"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SCRIPT)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
