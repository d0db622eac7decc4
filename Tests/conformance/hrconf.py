#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases against a testee. README.md says how; PROTOCOL.md says what a testee is."""

import argparse
import fnmatch
import json
import os
import pathlib
import queue
import sys
import threading
import time
import xml.etree.ElementTree as xml

import bytespec
import loader
import match
import mockd
import summary
from testee import Testee, TesteeError

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 1
CASE_TIMEOUT_S = 60
OP_TIMEOUT_S = 15
SETTLE_S = 5
BLOCKING_MARGIN_S = 10
CODEC_FIELDS = ("provider", "stream", "include_usage", "status", "headers", "received_at", "model", "api_key", "end",
                "request", "endpoint", "stream_upstream")
ENCODE_FIELDS = ("encode", "api_base", "api_version", "bearer_token", "aws_region_name", "aws_access_key_id",
                 "aws_secret_access_key", "aws_session_token", "vertex_project", "vertex_location", "drop_params", "now")
DELIVERIES = ("poll", "pull", "dispatch", "thread")
# The module of that name when its judgement is asked for.
OFFICIAL = None


class Failed(Exception):
    """The case fails; the text says why."""


class Skipped(Exception):
    """The case cannot be run here; `missing` is the feature it needs."""

    def __init__(self, missing):
        super().__init__(f"needs {missing}")
        self.missing = missing


class Result:
    """What became of one run."""

    def __init__(self, run, outcome, detail="", seconds=0.0):
        self.run = run
        self.id = run.id
        self.outcome = outcome
        self.detail = detail
        self.seconds = seconds


# ---- One run ---------------------------------------------------------------------------------------------------------


def execute(run, testee):
    """Run one case against a testee; raises Failed or Skipped."""
    available = set(testee.features)
    if mockd.nghttpx():
        available.add("nghttpx")
    for feature in run.requires:
        if feature not in available:
            raise Skipped(feature)
    try:
        if run.kind == "core":
            run_core(run.document, testee)
        elif run.kind == "codec":
            run_codec(run.document, testee)
        else:
            Session(run, testee).run()
    except match.Mismatch as mismatch:
        raise Failed(str(mismatch)) from None
    except match.OperatorError as problem:
        raise Failed(f"the case itself: {problem}") from None


def check_error(expected, answer, bindings, where):
    """The op has to have failed, and as expected: a code, or an object to match."""
    if "error" not in answer:
        raise Failed(f"{where}: succeeded, expected {expected}")
    if isinstance(expected, str):
        expected = {"code": expected}
    match.match(expected, answer["error"], bindings, f"{where}.error")


def sim(testee, op, script, expect):
    """Run a simulation op; its output, or None when the expected error came."""
    # As text: a testee that reads JSON may lose the order of members and how a number was written.
    answer = testee.call({"op": op, "script": {"text": json.dumps(script)}}, OP_TIMEOUT_S * PATIENCE)
    if "broken" in answer or "skipped" in answer:
        raise Failed(f"{op}: {answer}")
    if "error" in expect:
        check_error(expect["error"], answer, {}, op)
        return None
    if "error" in answer:
        raise Failed(f"{op}: {answer['error']['code']} {answer['error']['path']} {answer['error']['message']}")
    return answer["ok"]["out"]


def run_core(case, testee):
    script = {
        "config": loader.configuration(case["config"]),
        "seed": case.get("seed", 1),
        "timeline": [{"at": step["at"], "event": _core_event(step["event"])} for step in case["timeline"]],
    }
    expect = case.get("expect", {})
    out = sim(testee, "sim_core", script, expect)
    if out is None:
        return
    ignored = case.get("ignore", ["note", "health"])
    bindings = {}
    steps = out["steps"]
    if len(steps) != len(case["timeline"]):
        raise Failed(f"{len(steps)} steps for a timeline of {len(case['timeline'])}")
    try:
        for index, (step, got) in enumerate(zip(case["timeline"], steps)):
            if "actions" in step:
                actions = [action for action in got["actions"] if not set(action) & set(ignored)]
                match.match(step["actions"], actions, bindings, f"timeline[{index}] at {step['at']}")
        match.match(expect.get("inconsistencies", 0), out.get("inconsistencies", match.MISSING), bindings,
                    "inconsistencies")
        for key in ("stats", "next_deadline", "steps"):
            if key in expect:
                match.match(expect[key], out.get(key, match.MISSING), bindings, key)
    except match.Mismatch as mismatch:
        trace = "\n".join(f"    [{i}] {bytespec.compact(step)}" for i, step in enumerate(steps))
        raise Failed(f"{mismatch}\n{trace}") from None


