# SPDX-License-Identifier: Apache-2.0
"""Keys, prompts and answers are marked, and looked for in everything the library says of itself."""

import json
import urllib.error
import urllib.request

import lab

import hedgerouter
from hedgerouter import hosting

MARKS = {"key": "sk-MARKED-KEY", "header": "MARKED-HEADER", "prompt": "MARKED-PROMPT", "answer": "MARKED-ANSWER",
         "words": "MARKED-WORDS"}


# What only the caller of a request may see, in one member of its END event: the provider's words about that request.
FOR_THE_CALLER = {"prompt", "words"}


class Echo(lab.Upstream):
    """Refuses some requests in ways that quote all they can: before an answer, in one, and instead of one."""

    refuses = None

    async def _answer(self, body, reader, writer):
        if self.refuses is None:
            await super()._answer(body, reader, writer)
            return
        seen = self.headers[-1]
        quote = " ".join([MARKS["words"], str(body["messages"]), MARKS["key"], MARKS["header"], str(seen)])
        error = {"message": quote, "type": MARKS["key"], "code": MARKS["header"], "param": MARKS["prompt"]}
        if self.refuses == "status":
            self._reply(writer, b"400 Bad Request", json.dumps({"error": error}))
        elif self.refuses == "reason":
            self._reply(writer, b"403 " + MARKS["words"].encode(), quote, kind=b"text/plain")
        elif self.refuses == "malformed":
            self._reply(writer, b"200 OK", quote)
        else:  # within a stream
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": self.name,
                     "choices": [{"index": 0, "delta": {"content": MARKS["answer"]}, "finish_reason": None}]}
            events = "".join(f"data: {json.dumps(each)}\n\n" for each in (chunk, {"error": error}))
            self._reply(writer, b"200 OK", events, kind=b"text/event-stream")
        await writer.drain()

    @staticmethod
    def _reply(writer, status, text, kind=b"application/json"):
        writer.write(b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" %
                     (status, kind, len(text.encode()), text.encode()))


REFUSALS = ("status", "reason", "malformed", "within")


def caller_part(report):
    """An END document without the provider's words, and these."""
    report = json.loads(json.dumps(report))
    return json.dumps(report), (report.get("error") or {}).pop("provider_message", ""), json.dumps(report)


def test_nothing_the_library_says_of_itself_holds_keys_prompts_or_answers(capfd):
    good = Echo("good", lambda rng: rng.uniform(.002, .03), lambda rng: 6, gap=.001, word=MARKS["answer"], seed=1)
    other = Echo("other", lambda rng: rng.uniform(.002, .03), lambda rng: 6, gap=.001, word=MARKS["answer"], seed=2)
    down = lab.Upstream("down", status=500)
    logs, records, failures, reports, starts = [], [], [], [], []
    with lab.upstreams(good, other, down):
        config = lab.configuration(
            [good, other, down], key=MARKS["key"], extra_headers={"X-Internal": MARKS["header"]},
            arguments={"hedge_threshold_ms": 10, "hedge_threshold_min_ms": 0, "hedge_budget": 1})
        config["router_settings"]["cooldown_time"] = 1
        router = hedgerouter.Router(config, log=lambda level, record: logs.append(record), log_level="DEBUG",
                                    attempt_log=records.append)
        heard = []
        for number in range(96):
            # Both at times, so that the caller gets the refusal.
            refusal = REFUSALS[number // 8 % 4] if number % 8 > 5 else None
            good.refuses, other.refuses = refusal, refusal if number % 8 == 7 else None
            prompt = [{"role": "system", "content": MARKS["prompt"]}, {"role": "user", "content": MARKS["prompt"] * 3}]
            try:
                if number % 3:
                    answer = router.completion("chat", prompt)
                    heard.append(answer.choices[0].message.content)
                    reports.append(answer.hedgerouter)
                else:
                    stream = router.completion("chat", prompt, stream=True, overrides={
                        "traceparent": "not-a-trace", "tracestate": MARKS["prompt"]})
                    heard += [chunk.choices[0].delta.content or "" for chunk in stream]
                    starts.append(stream.start)
                    reports.append(stream.hedgerouter)
            except hedgerouter.HedgeRouterError as error:
                failures.append(error)
                reports.append(error.report)
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
        with lab.host(router) as url:
            served = {}
            for path in ("", "stats.json", "metrics", "nowhere/" + MARKS["prompt"]):
                try:
                    with urllib.request.urlopen(f"{url}/{path}", timeout=10) as response:
                        served[path] = str(response.headers) + response.read().decode()
                except urllib.error.HTTPError as error:
                    served[path] = str(error.headers) + error.read().decode()
        outputs = {
            "log": json.dumps(logs), "attempt log": b"\n".join(records).decode(),
            "errors": "\n".join(f"{error} {error!r}" for error in failures),
            "stats": router.stats_json().decode(), "prometheus": router.metrics(),
            "openmetrics": router.metrics(openmetrics=True), "state": router.save_state().decode(),
            "page": hosting.dashboard_html().decode(), "features": json.dumps(hedgerouter.features()),
            "start events": json.dumps(starts), "host": json.dumps(list(served.values())),
        }
        router.close()
    outputs["terminal"] = "nothing" + "".join(capfd.readouterr())
    whole = [caller_part(report) for report in reports]
    outputs["end events, but for the provider's words"] = "\n".join(rest for _, _, rest in whole)
    words = "\n".join(each for _, each, _ in whole)
    # The run did what it is meant to do.
    assert MARKS["answer"] in "".join(heard) and len(failures) >= 8 and len(records) >= 90 and len(reports) >= 90
    assert {"attempt_failed", "request_failed", "traceparent_ignored", "tracestate_ignored"} <= {r["event"] for r in logs}
    assert MARKS["words"] in words and MARKS["prompt"] in words
    for mark in MARKS.values():
        for name, text in outputs.items():
            assert text and mark not in text, f"{mark} is in the {name}"
    for name in MARKS.keys() - FOR_THE_CALLER:
        assert MARKS[name] not in words, f"the {name} is in what the provider said"
