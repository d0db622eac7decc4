# SPDX-License-Identifier: Apache-2.0
"""The synchronous side: answers, streams, errors, cancellation, threads."""

import gc
import signal
import threading

import pytest
from conftest import HELLO, closed_by_client, config_for

import hedgerouter
from hedgerouter import Response
from hedgerouter._request import milliseconds

STALLED = {"stream": [{"role": True}, {"text": "one"}, {"stall": True}]}
WORDS = {"stream": [{"role": True}, {"text": "one "}, {"text": "two "}, {"text": "thr"}, {"text": "ee"},
                    {"finish": "stop"}, {"done": True}]}


def test_answer_is_read_by_attribute_and_by_key(route):
    answer = route(a={"each": {"say": "héllo"}}).completion("chat", HELLO)
    assert answer.choices[0].message.content == "héllo" == answer["choices"][0]["message"]["content"]
    assert answer.usage.total_tokens == 5
    assert answer.choices[0].message.tool_calls is None
    with pytest.raises(AttributeError, match="no field 'nonsense'"):
        answer.nonsense


def test_attempt_log_is_beside_the_answer_and_not_in_it(route):
    answer = route(a={"each": {"say": "hi"}}).completion("chat", HELLO)
    assert [attempt["deployment"] for attempt in answer.hedgerouter["attempts"]] == ["a"]
    assert "hedgerouter" not in answer


def test_other_arguments_become_part_of_the_request_and_routing_does_not(route):
    router = route(a={"each": {"say": "hi"}})
    router.completion("chat", HELLO, temperature=0.25, user="né", seed=None, hedge_threshold_ms=500,
                      max_parallel_requests=2, timeout=20)
    body = router.mock.report()["a"]["requests"][0]["body"]
    assert body["temperature"] == 0.25 and body["user"] == "né" and body["messages"] == HELLO
    assert not {"seed", "hedge_threshold_ms", "max_parallel_requests", "timeout", "overrides"} & set(body)


VECTORS = {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1]}],
           "usage": {"prompt_tokens": 2, "total_tokens": 2}}
EVENTS = [{"type": "response.created", "response": {}}, {"type": "response.output_text.delta", "delta": "hi"},
          {"type": "response.completed", "response": {"usage": {"input_tokens": 1, "output_tokens": 1}}}]
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}],
           "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}


def test_embeddings_have_a_call_of_their_own(route):
    router = route(a={"each": {"json": VECTORS}})
    answer = router.embedding("chat", ["x"], dimensions=2)
    assert answer == VECTORS and answer.data[0].embedding == [0.5, -1] and answer.hedgerouter["attempts"]
    request = router.mock.report()["a"]["requests"][0]
    assert request["path"] == "/v1/embeddings" and request["body"] == {"model": "a", "input": ["x"], "dimensions": 2}


def test_responses_come_as_they_are_whole_and_streamed(route):
    whole = {"id": "r", "object": "response", "output": []}
    router = route(a={"responses": [{"json": whole}, {"stream": [{"sse": event} for event in EVENTS]}]})
    assert router.responses("chat", "x", instructions="i") == whole
    with router.responses("chat", "x", stream=True) as stream:
        assert list(stream) == EVENTS
    first, second = router.mock.report()["a"]["requests"]
    assert first["path"] == second["path"] == "/v1/responses"
    assert first["body"] == {"model": "a", "input": "x", "instructions": "i"} and second["body"]["stream"] is True


def test_messages_go_to_who_speaks_them(upstream):
    mock = upstream(a={"each": {"say": "chat"}}, b={"each": {"json": MESSAGE}})
    config = config_for(mock)
    config["model_list"][1]["litellm_params"].update(model="anthropic/b", api_base=mock.url("b"))
    with hedgerouter.Router(config) as router:
        assert router.messages("chat", HELLO, max_tokens=9) == MESSAGE
        assert mock.report()["b"]["requests"][0]["body"]["max_tokens"] == 9 and not mock.report()["a"]["requests"]


def test_retries_and_fallbacks_of_one_request_are_arguments(upstream):
    mock = upstream(a={"each": {"status": 500, "json": {"error": {"message": "m"}}}}, b={"each": {"say": "hi"}})
    config = config_for(mock)
    config["model_list"][1]["model_name"] = "other"
    config["router_settings"]["fallbacks"] = [{"chat": ["other"]}]
    with hedgerouter.Router(config) as router:
        answer = router.completion("chat", HELLO)
        assert [attempt["role"] for attempt in answer.hedgerouter["attempts"]] == ["primary", "fallback"]
        answer = router.completion("chat", HELLO, fallbacks=["other"], num_retries=1)
        assert [attempt["role"] for attempt in answer.hedgerouter["attempts"]] == ["primary", "retry", "fallback"]
        with pytest.raises(hedgerouter.HedgeRouterError) as caught:
            router.completion("chat", HELLO, disable_fallbacks=True)
        assert [attempt["deployment"] for attempt in caught.value.attempts] == ["a"]
        with pytest.raises(hedgerouter.HedgeRouterError) as caught:
            router.completion("chat", HELLO, fallbacks=["nobody"])
        assert caught.value.path == "fallbacks[0]"


def test_stream_gives_chunks_in_order_and_then_the_attempt_log(route):
    stream = route(a={"each": WORDS}).completion("chat", HELLO, stream=True)
    assert stream.start["deployment"] == "a"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "one two three"
    assert stream.hedgerouter["attempts"][0]["deployment"] == "a"
    assert list(stream) == []