def _core_event(event):
    if "reload" in event:
        return {"reload": {"config": loader.configuration(event["reload"]["config"])}}
    return event


def run_codec(case, testee):
    if case.get("encode"):
        return run_encode(case, testee)
    pieces = [bytespec.build(piece) for piece in case["input"]]
    script = {key: case[key] for key in CODEC_FIELDS if key in case}
    script.setdefault("stream", True)
    for number, split in enumerate(_splits(pieces, case.get("splits"))):
        script["input"] = [{"base64": _b64(piece)} for piece in split]
        out = sim(testee, "sim_codec", script, case["expect"])
        if out is None:
            continue
        try:
            check_codec(case["expect"], out["events"])
            if OFFICIAL is not None and number == 0:
                check_official(out["events"])
        except match.Mismatch as mismatch:
            how = "as given" if number == 0 else f"in pieces of {[len(piece) for piece in split][:8]}"
            trace = "\n".join(f"    {bytespec.compact(event)[:400]}" for event in out["events"])
            raise Failed(f"{mismatch} ({how})\n{trace}") from None


def run_encode(case, testee):
    """A caller's request in, the provider's request out."""
    out = sim(testee, "sim_codec", {key: case[key] for key in (*CODEC_FIELDS, *ENCODE_FIELDS) if key in case},
              case["expect"])
    if out is None:
        return
    try:
        for key in ("url", "headers", "unsupported", "parts"):
            if key in case["expect"]:
                match.match(case["expect"][key], out.get(key, match.MISSING), {}, key)
        if "body" in case["expect"]:
            wanted, found = (json.dumps(body, sort_keys=True) for body in (case["expect"]["body"], out.get("body")))
            if wanted != found:
                raise match.Mismatch(f"body: expected {wanted}")
    except match.Mismatch as mismatch:
        raise Failed(f"{mismatch}\n    {bytespec.compact(out)[:2000]}") from None


def check_codec(expect, events):
    terminals = [event for event in events if "completed" in event or "failed" in event]
    if len(terminals) > 1:
        raise match.Mismatch(f"{len(terminals)} terminal events")
    if terminals and events[-1] is not terminals[0]:
        raise match.Mismatch("events after the terminal one")
    if "events" in expect:
        match.match(expect["events"], events, {}, "events")
    if "summary" in expect:
        match.match(expect["summary"], codec_summary(events), {}, "summary")


def check_official(events):
    problems = [problem for event in events for problem in OFFICIAL.problems(event.get("chunk"))]
    if problems:
        raise match.Mismatch(f"OpenAI's types: {'; '.join(problems)}")


def codec_summary(events):
    """What the decoded events amount to."""
    result = summary.digest([event["chunk"] for event in events if "chunk" in event])
    result["chunk_usage"] = result.pop("usage", None)
    result["completed"] = any("completed" in event for event in events)
    outputs = [event.get("output", False) for event in events if "chunk" in event]
    result["first_output"] = outputs.index(True) if True in outputs else None
    usages = [event["usage"] for event in events if "usage" in event]
    if usages:
        result["usage"] = usages[-1]
    for event in events:
        if "failed" in event:
            result["failed"] = event["failed"]
    return result


def _splits(pieces, how):
    """The pieces as given; with "all" also every cut in two, and one byte at a time."""
    yield pieces
    if how != "all":
        return
    whole = b"".join(pieces)
    for cut in range(1, len(whole)):
        yield [whole[:cut], whole[cut:]]
    yield [whole[i:i + 1] for i in range(len(whole))]


