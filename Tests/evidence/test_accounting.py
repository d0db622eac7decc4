# SPDX-License-Identifier: Apache-2.0
"""Tokens as the router accounts for them, against upstreams that count what they made and sent."""

import contextlib
import random

import lab
import pytest


@contextlib.contextmanager
def routed(*upstreams, arguments, **parameters):
    with lab.upstreams(*upstreams):
        router = lab.hedgerouter.Router(lab.configuration(upstreams, arguments=arguments, **parameters))
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
