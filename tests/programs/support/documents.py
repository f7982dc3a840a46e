"""Reading segment documents and trace headers, as the assertions of the tests want them."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Call(NamedTuple):
    """An outbound call: the subsegment, and where it hangs."""

    entity: dict
    trace_id: str
    parent_id: str
    holder: dict


def is_segment(document):
    """A segment that has ended."""
    return document.get("type") != "subsegment" and "end_time" in document


def calls(known):
    """Every subsegment in `known`, embedded ones and those that were sent alone."""
    for document in known:
        if document.get("type") == "subsegment":
            yield Call(document, document["trace_id"], document["parent_id"], document)
        yield from _embedded(document, document)


def _embedded(entity, holder):
    for child in entity.get("subsegments", []):
        yield Call(child, holder["trace_id"], entity["id"], holder)
        yield from _embedded(child, holder)


def request(entity):
    """The `http.request` of a segment or subsegment."""
    return entity.get("http", {}).get("request", {})


def response(entity):
    """The `http.response` of a segment or subsegment."""
    return entity.get("http", {}).get("response", {})


def at(entity, path):
    """Whether its URL has that path."""
    url = request(entity).get("url")
    return url is not None and urlsplit(url).path == path


def status(entity):
    """The status it was answered with, if it was."""
    return response(entity).get("status")


def flags(entity):
    """Which of the three flags are set."""
    return {flag for flag in ("error", "throttle", "fault") if entity.get(flag)}


def exception(entity):
    """Why it failed: the first exception of its cause."""
    return entity["cause"]["exceptions"][0]


def notes(entity):
    """What sideray says of an entity that X-Ray has no field for."""
    return entity.get("metadata", {}).get("sideray", {})


def method(entity):
    """How the parent of a call was found."""
    return notes(entity).get("attribution", {}).get("method")


def header(value):
    """The fields of an `X-Amzn-Trace-Id`."""
    assert value is not None, "there is no trace header"
    return dict(piece.strip().split("=", 1) for piece in value.split(";") if "=" in piece)
