"""Whose calls are whose: unmodified services under load with a background timer, calls after the
answer, clients that hang up and an upstream that fails. No call may be given to a wrong request.
`benches/attribution/run` is the long version."""

import pytest

from attribution import plan
from attribution import report
from attribution import services
from attribution.arms import LINES
from attribution.bench import Bench
from attribution.results import Figure
from attribution.results import at_least
from attribution.results import at_most
from attribution.results import chance
from attribution.scorer import Cell
from attribution.scorer import Scorer
from attribution.scorer import missing
from conftest import DOCUMENTS

WIDTHS = (1, 16)
REQUESTS = 30


def judged(folder, name, noise):
    """The results of a short run of one service, with all that must be true of every run."""
    bench = Bench(folder, ["plain", "carriers"], together=True, keep=DOCUMENTS)
    bench.service(name, noise, REQUESTS, WIDTHS)
    results = bench.results
    if results.absent:
        pytest.skip(results.absent[name])
    told = "\n".join(report.page(results))
    assert results.calls >= 2 * REQUESTS, told
    assert not results.wrong, f"a wrong parent\n{told}"
    assert not results.lost, f"documents were lost\n{told}"
    assert not results.broken, f"requests broke\n{told}"
    assert not results.missing, f"calls without a document\n{told}"
    return results


@pytest.mark.parametrize("name", services.ALL)
def test_no_call_is_given_to_a_wrong_request(tmp_path, name):
    results = judged(tmp_path, name, "own")
    failed = [str(finding) for finding in results.findings() if finding.verdict == "fails"]
    assert not failed, "\n".join([*failed, *report.page(results)])


@pytest.mark.parametrize("name", ["flask", "gunicorn-sync", "node-http"])
def test_a_timer_on_the_route_of_the_requests_is_nobodys(tmp_path, name):
    judged(tmp_path, name, "same")


CELL = Cell("flask", "own", "plain", 1, 1, 100, began=10.0, ended=90.0)
#: Two requests, the second of which is one of two calls at least, and an unknown call's own root.
ONE, OTHER = 3, next(n for n in range(4, 100) if len(plan.request(n).thinks) == 2)


def segment(number, start, end, *calls, own=None, trace=None):
    """A request's segment with its calls in it; a root of an unknown call if it has no number."""
    root = {"id": own or f"seg-{number}", "trace_id": trace or f"trace-{number}"}
    if number is not None:
        root["http"] = {"request": {"url": f"http://service/work/{number}"}}
    return {**root, "start_time": start, "end_time": end, "subsegments": list(calls)}


def subsegment(path, start, method, **more):
    """A call."""
    return {
        "id": f"{path}@{start}",
        "start_time": start,
        "end_time": start + 1,
        "http": {"request": {"url": f"http://upstream.test{path}"}},
        "metadata": {"sideray": {"attribution": {"method": method}}},
        **more,
    }


def alone(path, start, method, trace, parent):
    """A call that travels alone."""
    return subsegment(
        path, start, method, type="subsegment", trace_id=trace, parent_id=parent
    )  # fmt: skip


def unknown(path, start, method="unknown"):
    """A call below a root of its own."""
    call = subsegment(path, start, method)
    return segment(None, start, start + 1, call, own=f"root-{path}", trace=f"own-{path}")


def score(*known, lossless=True):
    """The score of these documents."""
    scorer = Scorer(known, [CELL], lossless)
    (found,) = scorer.judge()
    return found


@pytest.mark.parametrize(
    ("document", "right", "none", "late", "timer", "wrong"),
    [
        (segment(ONE, 20, 30, subsegment(f"/call/{ONE}/0", 21, "sole")), 1, 0, 0, 0, 0),
        (segment(ONE, 20, 30, subsegment(f"/call/{OTHER}/0", 21, "sole")), 0, 0, 0, 0, 1),
        (segment(ONE, 20, 30, subsegment("/call/0/7", 21, "thread")), 0, 0, 0, 0, 1),
        (segment(ONE, 20, 30, subsegment("/tick/7", 21, "header")), 0, 0, 0, 0, 1),
        (segment(ONE, 20, 30, subsegment(f"/call/{ONE}/0", 21, "unknown")), 0, 0, 0, 0, 1),
        (unknown(f"/call/{ONE}/0", 21), 0, 1, 0, 0, 0),
        (unknown(f"/call/{ONE}/0", 21, "background"), 0, 1, 0, 0, 0),
        (unknown(f"/call/{ONE}/0", 21, "sole"), 0, 0, 0, 0, 1),
        (unknown("/tick/7", 21, "background"), 0, 0, 0, 1, 0),
        (unknown("/call/0/7", 21), 0, 0, 0, 1, 0),
        (unknown(f"/call/{ONE}/0", 31), 0, 0, 1, 0, 0),
        (alone(f"/after/{ONE}/0", 31, "header", f"trace-{ONE}", f"seg-{ONE}"), 0, 0, 1, 0, 0),
        (alone(f"/after/{ONE}/0", 31, "header", "another", f"seg-{ONE}"), 0, 0, 0, 0, 1),
        (alone(f"/after/{OTHER}/0", 31, "header", f"trace-{ONE}", f"seg-{ONE}"), 0, 0, 0, 0, 1),
        (alone(f"/call/{ONE}/0", 21, "header", f"trace-{ONE}", "nobody"), 0, 0, 0, 0, 1),
    ],
)
def test_the_scorer_knows_right_from_wrong(document, right, none, late, timer, wrong):
    rest = [segment(ONE, 20, 30)] if document["id"] != f"seg-{ONE}" else []
    found = score(*rest, segment(OTHER, 20, 30), document)
    assert sum(found.right.values()) == right
    assert sum(found.unknown.values()) == none
    assert sum(found.late.values()) == late
    assert found.timer == timer
    assert len(found.wrong) == wrong


def test_a_parent_whose_document_is_lost_is_no_wrong_one():
    call = alone(f"/call/{ONE}/0", 21, "header", "trace-9", "seg-9")
    found = score(call, lossless=False)
    assert (found.lost, found.wrong) == (1, [])


def test_a_call_without_document_is_missed():
    found = score(segment(OTHER, 20, 30, subsegment(f"/call/{OTHER}/0", 21, "header")))
    assert missing([CELL], [found], lambda cell: [OTHER]) == [(OTHER, 1)]
    found = score(segment(ONE, 20, 30, subsegment(f"/call/{OTHER}/1", 21, "header")))
    assert missing([CELL], [found], lambda cell: [OTHER]) == [(OTHER, 0)], "a wrong one has come"


def test_every_line_of_acceptance_is_about_services_there_are():
    for line in LINES:
        assert line.services and set(line.services) <= set(services.ALL), line


@pytest.mark.parametrize(
    ("rounds", "limit", "verdict"),
    [
        ([0.1, 0.2, 0.3], 0.3, "holds"),
        ([0.1, 0.5, 0.9], 0.3, "unclear"),
        ([0.49, 0.5, 0.51], 0.3, "fails"),
    ],
)
def test_a_line_fails_only_where_noise_cannot_explain_it(rounds, limit, verdict):
    assert at_most(Figure.of(rounds), limit) == verdict


@pytest.mark.parametrize(
    ("right", "calls", "verdict"),
    [
        (42, 42, "holds"),
        (41, 42, "unclear"),
        (36, 42, "fails"),
        (9_890, 10_000, "unclear"),
        (9_860, 10_000, "fails"),
    ],
)
def test_a_share_fails_only_where_chance_cannot_explain_it(right, calls, verdict):
    assert at_least(Figure(right / calls, chance(0.99, calls)), 0.99) == verdict
