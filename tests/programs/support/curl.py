"""curl as a client: one call, everything it tells."""

import json
from typing import NamedTuple

from support.programs import run


class Answer(NamedTuple):
    """What curl made of it. `headers` are the last response's and `trailers` what came after its
    body, names in lower case."""

    code: int
    status: int
    version: str
    headers: dict
    trailers: dict
    body: bytes
    error: str


def curl(folder, *words):
    """Runs curl with no configuration and no proxy but those of `words`."""
    body, head = folder / "curl.body", folder / "curl.head"
    body.write_bytes(b"")
    head.write_text("")
    done = run(
        "curl", "-q", "-sS", "--max-time", "30", "-o", body, "-D", head, "-w", "%{json}", *words,
        env={"http_proxy": "", "https_proxy": "", "all_proxy": "", "no_proxy": ""},
    )  # fmt: skip
    told = json.loads(done.stdout)
    text = head.read_text(encoding="latin-1").replace("\r\n", "\n")
    last = text[text.rfind("HTTP/") :] if "HTTP/" in text else ""
    headers, _, trailers = last.partition("\n\n")
    return Answer(
        done.returncode, told["http_code"], told["http_version"], _fields(headers),
        _fields(trailers), body.read_bytes(), done.stderr,
    )  # fmt: skip


def _fields(text):
    pairs = [line.split(":", 1) for line in text.split("\n") if ":" in line]
    return {name.lower(): value.strip() for name, value in pairs}
