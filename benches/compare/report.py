"""The figures as Markdown: medians over the rounds, and ratios to nginx."""

import platform
from pathlib import Path
from statistics import median


def machine(cores):
    """What the figures were measured on."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = {line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line}
    shared = " (shared)" if cores.origin == cores.load else ""
    return [
        f"Machine: {', '.join(sorted(models)) or platform.machine()}, Linux {platform.release()}.",
        f"Cores: proxy {cores.proxy}; origin {cores.origin}, load {cores.load}, "
        f"sink {cores.sink}{shared}.",
    ]


def versions(arms):
    """Which programs were compared."""
    return [f"* {arm.name}: {arm.version}" for arm in arms]


def table(samples, idle, connections):
    """The table of one number of connections."""
    chosen = [one for one in samples if one.connections == connections]
    names = list(dict.fromkeys(one.arm for one in chosen))
    base = middle(chosen, "nginx", "cpu")
    lines = [
        f"{connections} connections:",
        "",
        "| arm | CPU s / 100,000 requests | × nginx | requests/s | p50 ms | p99 ms "
        "| RSS MiB | idle RSS MiB | documents + lost / requests | errors |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in names:
        cpu = middle(chosen, name, "cpu")
        cells = [
            name,
            number(cpu, 3),
            number(cpu / base if cpu and base else None, 2),
            number(middle(chosen, name, "rate"), 0),
            number(middle(chosen, name, "p50"), 2),
            number(middle(chosen, name, "p99"), 2),
            number(middle(chosen, name, "memory"), 1),
            number(idle.get(name), 1),
            documents([one for one in chosen if one.arm == name]),
            str(sum(one.errors for one in chosen if one.arm == name)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def middle(samples, arm, field):
    """The median of a figure over the rounds of an arm; None if it has none."""
    values = [getattr(one, field) for one in samples if one.arm == arm]
    values = [value for value in values if value is not None]
    return median(values) if values else None


def number(value, digits):
    """A figure, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def documents(samples):
    """Documents received, plus those the kernel lost, over the requests of all rounds."""
    if any(one.documents is None for one in samples):
        return "–"
    received, lost, requests = (
        sum(getattr(one, field) for one in samples) for field in ("documents", "lost", "requests")
    )
    return f"{received:,} + {lost:,} / {requests:,}"
