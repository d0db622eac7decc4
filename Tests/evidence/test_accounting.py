# SPDX-License-Identifier: Apache-2.0
"""Tokens as the router accounts for them, against upstreams that count what they made and sent."""

import concurrent.futures
import contextlib
import random

import lab
import pytest


@contextlib.contextmanager
def routed(*upstreams, arguments, settings=None, provider="openai", **parameters):
    with lab.upstreams(*upstreams):
        router = lab.hedgerouter.Router(
            lab.configuration(upstreams, arguments=arguments, settings=settings, provider=provider, **parameters))
        try:
            yield router
        finally:
            router.close()


def spent(router, name, use):
    deployment = next(d for d in router.stats()["deployments"] if d["id"] == name)
    return deployment["spent"].get(use, {"attempts": 0, "prompt_tokens": 0, "completion_tokens": 0, "estimated_tokens": 0})


def ask(router, number, stream=True, **options):
    prompt = "words of a prompt " * (3 + number % 17)
    return router.completion("chat", [{"role": "user", "content": prompt}], stream=stream, **options)


def drained(router):
    lab.wait_for(lambda: router.stats()["open_attempts"] == 0, what="the end of every attempt")


def near(mine, theirs, share=.10):
    assert theirs > 0
    assert abs(mine - theirs) <= share * theirs, f"{mine} accounted for, {theirs} counted upstream"


@pytest.mark.parametrize("stream", [True, False], ids=["streams", "others"])
def test_what_the_provider_reports_is_taken_to_the_token(stream):
    upstream = lab.Upstream("a", first_token=lambda rng: .001, tokens=lambda rng: rng.randint(1, 40), gap=0,
                            bytes_per_prompt_token=3.7)
    with routed(upstream, arguments={}) as router:
        for number in range(60):
            answer = ask(router, number, stream)
            if stream:
                list(answer)
        drained(router)
        found = spent(router, "a", "answer")
        assert found["attempts"] == 60 and found["estimated_tokens"] == 0
        assert found["prompt_tokens"] == sum(r["prompt"] for r in upstream.requests)
        assert found["completion_tokens"] == sum(r["made"] for r in upstream.requests)
        assert router.stats()["spent"]["cost"] == pytest.approx(
            1e-6 * found["prompt_tokens"] + 4e-6 * found["completion_tokens"])


def test_superseded_streams_are_as_their_upstream_counted_them():
    # Two tokenizers; both notice at once that their client has left.
    first = lab.Upstream("a", lambda rng: rng.uniform(.005, .02), lambda rng: 5, gap=.001, bytes_per_prompt_token=4.3, seed=1)
    second = lab.Upstream("b", lambda rng: rng.uniform(.005, .02), lambda rng: 5, gap=.001, bytes_per_prompt_token=2.9, seed=2)
    with routed(first, second, arguments={"hedge_threshold_ms": 3, "hedge_threshold_min_ms": 0, "hedge_budget": 1,
                                          "control_fraction": 0, "enable_cold_start_parallel": False}) as router:
        for number in range(300):
            list(ask(router, number))
        drained(router)
        for upstream in (first, second):
            lost = [r for r in upstream.requests if not r["whole"]]
            mine = spent(router, upstream.name, "hedge_loser")
            assert len(lost) > 30
            near(mine["attempts"], len(lost))
            near(mine["prompt_tokens"] + mine["completion_tokens"], sum(r["prompt"] + r["sent"] for r in lost))


def test_streams_their_caller_left_are_as_their_upstream_counted_them():
    upstream = lab.Upstream("a", lambda rng: .002, lambda rng: 60, gap=.004, bytes_per_prompt_token=3.3)
    with routed(upstream, arguments={}) as router:
        rng = random.Random(3)
        for number in range(90):
            stream = ask(router, number)
            if number < 20:
                list(stream)  # what whole answers report is how bytes become tokens
                continue
            for _, _ in zip(range(rng.randint(8, 45)), stream):
                pass
            stream.close()
        drained(router)
        left = [r for r in upstream.requests if not r["whole"]]
        mine = spent(router, "a", "caller_cancel")
        assert mine["attempts"] == len(left) == 70
        assert mine["estimated_tokens"] == mine["prompt_tokens"] + mine["completion_tokens"]
        near(mine["completion_tokens"], sum(r["sent"] for r in left))
        near(mine["prompt_tokens"], sum(r["prompt"] for r in left))


def test_providers_that_go_on_are_billed_to_the_end():
    tokens = lambda rng: rng.randint(10, 30)  # noqa: E731
    first = lab.Upstream("a", lambda rng: rng.uniform(.005, .02), tokens, gap=.0005, stops=False, seed=1)
    second = lab.Upstream("b", lambda rng: rng.uniform(.005, .02), tokens, gap=.0005, stops=False, seed=2)
    with routed(first, second, cancel_stops_billing=False,
                arguments={"hedge_threshold_ms": 3, "hedge_threshold_min_ms": 0, "hedge_budget": 1, "control_fraction": 0,
                           "enable_cold_start_parallel": False}) as router:
        for number in range(250):
            list(ask(router, number))
        drained(router)
        lab.wait_for(lambda: all(r["made"] == r["total"] for u in (first, second) for r in list(u.requests)),
                     what="what was generated for nobody")
        lost = [r for u in (first, second) for r in u.requests if not r["whole"]]
        mine = [spent(router, name, "hedge_loser") for name in ("a", "b")]
        near(sum(m["prompt_tokens"] + m["completion_tokens"] for m in mine), sum(r["prompt"] + r["made"] for r in lost))


