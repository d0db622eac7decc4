# SPDX-License-Identifier: Apache-2.0
"""Keys, prompts and answers are marked, and looked for in everything the library says of itself."""

import json

import lab

import hedgerouter
from hedgerouter import hosting

MARKS = {"key": "sk-MARKED-KEY", "header": "MARKED-HEADER", "prompt": "MARKED-PROMPT", "answer": "MARKED-ANSWER",
         "words": "MARKED-WORDS"}


class Echo(lab.Upstream):
    """Refuses some requests with an error that quotes the prompt and the key."""

    refuses = False

    async def _answer(self, body, reader, writer):
        if not self.refuses:
            await super()._answer(body, reader, writer)
            return
        text = json.dumps({"error": {"message": f"{MARKS['words']}: {body['messages']} {MARKS['key']}",
                                     "type": "invalid_request_error", "code": "bad"}}).encode()
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
        await writer.drain()


def test_nothing_the_library_says_of_itself_holds_keys_prompts_or_answers():
    good = Echo("good", lambda rng: rng.uniform(.002, .03), lambda rng: 6, gap=.001, word=MARKS["answer"], seed=1)
    other = lab.Upstream("other", lambda rng: rng.uniform(.002, .03), lambda rng: 6, gap=.001, word=MARKS["answer"], seed=2)
    down = lab.Upstream("down", status=500)
    logs, records, failures = [], [], []
    with lab.upstreams(good, other, down):
        config = lab.configuration(
            [good, other, down], key=MARKS["key"], extra_headers={"X-Internal": MARKS["header"]},
            arguments={"hedge_threshold_ms": 10, "hedge_threshold_min_ms": 0, "hedge_budget": 1})
        config["router_settings"]["cooldown_time"] = 1
        router = hedgerouter.Router(config, log=lambda level, record: logs.append(record), log_level="DEBUG",
                                    attempt_log=records.append)
        heard = []
        for number in range(80):
            good.refuses = number % 8 == 7
            prompt = [{"role": "system", "content": MARKS["prompt"]}, {"role": "user", "content": MARKS["prompt"] * 3}]
            try:
                if number % 2:
                    heard.append(router.completion("chat", prompt).choices[0].message.content)
                else:
                    stream = router.completion("chat", prompt, stream=True, overrides={"traceparent": "not-a-trace"})
                    heard += [chunk.choices[0].delta.content or "" for chunk in stream]
            except hedgerouter.HedgeRouterError as error:
                failures.append(error)
        for wrong in ({"messages": MARKS["prompt"]}, {"messages": [{"role": MARKS["prompt"]}], "stream": MARKS["prompt"]}):
            try:
                router.completion("chat", **wrong)
            except hedgerouter.HedgeRouterError as error:
                failures.append(error)
        try:
            router.reload({**config, MARKS["prompt"]: 1, "router_settings": {"timeout": MARKS["key"]}})
        except hedgerouter.ConfigError as error:
            # The name of an unknown key is what its author must see; values are not repeated.
            failures.append(hedgerouter.HedgeRouterError.__str__(error).replace(MARKS["prompt"], ""))
        lab.wait_for(lambda: router.stats()["open_attempts"] == 0)
        outputs = {
            "log": json.dumps(logs), "attempt log": b"\n".join(records).decode(),
            "errors": "\n".join(f"{error} {error!r}" for error in failures),
            "stats": router.stats_json().decode(), "prometheus": router.metrics(),
            "openmetrics": router.metrics(openmetrics=True), "state": router.save_state().decode(),
            "page": hosting.dashboard_html().decode(), "features": json.dumps(hedgerouter.features()),
        }
        router.close()
    # The run did what it is meant to do.
    assert MARKS["answer"] in "".join(heard) and len(failures) >= 5 and len(records) >= 80
    assert {"attempt_failed", "request_failed", "traceparent_ignored"} <= {record["event"] for record in logs}
    for mark in MARKS.values():
        for name, text in outputs.items():
            assert text and mark not in text, f"{mark} is in the {name}"
