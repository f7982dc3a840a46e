"""A certificate authority of the tests' own, made with the `openssl` program."""

from pathlib import Path
from typing import NamedTuple

from support.programs import run

#: With names below it for clients that call localhost without any proxy.
LOCALHOST = ("localhost", "java.localhost", "go.localhost")


class Certificate(NamedTuple):
    """PEM files: a leaf, its key, and the authority to trust."""

    cert: Path
    key: Path
    authority: Path


class Authority:
    """Signs leaves, for localhost if no other names are given."""

    def __init__(self, folder):
        self._folder = folder
        self.cert = folder / "authority.pem"
        self._key = folder / "authority.key"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self._key, "-out", self.cert, "-days", "2", "-subj", "/CN=tests of sideray",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue(self, name, names=LOCALHOST):
        """A leaf for those names and 127.0.0.1, in files that begin with `name`."""
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        alternatives = ",".join(f"DNS:{one}" for one in names)
        extensions.write_text(
            f"subjectAltName={alternatives},IP:127.0.0.1\n"
            "basicConstraints=critical,CA:FALSE\n"
            "extendedKeyUsage=serverAuth\n"
        )
        _openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}",
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self._key,
            "-CAcreateserial", "-out", cert, "-days", "2", "-extfile", extensions,
        )  # fmt: skip
        return Certificate(cert, key, self.cert)


def _openssl(*words):
    done = run("openssl", *words)
    assert done.returncode == 0, f"openssl {words[0]}: {done.stderr}"
