"""Writes the little TOML that the tests' configurations need; Python reads it, but writes none."""

import json


def dumps(tables):
    """A document of the tables in `tables`: `{"ingress": {"listen": …, "tls": {…}}}`."""
    lines = []
    for name, table in tables.items():
        _table(name, table, lines)
    return "\n".join(lines) + "\n"


def _table(name, table, lines):
    lines.append(f"[{name}]")
    below = []
    for key, value in table.items():
        if isinstance(value, Section):
            below.append((key, value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            below.extend((key, [one]) for one in value)
        else:
            lines.append(f"{key} = {_value(value)}")
    for key, value in below:
        if isinstance(value, Section):
            _table(f"{name}.{key}", value, lines)
        else:
            lines.append(f"[[{name}.{key}]]")
            lines.extend(f"{inner} = {_value(one)}" for inner, one in value[0].items())


class Section(dict):
    """A table with a header of its own; a plain dict is written inline."""


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)
