"""Signatures of AWS requests, worked out from what has arrived and compared with what it says.

Source: "Signature Version 4 for API requests" (IAM user guide)."""

import datetime
import hashlib
import hmac
from urllib.parse import quote
from urllib.parse import unquote_plus
from urllib.parse import unquote_to_bytes

from support.aws_body import Fault

#: How far the clocks of both sides may be apart.
SKEW = datetime.timedelta(minutes=15)
#: Services whose paths are signed as they are sent; all others normalise them and encode again.
RAW_PATHS = {"s3", "s3express", "s3-outposts", "s3-object-lambda"}


class Key:
    """The credentials that are known here."""

    def __init__(self, access, secret, token=None):
        self.access = access
        self.secret = secret
        self.token = token

    def derived(self, scope):
        """The key for one day, region and service."""
        key = b"AWS4" + self.secret.encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        return key


class Signature:
    """What a request says of its own signature; `None` from `of` if it says nothing."""

    def __init__(self, algorithm, credential, signed, signature, moment, query):
        if algorithm != "AWS4-HMAC-SHA256":
            raise Fault(f"the algorithm is {algorithm}")
        words = credential.split("/")
        if len(words) < 5 or words[-1] != "aws4_request":
            raise Fault(f"the credential is {credential}")
        self.access = "/".join(words[:-4])
        self.scope = "/".join(words[-4:])
        self.day, self.region, self.service = words[-4:-1]
        self.signed = signed.lower().split(";")
        self.signature = signature
        self.moment = moment
        self.in_query = query

    @classmethod
    def of(cls, query, headers):
        """From `Authorization`, or from a presigned URL."""
        value = headers.get("authorization", "")
        if value.startswith("AWS4-"):
            algorithm, _, rest = value.partition(" ")
            fields = dict(one.strip().partition("=")[::2] for one in rest.split(","))
            words = (fields.get(name, "") for name in ("Credential", "SignedHeaders", "Signature"))
            return cls(algorithm, *words, headers.get("x-amz-date", ""), False)
        named = dict(parameters(query))
        if "X-Amz-Signature" not in named:
            return None
        words = ("Algorithm", "Credential", "SignedHeaders", "Signature", "Date")
        return cls(*(named.get(f"X-Amz-{word}", "") for word in words), True)

    def check_scope(self, key, query, headers):
        """Who signed, when, and for how long; which headers must be signed."""
        if self.access != key.access:
            raise Fault(f"the access key is {self.access}")
        if not self.moment.startswith(self.day):
            raise Fault(f"the scope is of {self.day} and the date {self.moment}")
        moment = datetime.datetime.strptime(self.moment, "%Y%m%dT%H%M%SZ")
        age = datetime.datetime.utcnow() - moment
        named = dict(parameters(query))
        lasts = int(named.get("X-Amz-Expires", 0)) if self.in_query else 0
        if not -SKEW < age < max(SKEW, datetime.timedelta(seconds=lasts)):
            raise Fault(f"the request was signed at {self.moment}")
        token = named.get("X-Amz-Security-Token") if self.in_query else None
        token = token or headers.get("x-amz-security-token")
        if key.token and token != key.token:
            raise Fault(f"the session token is {token}")
        missing = [one for one in headers if one.startswith("x-amz-") and one not in self.signed]
        if self.service in RAW_PATHS and missing and not self.in_query:
            raise Fault(f"these headers are not signed: {', '.join(missing)}")
        if not {"host", ":authority"} & set(self.signed):
            raise Fault("Host is not signed")

    def check(self, key, method, path, query, headers, payload):
        """The signature itself; `payload` is what is signed of the body."""
        absent = [name for name in self.signed if name not in headers]
        if absent:
            raise Fault(f"these headers are signed and not there: {', '.join(absent)}")
        fields = [f"{name}:{' '.join(headers[name].split())}\n" for name in self.signed]
        request = "\n".join([
            method,
            path if self.service in RAW_PATHS else quote(normal(path), safe="/~"),
            canonical(query),
            "".join(fields),
            ";".join(self.signed),
            payload,
        ])  # fmt: skip
        digest = hashlib.sha256(request.encode("latin-1")).hexdigest()
        signed = self.sign(key, "AWS4-HMAC-SHA256", digest)
        if not hmac.compare_digest(signed, self.signature):
            raise Fault(f"the signature should be of {request!r}")

    def sign(self, key, algorithm, *rest):
        """The signature of a string that begins with its algorithm, moment and scope."""
        text = "\n".join([algorithm, self.moment, self.scope, *rest])
        return hmac.new(key.derived(self.scope), text.encode(), "sha256").hexdigest()


def parameters(query):
    """Names and values of a query, decoded."""
    pairs = (one.partition("=") for one in query.split("&") if one)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def canonical(query):
    """A query as it is signed."""
    def encoded(text):
        return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")

    pairs = (one.partition("=") for one in query.split("&") if one)
    pairs = sorted((encoded(name), encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature")


def normal(path):
    """A path without `.`, `..` and empty segments. Source: RFC 3986 section 5.2.4."""
    kept = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    last = path.rsplit("/", 1)[-1]
    tail = "/" if kept and last in ("", ".", "..") else ""
    return "/" + "/".join(kept) + tail
