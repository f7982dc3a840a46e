"""The figures as Markdown."""

import json

from attribution import plan
from attribution.scorer import Score

HEAD = (
    "| service | in flight | arm | calls | right % | unknown % | wrong | late right + unknown "
    "| timer | added p50 ms | added p99 ms | sidecar CPU ms | service CPU ms | × CPU of off "
    "| by method |"
)
RULE = "|---|--:|---|" + "--:|" * 11 + "---|"


def table(results):
    """The mixed load, with the costs of the steady load where it ran."""
    lines = [HEAD, RULE]
    for key in ordered(results, {*results.scores, *results.costs}):
        score = results.scores.get(key, Score())
        costs = results.costs.get(key, [])
        costly = key[2] != "off" and costs
        lines.append(
            row(
                *key[:2],
                key[2],
                *counts(score),
                figure(results.added(key, "p50") if costly else None),
                figure(results.added(key, "p99") if costly else None),
                number(mean(costs, "sidecar"), 2),
                number(mean(costs, "service"), 2),
                figure(results.cpu(key) if costly else None),
                methods(score),
            )
        )
    return lines


def sparse(results):
    """The sparse load."""
    if not results.sparse:
        return []
    lines = [
        "Sparse load, one request in flight and seconds between:",
        "",
        "| service | calls | right % | unknown % | wrong | late right + unknown | timer "
        "| by method |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for key in ordered(results, results.sparse):
        score = results.sparse[key]
        lines.append(row(key[0], *counts(score), methods(score)))
    return [*lines, ""]


def modes(results):
    """The share of right ones by how the calls were made."""
    lines = [
        "Right % by how the calls are made:",
        "",
        "| service | in flight | arm | " + " | ".join(plan.MODES) + " |",
        "|---|--:|---|" + "--:|" * len(plan.MODES),
    ]
    for key in ordered(results, results.scores):
        shares = (results.scores[key].share((mode,)) for mode in plan.MODES)
        lines.append(row(*key[:2], key[2], *(percent(share) for share in shares)))
    return lines


def page(results):
    """Everything."""
    lines = [*table(results), "", *sparse(results), *modes(results), ""]
    lines += [f"* without {name}: {why}" for name, why in results.absent.items()]
    lines.append(
        f"* {results.calls:,} calls, {len(results.wrong)} wrong, {results.lost} below a lost "
        f"document, {len(results.missing)} without one, {len(results.broken)} requests broken"
    )
    lines += [f"* {finding}" for finding in results.findings()]
    lines += [f"* wrong: `{json.dumps(case)}`" for case in results.wrong[:20]]
    lines += [f"* broken: {what}" for what in results.broken[:20]]
    lines += [f"* missing: {what}" for what in results.missing[:20]]
    return lines


def ordered(results, keys):
    """The keys by service as they were run, width and arm as they were asked for."""
    came = list(dict.fromkeys(key[0] for key in [*results.scores, *results.sparse]))
    return sorted(keys, key=lambda key: (came.index(key[0]), key[1], results.arms.index(key[2])))


def counts(score):
    """Calls, right, unknown, wrong, late and timer as cells."""
    asked = sum(score.right.values()) + sum(score.unknown.values())
    share = score.share()
    late = f"{score.late['right']} + {score.late['unknown']}"
    rest = None if share is None else 1 - share
    return asked, percent(share), percent(rest), len(score.wrong), late, score.timer


def methods(score):
    """How many calls each method judged."""
    return ", ".join(f"{name} {count}" for name, count in score.methods.most_common())


def mean(costs, field):
    """The mean of a figure over the rounds."""
    return sum(getattr(one, field) for one in costs) / len(costs) if costs else None


def row(*cells):
    """A line of the table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def percent(share):
    """A share, or a dash."""
    return "–" if share is None else f"{share * 100:.1f}"


def figure(found):
    """A figure with its error, or a dash."""
    return "–" if found is None else f"{found.value:,.2f} ± {found.error:,.2f}"


def number(value, digits):
    """A figure, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"
