"""curl and a TLS ingress: versions by ALPN, and certificates that are replaced on disk."""

import shutil
import socket
import ssl

import pytest

from support import documents
from support import waiting


@pytest.mark.parametrize(("flag", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_https_by_alpn(sideray, origin, curl, daemon, certificate, flag, version):
    tls = {"cert": certificate.cert, "key": certificate.key}
    sidecar = sideray(origin.url, ingress={"tls": tls})
    url = f"https://localhost:{sidecar.port('ingress')}/secure?x=1"
    answer = curl(flag, "--cacert", certificate.authority, url)
    assert (answer.code, answer.status, answer.version) == (0, 200, version), answer.error
    segment = daemon.segment("/secure")
    assert documents.request(segment)["url"] == url.removesuffix("?x=1")
    assert origin.request("/secure").headers["x-forwarded-proto"] == "https"


def test_a_new_certificate_is_shown_without_a_restart(sideray, origin, authority, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    first, second = authority.issue("first"), authority.issue("second")
    shutil.copy(first.cert, cert)
    shutil.copy(first.key, key)
    sidecar = sideray(origin.url, ingress={"tls": {"cert": cert, "key": key}})
    trust = ssl.create_default_context(cafile=authority.cert)

    def shown():
        address = ("127.0.0.1", sidecar.port("ingress"))
        with (
            socket.create_connection(address, timeout=5) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            subject = secure.getpeercert()["subject"]
        return dict(pair for group in subject for pair in group)["commonName"]

    assert shown() == "first"
    for source, target in ((second.key, key), (second.cert, cert)):
        shutil.copy(source, target.with_suffix(".new"))
        target.with_suffix(".new").replace(target)
    waiting.until(lambda: shown() == "second", "the new certificate is shown")


def test_an_upstream_may_speak_tls(sideray, tls_origin, curl, daemon, authority):
    sidecar = sideray(tls_origin.url, ingress={"upstream_tls": {"roots": authority.cert}})
    assert curl(f"{sidecar.ingress}/behind").body == b"hello"
    assert tls_origin.request("/behind")
    daemon.segment("/behind")


def test_an_upstream_that_nobody_vouches_for_is_a_502(sideray, tls_origin, curl, daemon):
    sidecar = sideray(tls_origin.url)
    assert curl(f"{sidecar.ingress}/untrusted").status == 502
    assert documents.flags(daemon.segment("/untrusted")) == {"fault"}
