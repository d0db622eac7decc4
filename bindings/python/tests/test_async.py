# SPDX-License-Identifier: Apache-2.0
"""The asyncio side: answers, streams, cancellation, several loops."""

import asyncio
import gc
import threading

import pytest
from conftest import HELLO, closed_by_client, config_for
from test_sync import STALLED, WORDS

import hedgerouter


def run(coroutine):
    """asyncio.run with a limit, so that a lost wake-up fails instead of hanging."""
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def test_answer(route):
    router = route(a={"each": {"say": "hi"}})

    async def ask():
        answer = await router.acompletion("chat", HELLO)
        return answer.choices[0].message.content, answer.hedgerouter["attempts"][0]["deployment"]

    assert run(ask()) == ("hi", "a")


def test_stream(route):
    router = route(a={"each": WORDS})

    async def ask():
        async with await router.acompletion("chat", HELLO, stream=True) as stream:
            assert stream.start["deployment"] == "a"
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
            assert stream.hedgerouter["attempts"]
            return text

    assert run(ask()) == "one two three"


def test_failure_is_raised_by_the_call_itself(route):
    router = route(a={"each": {"status": 401, "json": {"error": {"message": "no"}}}})
    for stream in (False, True):
        with pytest.raises(hedgerouter.AuthenticationError):
            run(router.acompletion("chat", HELLO, stream=stream))


def test_many_requests_at_once(route):
    router = route(a={"each": {"say": "hi"}}, b={"each": {"say": "hi"}})

    async def ask():
        return await asyncio.gather(*(router.acompletion("chat", HELLO) for _ in range(200)))

    assert [answer.choices[0].message.content for answer in run(ask())] == ["hi"] * 200


def test_one_loop_after_another_shares_a_router(route):
    router = route(a={"each": {"say": "hi"}})
    for _ in range(4):
        assert run(router.acompletion("chat", HELLO)).choices[0].message.content == "hi"


def test_loops_in_several_threads_share_a_router(route):
    router = route(a={"each": {"say": "hi"}}, b={"each": {"say": "hi"}})
    answers = []

    async def ask():
        for _ in range(10):
            answers.extend(await asyncio.gather(*(router.acompletion("chat", HELLO) for _ in range(5))))

    threads = [threading.Thread(target=run, args=(ask(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200


def test_loop_that_stopped_leaves_no_other_waiting(route):
    router = route(a={"responses": [{"gate": "go", "say": "first"}, {"gate": "go", "say": "second"}]})
    stopped = asyncio.new_event_loop()

    async def begin():
        task = asyncio.ensure_future(router.acompletion("chat", HELLO))
        while router.mock.report()["a"]["count"] < 1:
            await asyncio.sleep(0.001)
        return task

    task = stopped.run_until_complete(begin())  # and never runs again before the other one has its answer

    async def other():
        second = asyncio.ensure_future(router.acompletion("chat", HELLO))
        while router.mock.report()["a"]["count"] < 2:
            await asyncio.sleep(0.001)
        router.mock.release("go")
        return await second

    assert run(other()).choices[0].message.content == "second"
    assert stopped.run_until_complete(asyncio.wait_for(task, 20)).choices[0].message.content == "first"
    stopped.close()


def test_cancelling_the_task_cancels_the_request(route):
    router = route(a={"each": {"hang": True}})

    async def ask():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(router.acompletion("chat", HELLO), 0.1)

    run(ask())
    assert closed_by_client(router.mock)


def test_cancelling_the_task_that_waits_for_a_chunk_cancels_the_request(route):
    router = route(a={"each": STALLED})

    async def ask():
        stream = await router.acompletion("chat", HELLO, stream=True)
        task = asyncio.ensure_future(collect(stream))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def collect(stream):
        return [chunk async for chunk in stream]

    run(ask())
    assert closed_by_client(router.mock)


@pytest.mark.parametrize("how", ["close", "drop"])
def test_leaving_a_stream_cancels_the_request(route, how):
    router = route(a={"each": STALLED})

    async def ask():
        stream = await router.acompletion("chat", HELLO, stream=True)
        async for _ in stream:
            break
        if how == "close":
            await stream.aclose()
        else:
            del stream
            gc.collect()
        assert await asyncio.get_running_loop().run_in_executor(None, closed_by_client, router.mock)

    run(ask())


def test_stalled_consumer_does_not_hold_up_another(route):
    router = route(a={"responses": [WORDS, {"say": "hi"}]})

    async def ask():
        stalled = await router.acompletion("chat", HELLO, stream=True)
        answer = await router.acompletion("chat", HELLO)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stalled if chunk.choices])
        return answer.choices[0].message.content, text

    assert run(ask()) == ("hi", "one two three")


def test_closing_the_router_ends_what_tasks_wait_for(route):
    router = route(a={"each": {"hang": True}})

    async def ask():
        task = asyncio.ensure_future(router.acompletion("chat", HELLO))
        while router.mock.report()["a"]["count"] < 1:
            await asyncio.sleep(0.001)
        await router.aclose()
        with pytest.raises(hedgerouter.ClosedError):
            await task

    run(ask())
    assert router.closed


def test_async_with_closes_the_router(upstream):
    from conftest import config_for

    async def ask():
        async with hedgerouter.Router(config_for(upstream(a={"each": {"say": "hi"}}))) as router:
            await router.acompletion("chat", HELLO)
        with pytest.raises(hedgerouter.ClosedError):
            await router.acompletion("chat", HELLO)

    run(ask())


def test_embeddings_responses_and_messages_have_calls_of_their_own(upstream):
    vectors = {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    event = {"type": "response.completed", "response": {}}
    message = {"type": "message", "role": "assistant", "content": []}
    mock = upstream(a={"responses": [{"json": vectors}, {"stream": [{"sse": event}]}]}, b={"each": {"json": message}})
    config = config_for(mock)
    config["model_list"][1]["litellm_params"].update(model="anthropic/b", api_base=mock.url("b"))
    config["model_list"][1]["model_name"] = "claude"

    async def ask():
        async with hedgerouter.Router(config) as router:
            assert await router.aembedding("chat", "x") == vectors
            stream = await router.aresponses("chat", "x", stream=True)
            assert [chunk async for chunk in stream] == [event]
            assert await router.amessages("claude", HELLO, max_tokens=9) == message

    run(ask())