def test_failure_before_the_first_token_is_raised_by_the_call_itself(route):
    router = route(a={"each": {"status": 429, "headers": {"retry-after": "7"}, "json": {"error": {"message": "slow"}}}})
    with pytest.raises(hedgerouter.RateLimitError) as caught:
        router.completion("chat", HELLO, stream=True)
    error = caught.value
    assert (error.name, error.origin, error.http_status, error.status_code) == ("HR_E_RATE_LIMITED", "provider", 429, 429)
    assert error.retriable and error.retry_after_ms == 7000
    assert [attempt["deployment"] for attempt in error.attempts] == ["a"]


def test_broken_stream_gives_what_came_and_then_raises(route):
    broken = {"stream": [{"role": True}, {"text": "one"}, {"reset": True}]}
    stream = route(a={"each": broken}).completion("chat", HELLO, stream=True)
    texts = []
    with pytest.raises(hedgerouter.InterruptedStreamError):
        for chunk in stream:
            texts.append(chunk.choices[0].delta.content)
    assert "one" in texts


@pytest.mark.parametrize("status, kind", [
    (401, hedgerouter.AuthenticationError), (400, hedgerouter.InvalidRequestError), (404, hedgerouter.NotFoundError),
    (500, hedgerouter.ProviderError), (429, hedgerouter.RateLimitError)])
def test_status_of_the_provider_decides_the_exception(route, status, kind):
    router = route(a={"each": {"status": status, "json": {"error": {"message": "no"}}}})
    with pytest.raises(kind) as caught:
        router.completion("chat", HELLO)
    assert caught.value.http_status == status and isinstance(caught.value, hedgerouter.HedgeRouterError)


def test_deadline_is_a_timeout_error(route):
    router = route(a={"each": {"hang": True}})
    with pytest.raises(TimeoutError) as caught:
        router.completion("chat", HELLO, timeout=0.05)
    assert isinstance(caught.value, hedgerouter.DeadlineError)


@pytest.mark.parametrize("timeout", [1e9, 2.0**64 / 1000 + 1, 1e300])
def test_timeout_beyond_64_bits_is_a_long_one(route, timeout):
    assert timeout * 1000 < 2**63 or milliseconds(timeout) == 10**15
    router = route(a={"each": {"say": "hi"}})
    assert router.completion("chat", HELLO, timeout=timeout).choices[0].message.content == "hi"


def test_messages_nested_too_deep_are_refused(route):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(hedgerouter.InvalidRequestError, match="cannot be written as JSON"):
        route(a=[]).completion("chat", [{"role": "user", "content": deep}])


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_timeout_that_is_no_time_is_refused(route, timeout):
    with pytest.raises(hedgerouter.InvalidRequestError, match="positive number of seconds"):
        route(a=[]).completion("chat", HELLO, timeout=timeout)


def test_bad_requests_are_refused_before_anything_is_sent(route):
    router = route(a=[])
    with pytest.raises(LookupError) as caught:
        router.completion("nobody", HELLO)
    assert isinstance(caught.value, hedgerouter.ModelNotFoundError)
    with pytest.raises(ValueError):
        router.completion("chat", HELLO, temperature=float("nan"))
    with pytest.raises(hedgerouter.InvalidRequestError, match="JSON"):
        router.completion("chat", HELLO, metadata=object())
    assert router.mock.report()["a"]["count"] == 0


def test_closing_a_stream_cancels_the_request(route):
    router = route(a={"each": STALLED})
    stream = router.completion("chat", HELLO, stream=True)
    next(stream)
    stream.close()
    stream.close()
    assert closed_by_client(router.mock)
    assert list(stream) == []


def test_leaving_the_with_block_cancels_the_request(route):
    router = route(a={"each": STALLED})
    with router.completion("chat", HELLO, stream=True) as stream:
        next(stream)
    assert closed_by_client(router.mock)


def test_dropping_a_stream_cancels_the_request(route):
    router = route(a={"each": STALLED})
    for _ in router.completion("chat", HELLO, stream=True):
        break
    gc.collect()
    assert closed_by_client(router.mock)


def test_ctrl_c_interrupts_a_wait_and_cancels_the_request(route, request):
    # A shell starts background commands with SIGINT ignored, and Python leaves that as it is.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    router = route(a={"each": {"hang": True}})
    main = threading.get_ident()

    def interrupt():
        router.mock.wait_for(lambda report: report["a"]["count"] == 1, 5)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        router.completion("chat", HELLO)
    thread.join()
    assert closed_by_client(router.mock)


def test_threads_share_a_router(route):
    router = route(a={"each": {"say": "hi"}}, b={"each": {"say": "hi"}})
    answers, failures = [], []

    def ask(number):
        try:
            for _ in range(5):
                if number % 2:
                    answers.append(router.completion("chat", HELLO).choices[0].message.content)
                else:
                    chunks = router.completion("chat", HELLO, stream=True)
                    answers.append("".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
        except hedgerouter.HedgeRouterError as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and answers == ["hi"] * 40


def test_waiting_in_one_thread_does_not_hold_up_another(route):
    router = route(a={"responses": [{"gate": "go", "say": "late"}, {"say": "early"}]},
                   settings={"routing_strategy": "simple-shuffle"})
    late = []
    thread = threading.Thread(target=lambda: late.append(router.completion("chat", HELLO)))
    thread.start()
    router.mock.wait_for(lambda report: report["a"]["count"] == 1, 5)
    assert router.completion("chat", HELLO).choices[0].message.content == "early"
    router.mock.release("go")
    thread.join()
    assert late[0].choices[0].message.content == "late"


def test_chunks_without_content_read_as_none():
    chunk = Response({"choices": [Response({"delta": Response({})})]})
    assert chunk.choices[0].delta.content is None and chunk.usage is None
