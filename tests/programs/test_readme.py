"""The README's table of what the X-Ray SDKs do: each row that says yes names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADING = "## What the X-Ray SDKs do"


def rows():
    """The table's rows, as lists of cells."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split(HEADING, 1)[1]
    table = re.split(r"\n## ", section, maxsplit=1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_each_row_is_answered_and_each_yes_names_a_test():
    """A test is named as `file::function`, the file by its path below the root."""
    table = rows()
    assert len(table) > 30, "every feature of the SDKs has a row"
    for feature, answer, proof in table:
        assert answer in ("yes", "differently", "no"), feature
        named = re.findall(r"`([\w/.]+)::(\w+)`", proof)
        assert named or answer != "yes", f"{feature}: no test is named"
        assert answer != "no" or len(proof.split()) > 4, f"{feature}: no reason is given"
        for file, function in named:
            text = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"\b(?:fn|def) {function}\b", text), f"{file} has no {function}"
