"""Every operation of every service that botocore knows, as the request that botocore sends for it:
with the fewest parameters that its model allows, signed, taken from it just before the wire."""

import hashlib
import pickle
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import botocore
import botocore.session
from botocore.config import Config
from botocore.exceptions import MissingDependencyException
from botocore.exceptions import NoAuthTokenError

REGION = "us-east-1"
#: What services look into for the host to send to, by its name or the end of that.
TELLING = {
    ("cloudfront-keyvaluestore", "ARN"): "arn:aws:cloudfront::123456789012:key-value-store/a",
    ("kinesis", "ChannelARN"): f"arn:aws:kinesis:{REGION}:123456789012:channel/a",
    ("kinesis", "QueueARN"): f"arn:aws:kinesis:{REGION}:123456789012:queue/a",
    ("kinesis", "ARN"): f"arn:aws:kinesis:{REGION}:123456789012:stream/a",
    ("machinelearning", "int"): f"https://realtime.machinelearning.{REGION}.amazonaws.com",
}


class Operation(NamedTuple):
    """An operation and its request; `name` is what the SDK for Python calls its subsegment."""

    service: str
    name: str
    operation: str
    method: str
    url: str
    headers: list
    body: bytes

    def absolute(self, *extra):
        """The bytes of the request as a client of an HTTP proxy sends it, over plain HTTP; with
        those header lines besides."""
        parts = urlsplit(self.url)
        target = self.url.replace(f"{parts.scheme}://", "http://", 1)
        left_out = ("host", "content-length", "transfer-encoding", "expect", "connection")
        lines = [f"{self.method} {target} HTTP/1.1", f"Host: {parts.netloc}", *extra]
        lines += [f"{n}: {v}" for n, v in self.headers if n.lower() not in left_out]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


class _Sent(Exception):
    """Stops botocore before the wire."""


def each(folder):
    """Lists of operations as they become ready, a service each. What has been worked out is kept in
    `folder` for the next time."""
    known = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
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
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    once = Config(retries={"total_max_attempts": 1})
    client = session.create_client(name, region_name=REGION, config=once)
    requests = []

    def take(request, **_):
        requests.append(request)
        raise _Sent

    client.meta.events.register("before-send", take)
    model = client.meta.service_model
    found = []
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        try:
            client._make_api_call(operation, _value(shape, name) if shape else {})
        except _Sent:
            found.append(_operation(model, operation, requests.pop()))
        except (MissingDependencyException, NoAuthTokenError):
            pass  # A few take tokens in place of signatures, or signatures that botocore has not.
    return found


def _operation(model, operation, request):
    headers = [(n, v if isinstance(v, str) else v.decode()) for n, v in request.headers.items()]
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    body = body.read() if hasattr(body, "read") else body
    service, name = model.service_name, model.endpoint_prefix
    return Operation(service, name, operation, request.method, request.url, headers, bytes(body))


def _value(shape, service, member="", above=()):
    """The smallest value of a shape, which `member` is for."""
    kind = shape.type_name
    least = max(1, shape.metadata.get("min", 1))
    if kind in ("structure", "list", "map") and shape.name in above:
        return [] if kind == "list" else {}
    above = (*above, shape.name)
    if kind == "structure":
        members = shape.required_members
        if shape.is_tagged_union or shape.serialization.get("eventstream"):
            members = list(shape.members)[:1]
        return {one: _value(shape.members[one], service, one, above) for one in members}
    if kind == "list":
        return [_value(shape.member, service, member, above)] * least
    if kind == "map":
        return {_value(shape.key, service): _value(shape.value, service, "", above)}
    if kind == "string":
        least = shape.enum[0] if shape.enum else "a" * least
        return TELLING.get((service, member), TELLING.get((service, member[-3:]), least))
    simple = {"blob": b"a" * least, "boolean": True, "timestamp": 1_700_000_000}
    return simple.get(kind, least if kind in ("integer", "long") else float(least))
