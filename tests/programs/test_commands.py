"""The commands that are not for staying: demo, check, help."""

import re

import pytest

from support.programs import run
from support.sidecar import BINARY


def test_demo_prints_one_trace_as_a_tree_with_the_fault_marked():
    done = run(BINARY, "demo", "--once", timeout=30)
    assert done.returncode == 0, done.stderr
    assert re.search(r"1-[0-9a-f]{8}-[0-9a-f]{24}", done.stdout), done.stdout
    lines = [line for line in done.stdout.splitlines() if re.search(r"\b[1-5]\d\d\b", line)]
    assert len(lines) >= 5, f"a segment, two calls and their two segments:\n{done.stdout}"
    assert re.search(r"fault", done.stdout, re.IGNORECASE), done.stdout
    assert re.search(r"\b5\d\d\b", done.stdout), done.stdout
    assert re.search(r"\d\s?(ms|s)\b", done.stdout), f"no times:\n{done.stdout}"
    indents = {len(line) - len(line.lstrip(" │├└─|`+-")) for line in lines}
    assert len(indents) >= 3, f"three levels:\n{done.stdout}"


def test_check_shows_what_comes_of_a_good_file(tmp_path):
    file = tmp_path / "proxy.toml"
    file.write_text('[service]\nname = "checkout"\n[ingress]\nupstream = "http://127.0.0.1:9090"\n')
    done = run(BINARY, "check", "--config", file)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\bok\b", done.stdout)
    for word in ("checkout", "9090", "0.0.0.0:8000", "127.0.0.1:8001", "127.0.0.1:8002"):
        assert word in done.stdout, f"{word} is not in\n{done.stdout}"


def test_check_shows_every_fault_at_once_with_key_and_line(tmp_path):
    file = tmp_path / "proxy.toml"
    file.write_text(
        "[ingress]\n"
        'listen = "nowhere"\n'
        'upstrem = "http://127.0.0.1:8080"\n'
        "[sampling]\n"
        "default = { fixed_target = -1, rate = 7.0 }\n"
        "[emit]\n"
        'daemon = "no-port"\n'
    )
    done = run(BINARY, "check", "--config", file)
    assert done.returncode not in (0, 101), "a fault is an exit code, not a panic"
    said = done.stdout + done.stderr
    for key, line in [("listen", 2), ("upstrem", 3), ("rate", 5), ("daemon", 7)]:
        found = [one for one in said.splitlines() if key in one and re.search(rf"\b{line}\b", one)]
        assert found, f"{key} in line {line} is not told of:\n{said}"
    assert "upstream" in said, "an unknown key comes with the one that was meant"


@pytest.mark.parametrize("text", ["[ingress\n", 'a = "\xff', "[ingress]\nlisten = 1\nlisten = 2\n"])
def test_check_survives_what_is_not_toml(tmp_path, text):
    file = tmp_path / "proxy.toml"
    file.write_bytes(text.encode("latin-1"))
    done = run(BINARY, "check", "--config", file)
    assert done.returncode not in (0, 101)
    assert "panicked" not in done.stderr


def test_run_refuses_a_faulty_file(tmp_path):
    file = tmp_path / "proxy.toml"
    file.write_text('[ingress]\nupstream = "gopher://x"\n')
    done = run(BINARY, "run", "--config", file)
    assert done.returncode not in (0, 101)
    assert "upstream" in done.stdout + done.stderr


def test_a_missing_file_is_told_by_name():
    done = run(BINARY, "check", "--config", "/no/such/proxy.toml")
    assert done.returncode not in (0, 101)
    assert "/no/such/proxy.toml" in done.stdout + done.stderr


def test_help_names_every_command():
    done = run(BINARY, "--help")
    assert done.returncode == 0
    for command in ("run", "exec", "demo", "ca", "check"):
        assert re.search(rf"^\s+{command}\b", done.stdout, re.MULTILINE), done.stdout
