"""The certificate that clients are shown at the egress port, judged by what they are built on:
OpenSSL, curl, Python, Node.js, Java, Go."""

import json
import re
import shutil

import pytest

from support.programs import HERE
from support.programs import PYTHON
from support.programs import run
from support.sidecar import BINARY
from support.toml import Section

VERSIONS = ["1.2", "1.3"]


@pytest.fixture
def folder(tmp_path):
    """Where the files for clients are written."""
    return tmp_path / "public"


@pytest.fixture
def looking(sideray, tls_origin, authority, folder):
    """Starts a sidecar that looks into calls to localhost and names below it:
    `looking(command=[…], ca_cert=…)`."""

    def begin(command=None, env=None, **keys):
        intercept = Section({"hosts": ["localhost:*", "*.localhost:*"], "ca_dir": folder, **keys})
        egress = {"tls": Section({"roots": authority.cert}), "intercept": intercept}
        return sideray(tls_origin.url, command=command, env=env, egress=egress)

    return begin


def seen(daemon, path, host="localhost"):
    """The call must have been looked into: a tunnel's subsegment has no path."""
    assert daemon.call(path).entity["name"] == host


def below(url, name):
    """The same server by a name below localhost: Java and Go call localhost without a proxy."""
    return url.replace("localhost", f"{name}.localhost").replace("127.0.0.1", f"{name}.localhost")