# --- almost no prompt and long answers: what is checked is the estimate of what was generated ---

def short(router, number, stream, **options):
    return router.completion("chat", [{"role": "user", "content": "hi"}], stream=stream, **options)


def learn(router, upstreams, stream, each=25):
    """Whole answers from every deployment, from which its bytes for each token are known."""
    def one(number):
        answer = short(router, number, stream, overrides={"max_parallel_requests": 1})
        if stream:
            list(answer)

    for _ in range(20):
        if all(spent(router, u.name, "answer")["attempts"] >= each for u in upstreams):
            return
        together(each, one)
    raise AssertionError("a deployment gets no requests")


def together(count, body):
    """Some callers at a time."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(body, range(count)))


def mostly_output(lost, made):
    assert len(lost) > 40
    assert sum(r[made] for r in lost) > 2 * sum(r["prompt"] for r in lost)


HEDGED = {"hedge_threshold_min_ms": 0, "hedge_budget": 1, "control_fraction": 0, "enable_cold_start_parallel": False,
          "hedge_threshold_ms": 40}
SHUFFLED = {"routing_strategy": "simple-shuffle"}


def test_superseded_streams_that_can_be_stopped_have_no_output_to_bill():
    # The first token of any attempt decides, so that the others are closed before theirs, or with it on its way.
    several = [lab.Upstream(name, lambda rng: rng.uniform(.002, .12), lambda rng: 3, gap=.02, seed=seed)
               for seed, name in enumerate("ab")]
    with routed(*several, settings=SHUFFLED, arguments=HEDGED) as router:
        learn(router, several, stream=True, each=3)
        together(160, lambda number: list(short(router, number, stream=True)))
        drained(router)
        lost = [r for u in several for r in u.requests if not r["whole"]]
        mine = [spent(router, u.name, "hedge_loser") for u in several]
        assert sum(m["attempts"] for m in mine) == len(lost) > 40
        assert sum(m["completion_tokens"] for m in mine) <= sum(r["sent"] for r in lost)
        assert sum(r["sent"] for r in lost) <= len(lost)


def test_output_of_streams_cut_by_their_deadline_is_as_their_upstream_counted_it():
    upstream = lab.Upstream("a", lambda rng: .005, lambda rng: 400, gap=.004, seed=1)
    with routed(upstream, settings=SHUFFLED, arguments=HEDGED) as router:
        upstream.tokens = lambda rng: 30
        learn(router, (upstream,), stream=True)
        upstream.tokens = lambda rng: 400

        def cut(number):
            with pytest.raises(lab.hedgerouter.HedgeRouterError):
                list(short(router, number, stream=True, overrides={"timeout": .15 + .002 * (number % 40)}))

        together(80, cut)
        drained(router)
        lost = [r for r in upstream.requests if not r["whole"]]
        mostly_output(lost, "sent")
        mine = spent(router, "a", "timeout")
        assert mine["attempts"] == len(lost) == 80
        near(mine["completion_tokens"], sum(r["sent"] for r in lost))


@pytest.mark.parametrize("stops", [False, None], ids=["goes on", "unknown"])
def test_output_of_superseded_streams_is_billed_to_the_end_where_closing_does_not_end_it(stops):
    length = lambda rng: rng.randint(60, 100)  # noqa: E731
    several = [lab.Upstream(name, lambda rng: rng.uniform(.002, .12), length, gap=.0005, stops=False, seed=seed)
               for seed, name in enumerate("ab")]
    # Of some providers nobody knows: that counts as going on.
    known = {"provider": "cerebras"} if stops is None else {"cancel_stops_billing": stops}
    with routed(*several, settings=SHUFFLED, arguments=HEDGED, **known) as router:
        assert {d["cancel_stops_billing"] for d in router.stats()["deployments"]} == {stops}
        learn(router, several, stream=True)
        together(200, lambda number: list(short(router, number, stream=True)))
        drained(router)
        lab.wait_for(lambda: all(r["made"] == r["total"] for u in several for r in list(u.requests)), what="the rest")
        lost = [r for u in several for r in u.requests if not r["whole"]]
        mostly_output(lost, "made")
        mine = [spent(router, u.name, "hedge_loser") for u in several]
        assert sum(m["attempts"] for m in mine) == len(lost)
        near(sum(m["completion_tokens"] for m in mine), sum(r["made"] for r in lost))


def test_output_of_superseded_whole_answers_is_billed_in_full():
    length = lambda rng: rng.randint(60, 100)  # noqa: E731
    several = [lab.Upstream(name, lambda rng: rng.uniform(.01, .12), length, seed=seed) for seed, name in enumerate("ab")]
    # Whatever is said of streams: nothing stops an answer that is made in one piece.
    with routed(*several, settings=SHUFFLED, arguments=HEDGED, cancel_stops_billing=True) as router:
        learn(router, several, stream=False)
        together(200, lambda number: short(router, number, stream=False))
        drained(router)
        lab.wait_for(lambda: all(r["made"] == r["total"] for u in several for r in list(u.requests)), what="the rest")
        # An upstream cannot tell whether what it wrote was read: what was superseded is all but the answers.
        made = [r for u in several for r in u.requests]
        answers = [spent(router, u.name, "answer") for u in several]
        mine = [spent(router, u.name, "hedge_loser") for u in several]
        assert sum(m["attempts"] for m in mine) == len(made) - sum(a["attempts"] for a in answers) > 40
        near(sum(m["completion_tokens"] for m in mine),
             sum(r["made"] for r in made) - sum(a["completion_tokens"] for a in answers))
