"""`sideray ca`: a certificate authority on disk, judged by OpenSSL."""

import json
import os
import re
import shutil
import stat

import pytest

from support.programs import run
from support.sidecar import BINARY


def ca(*words, env=None):
    """Runs it; the result has `returncode`, `stdout` and `stderr`."""
    return run(BINARY, "ca", *words, env=env)


def done(*words, env=None):
    """Runs it, and it must do well; what it printed."""
    result = ca(*words, env=env)
    assert result.returncode == 0, result.stderr
    return result.stdout


def openssl(*words):
    """What OpenSSL prints; it must not find a fault."""
    result = run("openssl", *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def mode(path):
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def made(tmp_path):
    """The directory of a new CA."""
    folder = tmp_path / "ca"
    done("create", "--dir", folder, "--days", "30")
    return folder


def test_it_is_what_openssl_calls_a_ca(made):
    text = openssl("x509", "-in", made / "ca.pem", "-noout", "-text")
    for pattern in (
        r"Issuer: CN = (sideray CA [0-9a-f]{8})\n",
        r"Subject: CN = (sideray CA [0-9a-f]{8})\n",
        r"Public Key Algorithm: id-ecPublicKey",
        r"NIST CURVE: P-256",
        r"Signature Algorithm: ecdsa-with-SHA256",
        r"Basic Constraints: critical\n\s+CA:TRUE, pathlen:0\n",
        r"Key Usage: critical\n\s+Certificate Sign, CRL Sign\n",
        r"Subject Key Identifier:",
    ):
        assert re.search(pattern, text), f"{pattern} is not in\n{text}"
    openssl("verify", "-x509_strict", "-CAfile", made / "ca.pem", made / "ca.pem")
    assert openssl("pkey", "-in", made / "ca.key", "-pubout") == openssl(
        "x509", "-in", made / "ca.pem", "-noout", "-pubkey"
    )


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_the_key_is_its_owners_whatever_the_umask(tmp_path, mask):
    folder = tmp_path / "ca"
    words = f"umask {mask:03o} && exec {BINARY} ca create --dir {folder}"
    assert run("sh", "-c", words).returncode == 0
    assert (mode(folder / "ca.key"), mode(folder / "ca.pem")) == (0o600, 0o644)
    assert mode(folder) == 0o700
    assert sorted(os.listdir(folder)) == ["ca.key", "ca.pem"]


def test_it_does_not_overwrite_unless_forced(made):
    before = [(made / name).read_bytes() for name in ("ca.pem", "ca.key")]
    result = ca("create", "--dir", made)
    assert result.returncode == 1
    assert "ca.pem is there already; --force overwrites it" in result.stderr
    assert [(made / name).read_bytes() for name in ("ca.pem", "ca.key")] == before
    done("create", "--dir", made, "--force")
    assert (made / "ca.key").read_bytes() != before[1]


def test_show_says_what_openssl_says(made):
    shown = json.loads(done("show", "--dir", made, "--json"))
    fingerprint = openssl("x509", "-in", made / "ca.pem", "-noout", "-fingerprint", "-sha256")
    assert fingerprint.strip().endswith(f"={shown['sha256']}")
    dates = openssl("x509", "-in", made / "ca.pem", "-noout", "-dates", "-dateopt", "iso_8601")
    for name in ("not_before", "not_after"):
        assert shown[name].replace("T", " ") in dates
    assert shown["days_left"] in (29, 30)
    assert shown["key"] == str(made / "ca.key")
    text = done("show", "--dir", made)
    for value in (shown["subject"], shown["sha256"], shown["not_after"], str(made / "ca.pem")):
        assert value in text


def test_leaves_stay_valid_after_a_renewal_under_both_certificates(made, tmp_path):
    leaf, request = tmp_path / "leaf.pem", tmp_path / "leaf.csr"
    openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", tmp_path / "leaf.key", "-out", request, "-subj", "/CN=leaf",
    )  # fmt: skip
    openssl(
        "x509", "-req", "-in", request, "-CA", made / "ca.pem", "-CAkey", made / "ca.key",
        "-CAcreateserial", "-CAserial", tmp_path / "serial", "-out", leaf, "-days", "2",
    )  # fmt: skip
    old = shutil.copy(made / "ca.pem", tmp_path / "old.pem")
    key = (made / "ca.key").read_bytes()
    done("renew", "--dir", made, "--days", "60")
    assert (made / "ca.key").read_bytes() == key
    for trusted in (old, made / "ca.pem"):
        openssl("verify", "-CAfile", trusted, leaf)
    serials = {
        openssl("x509", "-in", path, "-noout", "-serial") for path in (old, made / "ca.pem")
    }
    assert len(serials) == 2

    done("renew", "--dir", made, "--new-key")
    assert (made / "ca.key").read_bytes() != key
    assert run("openssl", "verify", "-CAfile", made / "ca.pem", leaf).returncode != 0


def test_a_key_that_others_can_read_is_refused(made):
    (made / "ca.key").chmod(0o644)
    for words in (("show",), ("renew",)):
        result = ca(*words, "--dir", made)
        assert result.returncode == 1
        assert f"run `chmod 600 {made / 'ca.key'}`" in result.stderr
    done("renew", "--dir", made, "--new-key")
    assert mode(made / "ca.key") == 0o600


def test_a_key_that_its_group_can_read_is_used_with_a_warning(made):
    (made / "ca.key").chmod(0o640)
    result = ca("renew", "--dir", made)
    assert result.returncode == 0
    assert "can be read by its group" in result.stderr


def test_it_is_in_the_users_data_directory_by_default(tmp_path):
    for env, folder in (
        ({"XDG_DATA_HOME": str(tmp_path / "data")}, tmp_path / "data/sideray/ca"),
        ({"XDG_DATA_HOME": "", "HOME": str(tmp_path)}, tmp_path / ".local/share/sideray/ca"),
    ):
        assert f'ca_key = "{folder}/ca.key"' in done("create", env=env)
        assert str(folder) in done("show", env=env)
    result = ca("show", env={"XDG_DATA_HOME": "", "HOME": ""})
    assert result.returncode == 2
    assert "--dir" in result.stderr


@pytest.mark.parametrize("words", [[], ["make"], ["create", "--days", "0"], ["renew", "--force"]])
def test_bad_usage_is_2(words):
    assert ca(*words).returncode == 2


def test_the_key_is_never_printed(made):
    key = (made / "ca.key").read_text()
    number = re.sub(r"\s", "", key.split("-----")[2])
    for words in (("show",), ("show", "--json"), ("renew",), ("create", "--force")):
        result = ca(*words, "--dir", made, env={"RUST_LOG": "trace"})
        said = result.stdout + result.stderr
        assert result.returncode == 0
        assert "PRIVATE" not in said
        assert number[:40] not in said