def _b64(data):
    import base64
    return base64.b64encode(data).decode()


class Session:
    """One run of a wire or abi case: the mock upstream, the testee, and what has been seen."""

    def __init__(self, run, testee):
        self.run_info = run
        self.case = run.document
        self.testee = testee
        self.bindings = {}
        self.events = {}
        self.saved = {}
        self.background = {}
        self.lock = threading.Lock()
        self.http = run.axes.get("http", "1.1")
        self.delivery = run.axes.get("delivery") or next(
            (name for name in DELIVERIES if name in testee.features), None)
        self.urls = {}
        self.mock = None

    def run(self):
        try:
            self.mock = mockd.Mock(self.case.get("server", {}), self.http)
        except OSError as error:
            raise Failed(f"the mock upstream: {error}") from error
        try:
            self.urls = {name: self.mock.url(name) for name in self.case.get("server", {})}
            if self.case.get("setup", "auto" if self.case["kind"] == "wire" else "manual") == "auto":
                self._router_new({"options": self.case.get("options", {})}, {})
            begun = time.monotonic()
            for number, op in enumerate(self.case["ops"]):
                self._op(op, f"ops[{number}]")
            self._outcome((time.monotonic() - begun) * 1000)
        finally:
            self._finish()

    def _finish(self):
        """Free everything in the testee, and see from the other side that every connection is closed."""
        failed_before = sys.exc_info()[0] is not None
        try:
            if self.testee.dead is not None:
                return
            answer = self.testee.call({"op": "reset"}, 30 * PATIENCE)
            if failed_before:
                return
            if "ok" not in answer:
                raise Failed(f"reset: {answer}")
            # nghttpx keeps its own connections to the mock.
            if self.http == "1.1" and self.mock.wait_for(
                    lambda report: all(upstream["open"] == 0 for upstream in report.values()),
                    SETTLE_S * PATIENCE) is None:
                raise Failed("connections are open although every router is freed")
        finally:
            self.mock.stop()

    # -- ops

    def _op(self, op, where):
        name = loader.op_name(op)
        where = f"{where} {name}"
        handler = getattr(self, f"_do_{name}", None)
        if handler is not None:
            handler(op[name], op, where)
            return
        self._send(self._translate(name, op[name]), op, where)

    def _translate(self, name, argument):
        """The op as the protocol has it."""
        line = {"op": name, **argument}
        if name in ("router_free", "reload", "drain", "stats", "metrics", "state_load", "submit", "complete"):
            line.setdefault("router", "x")
        if "config" in argument:
            line["config"] = self._config(argument["config"])
        if name == "state_load":
            line["state"] = self._state(argument["state"])
        if name in ("submit", "complete"):
            line["request"] = loader.chat(self._fill(argument.get("request", {"chat": {"stream": name == "submit"}})))
        if name == "submit":
            line.setdefault("as", "r1")
        if name in ("collect", "next_event", "wait", "drain"):
            line.setdefault("timeout_ms", OP_TIMEOUT_S * 1000)
        if name == "collect":
            line["timeout_ms"] *= PATIENCE
        if name == "call":
            line["args"] = self._call_args(argument.get("args", {}))
        if name == "fork":
            line["calls"] = [{**call, "args": self._call_args(call.get("args", {}))} for call in argument["calls"]]
        if name in ("sim_core", "sim_codec") and "script" in argument:
            line["script"] = bytespec.for_testee(argument["script"])
        return line

    def _config(self, value):
        if bytespec.is_spec(value):
            return bytespec.for_testee(value)
        return {"json": loader.configuration(value, self.urls, self.http)}

    def _state(self, value):
        """A bytes spec, or what `state_save` gave, cut or changed if the case says so."""
        if "saved" not in value:
            return bytespec.for_testee(value)
        text = self.saved[value["saved"]]
        if "replace" in value:
            old, new = value["replace"]
            if text.count(old) != 1:
                raise Failed(f"the saved state has {text.count(old)} times {old!r}: {text[:200]}")
            text = text.replace(old, new)
        return {"text": text[:value.get("cut")]}

    def _call_args(self, args):
        result = {}
        for name, value in args.items():
            if name == "config" and isinstance(value, dict) and not bytespec.is_spec(value):
                value = self._config(value)
            elif name == "request" and isinstance(value, dict) and set(value) == {"chat"}:
                value = loader.chat(value)
            elif bytespec.is_spec(value):
                value = bytespec.for_testee(value)
            result[name] = value
        return result

    def _fill(self, value):
        return loader._fill_urls(value, self.urls)

    def _send(self, line, op, where):
        """Send, wait (unless async) and judge the answer; the ok part, or None."""
        timeout = line.get("timeout_ms", 0)
        timeout = (timeout if isinstance(timeout, (int, float)) and timeout > 0 else 0) / 1000 + OP_TIMEOUT_S * PATIENCE
        if line["op"] in ("collect", "next_event", "wait", "drain"):
            timeout += (BLOCKING_MARGIN_S - OP_TIMEOUT_S) * PATIENCE
        if "async" in op:
            self.background[op["async"]] = (self.testee.start(line), line, op, where, timeout)
            return None
        try:
            answer = self.testee.call(line, timeout)
        except TesteeError as error:
            raise Failed(f"{where}: {error}") from None
        return self._judge(line, answer, op, where)

    def _judge(self, line, answer, op, where):
        if "broken" in answer:
            raise Failed(f"{where}: the testee: {answer['broken']}")
        if "skipped" in answer:
            if op.get("optional"):
                return None
            raise Failed(f"{where}: not skippable: {answer['skipped']}")
        if "error" in op:
            check_error(op["error"], answer, self.bindings, where)
            return None
        if "error" in answer:
            error = answer["error"]
            raise Failed(f"{where}: {error.get('code')} {error.get('path')} {error.get('message')}")
        ok = answer["ok"]
        if OFFICIAL is not None and OFFICIAL.problems(ok.get("answer")):
            raise Failed(f"{where}: OpenAI's types: {'; '.join(OFFICIAL.problems(ok['answer']))}")
        if line["op"] in ("collect", "next_event"):
            ok = self._remember(line, ok, where)
        if "expect" in op:
            match.match(self._fill(op["expect"]), ok, self.bindings, where)
        return ok

    def _remember(self, line, ok, where):
        name = line["request"]
        new = ok["events"] if line["op"] == "collect" else [ok["event"]] if ok["event"] else []
        with self.lock:
            known = self.events.setdefault(name, [])
            known += new
        problems = summary.broken_rules(known)
        if OFFICIAL is not None:
            problems += [f"OpenAI's types: {problem}" for event in new if event["type"] == "chunk"
                         for problem in OFFICIAL.problems(event["data"])]
        if problems:
            raise Failed(f"{where}: {name}: {'; '.join(problems)}")
        if line["op"] == "next_event":
            return ok
        if ok.get("timed_out") or not ok.get("closed") and known[-1:] and known[-1]["type"] != "end":
            raise Failed(f"{where}: {name} has not ended; so far {[event['type'] for event in known][:20]}")
        return {**summary.summarise(known), **{key: ok[key] for key in ok if key != "events"}}

    def _router_new(self, argument, op, where="router_new"):
        options = dict(argument.get("options", {}))
        options.setdefault("delivery", self.delivery)
        line = {"op": "router_new", "as": argument.get("as", "x"),
                "config": self._config(argument.get("config", self.case.get("config", {}))), "options": options}
        self._send(line, op, where)

    def _do_router_new(self, argument, op, where):
        self._router_new(argument, op, where)

    def _do_state_save(self, argument, op, where):
        ok = self._send({"op": "state_save", "router": argument.get("router", "x")}, op, where)
        if ok is not None:
            self.saved[argument.get("as", "s1")] = ok["state"]

    def _do_submit(self, argument, op, where):
        line = self._translate("submit", {k: v for k, v in argument.items() if k != "collect_timeout_ms"})
        with self.lock:
            self.events[line["as"]] = []
        self._send(line, op, where)

    def _do_run(self, argument, op, where):
        """Submit and collect in one: `error` is about the submit, `expect` about what came."""
        if "error" in op:
            self._do_submit(argument, op, where)
            return
        self._do_submit(argument, {}, where)
        collect = {"request": argument.get("as", "r1")}
        if "collect_timeout_ms" in argument:
            collect["timeout_ms"] = argument["collect_timeout_ms"]
        rest = {key: value for key, value in op.items() if key in ("expect", "async")}
        self._send(self._translate("collect", collect), rest, where)

    def _do_release(self, gate, op, where):
        self.mock.release(gate)

    def _do_server_wait(self, expected, op, where):
        report = self.mock.wait_for(lambda r: match.matches(expected, r, dict(self.bindings)), OP_TIMEOUT_S * PATIENCE)
        if report is None:
            match.match(expected, self.mock.report(), dict(self.bindings), where)
            raise Failed(f"{where}: not in time")

    def _do_await(self, name, op, where):
        reply, line, started, begun_at, timeout = self.background.pop(name)
        try:
            answer = reply.get(timeout)
        except TesteeError as error:
            raise Failed(f"{begun_at}: {error}") from None
        self._judge(line, answer, {**started, **{k: v for k, v in op.items() if k in ("expect", "error")}}, begun_at)

    def _do_eventually(self, inner, op, where):
        end = time.monotonic() + OP_TIMEOUT_S * PATIENCE
        while True:
            try:
                self._op(inner, where)
                return
            except match.Mismatch:
                if time.monotonic() > end:
                    raise
            time.sleep(0.02)  # nothing tells when what an op answers has changed: ask again

    def _do_repeat(self, argument, op, where):
        parallel = argument.get("parallel", 1)
        numbers = iter(range(argument["count"]))
        problems = []

        def work():
            while not problems:
                with self.lock:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    for index, inner in enumerate(loader._substitute(argument["ops"], {"i": number})):
                        self._op(inner, f"{where} #{number} ops[{index}]")
                except Exception as error:  # noqa: BLE001 - handed on below
                    problems.append(error)

        workers = [threading.Thread(target=work, daemon=True) for _ in range(parallel)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if problems:
            raise problems[0]

    # -- what is expected in the end

    def _outcome(self, wall_ms):
        expect = self._fill(self.case.get("expect", {}))
        for name, expected in expect.get("requests", {}).items():
            match.match(expected, summary.summarise(self.events.get(name, [])), self.bindings, f"requests.{name}")
        if "wall_ms" in expect:
            match.match(expect["wall_ms"], wall_ms, self.bindings, "wall_ms")
        wanted = {name: {"unexpected": 0} for name in self.case.get("server", {})}
        for name, expected in expect.get("server", {}).items():
            wanted[name] = {**wanted[name], **expected}
        report = self.mock.wait_for(lambda r: match.matches(wanted, r, dict(self.bindings)), SETTLE_S * PATIENCE)
        if report is None:
            match.match(wanted, self.mock.report(), dict(self.bindings), "server")
            raise Failed("server: not in time")
        if "stats" in expect:
            self._do_eventually({"stats": {}, "expect": {"stats": expect["stats"]}}, {}, "expect.stats")


# ---- Many runs -------------------------------------------------------------------------------------------------------


class Worker:
    """A testee of its own, started again whenever a case broke it."""

    def __init__(self, start_testee):
        self.start_testee = start_testee
        self.testee = None

    def run(self, run):
        begun = time.monotonic()
        outcome, detail = "passed", ""
        try:
            if self.testee is None:
                self.testee = self.start_testee()
            self._within(run.document.get("timeout_s", CASE_TIMEOUT_S) * PATIENCE, run)
        except Skipped as skip:
            return Result(run, "skipped", skip.missing)
        except Failed as failure:
            outcome, detail = "failed", str(failure)
        except TesteeError as error:
            outcome, detail = "failed", str(error)
        except Exception as error:  # noqa: BLE001 - a defect here fails the case and not the whole run
            import traceback
            outcome, detail = "failed", f"the driver: {error!r}\n{traceback.format_exc()}"
        if self.testee is not None and self.testee.dead is not None:
            detail = detail or str(self.testee.dead)
            outcome = "failed"
            errors = self.testee.errors()
            detail += f"\n    the testee {self.testee.dead}" + (f"; stderr:\n{errors}" if errors else "")
            self.testee.stop()
            self.testee = None
        return Result(run, outcome, detail, time.monotonic() - begun)

    def _within(self, limit, run):
        """Execute a run; when it takes longer the testee is killed, which ends whatever waits for it."""
        expired = threading.Event()

        def expire(testee=self.testee):
            expired.set()
            testee.kill()

        watchdog = threading.Timer(limit, expire)
        watchdog.daemon = True
        watchdog.start()
        problem = None
        try:
            execute(run, self.testee)
        except (Failed, TesteeError) as error:
            problem = error
        finally:
            watchdog.cancel()
        if expired.is_set():
            raise Failed(f"took longer than {limit} s" + (f": {problem}" if problem else ""))
        if problem is not None:
            raise problem

    def close(self):
        """End the testee; what is wrong with how it ended, or None."""
        if self.testee is None:
            return None
        status = self.testee.stop()
        if status == 0:
            return None
        return f"the testee ended with {status if status is not None else 'a kill'} at end of file\n{self.testee.errors()}"


def run_all(runs, start_testee, jobs=1, report=lambda result: None):
    """All runs, in as many workers as asked; results in the order of runs, and problems of testees at their end."""
    waiting = queue.Queue()
    for index, run in enumerate(runs):
        waiting.put((index, run))
    results, problems = [None] * len(runs), []

    def work():
        worker = Worker(start_testee)
        while True:
            try:
                index, run = waiting.get_nowait()
            except queue.Empty:
                break
            results[index] = worker.run(run)
            report(results[index])
        problem = worker.close()
        if problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, problems


class Expectations:
    """known/<language>.json: cases that fail for a known reason, and features the language lacks."""

    def __init__(self, document=None):
        document = document or {}
        self.failing = document.get("failing", {})
        self.lacks = document.get("lacks", {})

    def judge(self, results, features):
        """Turn known failures into skips, and surprises into failures."""
        for result in results:
            if result.outcome == "skipped":
                if result.detail in self.lacks:
                    result.detail = f"needs {result.detail}: {self.lacks[result.detail]}"
                else:
                    result.outcome, result.detail = "failed", f"unexpected skip: needs {result.detail}"
                continue
            reason = self._reason(result.id)
            if reason and result.outcome == "failed":
                result.outcome, result.detail = "skipped", f"known to fail: {reason}"
            elif reason and result.outcome == "passed":
                result.outcome, result.detail = "failed", f"passes, but is listed as failing: {reason}"
        return [f"listed as lacking {name}, but the testee has it" for name in self.lacks if name in features]

    def _reason(self, run_id):
        for pattern, reason in self.failing.items():
            if run_id == pattern or fnmatch.fnmatchcase(run_id, pattern.replace("[", "[[]")):
                return reason
        return None


def tally(results):
    """passed, failed, skipped"""
    return tuple(sum(result.outcome == outcome for result in results) for outcome in ("passed", "failed", "skipped"))


def write_junit(path, results):
    passed, failed, skipped = tally(results)
    suite = xml.Element("testsuite", name="conformance", tests=str(len(results)), failures=str(failed),
                        skipped=str(skipped))
    for result in results:
        element = xml.SubElement(suite, "testcase", name=result.id, classname=result.run.kind,
                                 time=f"{result.seconds:.3f}")
        if result.outcome == "failed":
            xml.SubElement(element, "failure", message=result.detail.splitlines()[0] if result.detail else "").text = \
                result.detail
        elif result.outcome == "skipped":
            xml.SubElement(element, "skipped", message=result.detail)
    xml.ElementTree(suite).write(path, encoding="unicode")


def write_json(path, results):
    rows = [{"id": r.id, "outcome": r.outcome, "detail": r.detail, "seconds": round(r.seconds, 3)} for r in results]
    pathlib.Path(path).write_text(json.dumps(rows, indent=1) + "\n")


def options(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--testee", help="command line of the testee program")
    parser.add_argument("-k", dest="pattern", action="append", default=[],
                        help="only runs whose id contains this (or matches it as a glob); several are or-ed")
    parser.add_argument("--without", action="append", default=[], help="no runs whose id contains this")
    parser.add_argument("--kind", action="append", choices=["core", "codec", "wire", "abi"])
    parser.add_argument("--patience", type=int, default=1,
                        help="multiplies how long an answer may take: for a testee that is slowed down by a checker")
    parser.add_argument("-j", dest="jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--cases", type=pathlib.Path, default=HERE / "cases")
    parser.add_argument("--known", type=pathlib.Path, help="instead of known/<language>.json")
    parser.add_argument("--list", action="store_true", help="print the ids of the runs and stop")
    parser.add_argument("--only-possible", action="store_true",
                        help="leave out, instead of skipping, what known/LANGUAGE.json says the language lacks")
    parser.add_argument("--openai-types", action="store_true",
                        help="have the official client's types judge every chunk and answer (needs the package openai)")
    parser.add_argument("--junit", help="also write the results as JUnit XML")
    parser.add_argument("--json", help="also write the results as JSON")
    parser.add_argument("-v", dest="verbose", action="store_true", help="a line for every run")
    return parser.parse_args(arguments)


def choose(runs, patterns, without=()):
    return [run for run in runs
            if (not patterns or any(p in run.id or fnmatch.fnmatchcase(run.id, p) for p in patterns))
            and not any(p in run.id for p in without)]


def grant(patience):
    """Multiply how long the driver waits for an answer; the times that a case is about stay as they are."""
    global PATIENCE
    PATIENCE = patience


def main(arguments=None):
    args = options(arguments)
    grant(args.patience)
    if args.openai_types:
        global OFFICIAL
        import official as OFFICIAL  # noqa: N812 - the package it needs is there only where this is asked for
    try:
        runs = loader.load_tree(args.cases, args.kind or ("core", "codec", "wire", "abi"))
    except loader.CaseError as error:
        print(error)
        print("cases that cannot be used; nothing was run")
        return 2
    runs = choose(runs, args.pattern, args.without)
    if args.list:
        for run in runs:
            print(run.id)
        return 0
    if not args.testee:
        print("--testee is missing")
        return 2
    if not runs:
        print("0 passed, 0 failed, 0 skipped")
        return 1
    probe = Testee(args.testee)
    features, language = probe.features, probe.language
    probe.stop()
    known = args.known or HERE / "known" / f"{language}.json"
    expectations = Expectations(loader.read(known) if known.exists() else None)

    def report(result):
        if args.verbose:
            print(f"{result.outcome:8} {result.seconds:6.2f} s  {result.id}", flush=True)

    results, problems = run_all(runs, lambda: Testee(args.testee), args.jobs, report)
    problems += expectations.judge(results, features)
    if args.only_possible:
        possible = [result for result in results if result.outcome != "skipped" or not result.detail.startswith("needs ")]
        print(f"{len(results) - len(possible)} cases need what {language} does not have: {', '.join(expectations.lacks)}")
        results = possible
    for result in results:
        if result.outcome == "failed":
            print(f"FAILED {result.id}\n  {result.run.document['description']}\n  {result.detail}")
    for problem in problems:
        print(f"FAILED {problem}")
    if args.junit:
        write_junit(args.junit, results)
    if args.json:
        write_json(args.json, results)
    passed, failed, skipped = tally(results)
    failed += len(problems)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