def shown(sidecar, tls_origin, folder, *words):
    """What `openssl s_client` says of a handshake, in which it must not find a fault."""
    done = run(
        "openssl", "s_client", "-proxy", sidecar.addresses["egress"], "-connect",
        tls_origin.authority, "-servername", "localhost", "-verify_hostname", "localhost",
        "-CAfile", folder / "ca.pem", "-verify_return_error", *words, stdin="",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Verify return code: 0 (ok)" in done.stdout
    return done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
def test_openssl_verifies_it(looking, tls_origin, folder, version, alpn):
    flag = f"-tls{version.replace('.', '_')}"
    said = shown(looking(), tls_origin, folder, flag, "-alpn", f"{alpn},http/1.1")
    assert f"TLSv{version}" in said
    assert re.search(r"ALPN protocol: (h2|http/1.1)", said)


def test_the_leaf_is_as_a_servers_should_be(looking, tls_origin, folder, tmp_path):
    chain = shown(looking(), tls_origin, folder, "-showcerts")
    pems = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", chain, re.DOTALL)
    assert pems[1:] == [(folder / "ca.pem").read_text()], "the chain is leaf and CA"
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(pems[0])
    strict = ("-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost")
    assert run("openssl", "verify", *strict, "-CAfile", folder / "ca.pem", leaf).returncode == 0
    text = run("openssl", "x509", "-in", leaf, "-noout", "-text").stdout
    for pattern in (
        r"Subject:\s*\n",
        r"NIST CURVE: P-256",
        r"Alternative Name: critical\n\s+DNS:localhost\n",
        r"Basic Constraints: critical\n\s+CA:FALSE\n",
        r"Key Usage: critical\n\s+Digital Signature\n",
        r"Extended Key Usage: \n\s+TLS Web Server Authentication\n",
        r"Subject Key Identifier:",
        r"Authority Key Identifier:",
        r"Serial Number:\n\s+([0-9a-f]{2}:){15}[0-9a-f]{2}\n",
    ):
        assert re.search(pattern, text), f"{pattern} is not in\n{text}"
    assert run("openssl", "x509", "-in", leaf, "-noout", "-checkend", "86400").returncode == 0
    assert run("openssl", "x509", "-in", leaf, "-noout", "-checkend", "172800").returncode == 1


@pytest.mark.parametrize("flag", ["--http2", "--http1.1"])
def test_curl_trusts_it(looking, tls_origin, curl, daemon, folder, flag):
    """It is offered what the server speaks, which here is HTTP/1.1 alone."""
    sidecar = looking()
    words = ("--proxy", sidecar.egress, "--cacert", folder / "ca.pem", flag)
    answer = curl(*words, f"{tls_origin.url}/curl")
    assert (answer.code, answer.status, answer.version) == (0, 200, "1.1"), answer.error
    seen(daemon, "/curl")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_node_trusts_it(looking, tls_origin, folder, version):
    sidecar = looking()
    env = {**sidecar.proxies, "NODE_EXTRA_CA_CERTS": str(folder / "ca.pem")}
    script = HERE / "node" / "certificate.mjs"
    done = run("node", script, tls_origin.authority, f"TLSv{version}", env=env)
    said = json.loads(done.stdout)
    assert (said["trusted"], said["version"]) == (True, f"TLSv{version}"), done.stderr
    assert said["names"] == "DNS:localhost"
    done = run("node", script, tls_origin.authority, env=sidecar.proxies)
    assert "error" in json.loads(done.stdout), "without the variable it is not trusted"


JAVA = pytest.mark.skipif(not shutil.which("java"), reason="Java is not installed")


@JAVA
def test_java_is_led_and_trusts_it(looking, tls_origin, daemon):
    """By its options alone, with the JDK's old client and its new one."""
    url = below(f"{tls_origin.url}/java", "java")
    sidecar = looking(command=["java", HERE / "java" / "Get.java", url])
    assert sidecar.program.wait(60) == 0, sidecar.program.output()
    assert sidecar.program.output().count("200 hello") == 2
    seen(daemon, "/java/old", "java.localhost")
    seen(daemon, "/java/new", "java.localhost")


@JAVA
def test_java_is_led_through_the_egress_port(sideray, origin, daemon):
    url = below(f"{origin.url}/plain", "java")
    sidecar = sideray(origin.url, command=["java", HERE / "java" / "Get.java", url])
    assert sidecar.program.wait(60) == 0, sidecar.program.output()
    assert sidecar.program.output().count("200 hello") == 2
    daemon.call("/plain/old")
    daemon.call("/plain/new")


@JAVA
def test_keytool_reads_the_truststore(looking, folder):
    looking()
    words = ("-keystore", folder / "truststore.p12", "-storepass", "changeit")
    done = run("keytool", "-list", *words)
    assert done.returncode == 0, done.stdout
    bundle = (folder / "bundle.pem").read_text()
    assert done.stdout.count("trustedCertEntry") == bundle.count("BEGIN CERTIFICATE")


@pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed")
def test_go_trusts_it(looking, tls_origin, daemon, tmp_path):
    program = tmp_path / "get.go"
    program.write_text(
        'package main\nimport ("fmt"; "io"; "net/http"; "os")\n'
        "func main() {\n"
        "  answer, err := http.Get(os.Args[1])\n"
        "  if err != nil { fmt.Println(err); os.Exit(1) }\n"
        "  body, _ := io.ReadAll(answer.Body)\n"
        "  fmt.Println(answer.StatusCode, string(body))\n}\n"
    )
    url = below(f"{tls_origin.url}/go", "go")
    sidecar = looking(command=["go", "run", program, url])
    assert sidecar.program.wait(120) == 0, sidecar.program.output()
    assert "200 hello" in sidecar.program.output()
    seen(daemon, "/go", "go.localhost")


CLIENTS = {
    "requests": "import requests; print(requests.get(URL).text)",
    "httpx": "import httpx; print(httpx.get(URL).text)",
    "urllib": "import urllib.request as u; print(u.urlopen(URL).read().decode())",
}


@pytest.mark.parametrize("name", CLIENTS)
def test_python_under_exec_trusts_it(looking, tls_origin, daemon, name):
    url = f"{tls_origin.url}/python/{name}"
    script = CLIENTS[name].replace("URL", repr(url))
    sidecar = looking(command=[PYTHON, "-c", script])
    assert sidecar.program.wait() == 0, sidecar.program.output()
    sidecar.program.wait_line(lambda line: line == "hello", "hello")
    seen(daemon, f"/python/{name}")


def told(sidecar, names):
    """The variables that a command finds, once it has printed them by `env`."""
    assert sidecar.program.wait() == 0
    pairs = (line.partition("=") for line in sidecar.program.output().splitlines())
    found = {name: value for name, _, value in pairs}
    return {name: found.get(name) for name in names}


BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
NODE = "NODE_EXTRA_CA_CERTS"
UNSET = dict.fromkeys((*BUNDLES, NODE, "JAVA_TOOL_OPTIONS"), "")


def test_exec_names_the_files(looking, folder):
    found = told(looking(command=["env"], env=UNSET), UNSET)
    assert {found[name] for name in BUNDLES} == {str(folder / "bundle.pem")}
    assert found[NODE] == str(folder / "ca.pem")
    assert f"-Djavax.net.ssl.trustStore={folder / 'truststore.p12'}" in found["JAVA_TOOL_OPTIONS"]


def test_exec_keeps_what_its_user_trusts(looking, folder, authority):
    """A call that is not looked into still finds the corporate CA."""
    env = {**UNSET, "AWS_CA_BUNDLE": str(authority.cert), NODE: str(authority.cert)}
    command = ["sh", "-c", f"env; cat {folder / 'bundle.pem'}"]
    sidecar = looking(command=command, env=env)
    found = told(sidecar, UNSET)
    assert {found[name] for name in (*BUNDLES, NODE)} == {str(folder / "bundle.pem")}
    certificate = authority.cert.read_text().split("-----")[2].strip()
    assert certificate in sidecar.program.output(), "his certificate is in the bundle"
    assert certificate not in (folder / "ca.pem").read_text()


def test_what_openssl_is_told_to_trust_does_not_take_the_systems_roots_away(
    looking, folder, authority
):
    """For clients of the bundle that do not heed its variable."""
    looking()
    before = (folder / "bundle.pem").read_text().count("BEGIN")
    env = {**UNSET, "SSL_CERT_FILE": str(authority.cert)}
    assert looking(command=["true"], env=env).program.wait() == 0
    assert (folder / "bundle.pem").read_text().count("BEGIN") == before + 1


def test_a_ca_on_disk_is_used_and_its_key_leaves_by_no_port(looking, tls_origin, tmp_path, folder):
    made = tmp_path / "ca"
    assert run(BINARY, "ca", "create", "--dir", made).returncode == 0
    sidecar = looking(ca_cert=made / "ca.pem", ca_key=made / "ca.key")
    assert (folder / "ca.pem").read_text() == (made / "ca.pem").read_text()
    shown(sidecar, tls_origin, folder)
    key = re.sub(r"\s", "", (made / "ca.key").read_text().split("-----")[2])
    for path in ("/healthz", "/readyz", "/metrics", "/traces", "/ca.key", f"/..{made}/ca.key"):
        for port in ("admin", "ingress", "egress"):
            words = ("curl", "-s", "--path-as-is", f"http://{sidecar.addresses[port]}{path}")
            body = run(*words).stdout
            assert "PRIVATE" not in body
            assert key[:40] not in re.sub(r"\s", "", body)
    said = sidecar.program.output()
    assert "PRIVATE" not in said
    assert key[:40] not in said
    assert (made / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_everybody_can_read_is_not_used(looking, tmp_path):
    made = tmp_path / "ca"
    assert run(BINARY, "ca", "create", "--dir", made).returncode == 0
    (made / "ca.key").chmod(0o644)
    with pytest.raises(AssertionError, match="can be read or changed by everybody"):
        looking(ca_cert=made / "ca.pem", ca_key=made / "ca.key")
