"""Clients of a proxy that speak for themselves: a bare tunnel, and requests inside one."""

import http.client
import socket
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from support.waiting import DEADLINE


class Told(NamedTuple):
    """An answer; header names are lower-case."""

    status: int
    headers: dict
    body: bytes


def tunnel(address, host, port=443):
    """A socket behind `CONNECT host:port`, once the proxy has agreed."""
    proxy, _, number = address.rpartition(":")
    client = socket.create_connection((proxy, int(number)), timeout=DEADLINE)
    client.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        assert piece, f"the proxy closed the connection after {head!r}"
        head += piece
    assert head.split(b" ")[1] == b"200", head
    return client


def secure(address, host, authority):
    """A TLS connection to `host` behind the proxy, trusting `authority` alone; no ALPN."""
    trust = ssl.create_default_context(cafile=authority)
    return trust.wrap_socket(tunnel(address, host), server_hostname=host)


def ask(address, authority, method, url, headers=(), body=None):
    """One request to an https URL through the proxy, with exactly those headers besides Host."""
    parts = urlsplit(url)
    proxy, _, number = address.rpartition(":")
    trust = ssl.create_default_context(cafile=authority)
    client = http.client.HTTPSConnection(proxy, int(number), context=trust, timeout=DEADLINE)
    client.set_tunnel(parts.hostname, 443)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        client.request(method, target, body, dict(headers))
        answer = client.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Told(answer.status, told, answer.read())
    finally:
        client.close()
