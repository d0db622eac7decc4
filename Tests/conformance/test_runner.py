#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the runner itself: that it passes what is right, fails what is wrong, and refuses what cannot be used.

runner-tests/valid-pass, valid-fail and invalid hold one case each, with what a fake testee answers.
"""

import copy
import http.client
import io
import contextlib
import json
import pathlib
import re
import socket
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import bytespec
import hrconf
import loader
import match
import mockd
import testee as testee_module

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE / "runner-tests"
ALL_FEATURES = {"poll", "pull", "dispatch", "thread", "callback", "finalizer", "fork", "sim", "call"}


class FakeTestee:
    """Answers ops as a script says, or by asking the first deployment in the simplest way."""

    def __init__(self, script):
        self.features = set(script.get("features", ALL_FEATURES))
        self.replies = copy.deepcopy(script.get("replies", {}))
        self.naive = script.get("naive", False)
        self.keeps_open = script.get("keeps_open", False)
        self.dead = None
        self.base = None
        self.finished = {}
        self.held = []

    def start(self, op):
        reply = testee_module.Reply()
        threading.Thread(target=lambda: reply.set(self.call(op, 10)), daemon=True).start()
        return reply

    def call(self, op, timeout):
        name = op["op"]
        if self.replies.get(name):
            replies = self.replies[name]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            if reply == "dead":
                self.dead = testee_module.TesteeError("it was ended by SIGSEGV")
                raise self.dead
            return reply
        if self.naive and name in ("router_new", "submit", "collect"):
            return {"ok": getattr(self, name)(op)}
        return {"ok": {}}

    def router_new(self, op):
        self.base = op["config"]["json"]["model_list"][0]["litellm_params"]["api_base"]
        return {}

    def submit(self, op):
        if self.keeps_open:
            host, port = self.base.split("/")[2].split(":")
            self.held.append(socket.create_connection((host, int(port))))
        body = bytespec.build(op["request"])
        request = urllib.request.Request(self.base + "/chat/completions", body, {"content-type": "application/json"})
        begun = time.monotonic()
        try:
            response = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            self.finished[op["as"]] = [end(code="HR_E_PROVIDER", message=str(error), http_status=error.code)]
            error.close()
            return {}
        with response:
            text = response.read().decode()
            if response.headers["content-type"] == "text/event-stream":
                frames = [line[6:] for line in text.split("\n") if line.startswith("data: ") and line != "data: [DONE]"]
            else:
                frames = [text]
        elapsed = (time.monotonic() - begun) * 1000
        events = [{"type": "start", "data": {"deployment": "a", "role": "primary"}, "elapsed_ms": elapsed}]
        events += [{"type": "chunk", "data": json.loads(frame), "elapsed_ms": elapsed} for frame in frames]
        events.append(end(elapsed_ms=elapsed))
        self.finished[op["as"]] = events
        return {}

    def collect(self, op):
        return {"events": self.finished.pop(op["request"], [])}


def end(**fields):
    """An END event."""
    return {"type": "end", "data": {}, "elapsed_ms": 1, "code": "HR_OK", "origin": "local", "http_status": 200,
            "retriable": False, "retry_after_ms": -1, "message": "", **fields}


def samples(kind):
    for path in sorted((SAMPLES / kind).glob("*.json")):
        yield path.stem, json.loads(path.read_text())


class Samples(unittest.TestCase):
    """The files of runner-tests."""

    def outcomes(self, name, sample):
        results = []
        for run in loader.load(name, sample["case"]):
            worker = hrconf.Worker(lambda: FakeTestee(sample.get("testee", {})))
            worker.testee = worker.start_testee()
            results.append(run_with(worker, run))
        return results

    def test_there_are_enough(self):
        for kind in ("valid-pass", "valid-fail", "invalid"):
            self.assertGreaterEqual(len(list(samples(kind))), 12, kind)

    def test_valid_pass(self):
        for name, sample in samples("valid-pass"):
            with self.subTest(name):
                for result in self.outcomes(name, sample):
                    self.assertEqual(result.outcome, "passed", result.detail)

    def test_valid_fail(self):
        for name, sample in samples("valid-fail"):
            with self.subTest(name):
                for result in self.outcomes(name, sample):
                    self.assertEqual(result.outcome, "failed")
                    self.assertRegex(result.detail, sample["because"])

    def test_invalid(self):
        for name, sample in samples("invalid"):
            with self.subTest(name):
                with self.assertRaisesRegex(loader.CaseError, sample["because"]):
                    loader.load(name, sample["case"])


def run_with(worker, run):
    """Run with a fake, which has no process to stop."""
    FakeTestee.kill = FakeTestee.stop = lambda self: 0
    FakeTestee.errors = lambda self: ""
    for patience in ("OP_TIMEOUT_S", "SETTLE_S"):
        setattr(hrconf, patience, 1.0)
    return worker.run(run)


class Matching(unittest.TestCase):
    """The rules of match.py, where a file for each would say less."""

    def test_objects_are_subsets_and_arrays_are_not(self):
        match.match({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3})
        for expected, actual in (([1], [1, 2]), ([1, 2], [2, 1]), ({"a": 1}, {}), ({"a": {}}, {"a": []})):
            with self.assertRaises(match.Mismatch):
                match.match(expected, actual)

    def test_booleans_are_not_numbers_and_integers_equal_floats(self):
        match.match(1, 1.0)
        for expected, actual in ((1, True), (False, 0), ("1", 1), (None, False)):
            with self.assertRaises(match.Mismatch):
                match.match(expected, actual)

    def test_bind_and_ref_work_across_unordered_elements(self):
        expected = [{"$$unordered": [{"id": {"$$bind": "x"}, "k": "p"}, {"k": "q"}]}, {"$$ref": "x"}]
        match.match(expected, [[{"k": "q", "id": 1}, {"k": "p", "id": 2}], 2])
        with self.assertRaises(match.Mismatch):
            match.match(expected, [[{"k": "q", "id": 1}, {"k": "p", "id": 2}], 1])

    def test_unordered_tries_every_assignment(self):
        expected = {"$$unordered": [{"$$any": 1}, 1]}
        match.match(expected, [1, 2])
        with self.assertRaises(match.Mismatch):
            match.match(expected, [2, 3])

    def test_operators_refuse_a_missing_key(self):
        for operator in ({"$$any": 1}, {"$$type": "null"}, {"$$not": 1}, {"$$oneOf": [None]}, {"$$exists": True}):
            with self.assertRaises(match.Mismatch):
                match.match({"a": operator}, {})

    def test_exists_false_refuses_null(self):
        with self.assertRaises(match.Mismatch):
            match.match({"a": {"$$exists": False}}, {"a": None})

    def test_exact_refuses_other_keys_at_its_own_depth_only(self):
        match.match({"$$exact": {"a": {}}}, {"a": {"b": 1}})
        with self.assertRaises(match.Mismatch):
            match.match({"$$exact": {"a": {}}}, {"a": {}, "b": 1})

    def test_contains_gives_each_wanted_element_one_of_its_own(self):
        match.match({"$$contains": [1, 1]}, [1, 2, 1])
        with self.assertRaises(match.Mismatch):
            match.match({"$$contains": [1, 1]}, [1, 2])


class Bytes(unittest.TestCase):
    def test_a_spec_for_the_testee_stands_for_the_same_bytes(self):
        for spec in ("n\u00e9", {"text": "a\0b"}, {"hex": "00ff"}, {"repeat": {"of": {"hex": "ff"}, "count": 3}},
                     {"concat": ["a", {"sse": {"x": 1}}, {"base64": "AA=="}]}, {"sse": "[DONE]", "event": "e"}):
            self.assertEqual(bytespec.build(bytespec.for_testee(spec)), bytespec.build(spec))
            self.assertLessEqual(set(bytespec.for_testee(spec)), bytespec.WIRE_SPECS)

    def test_an_aws_frame_is_that_of_a_known_good_one(self):
        frame = bytespec.aws_frame({"exception": "throttlingException", "payload": {"message": "slow down"},
                                    "headers": {}})
        self.assertEqual(len(frame), 136)
        self.assertEqual(frame[:12].hex(), "0000008800000061de0175f4")


class MockUpstream(unittest.TestCase):
    """What mockd puts on the wire, and what it says it saw."""

    def mock(self, script, http="1.1"):
        mock = mockd.Mock(script, http)
        self.addCleanup(mock.stop)
        return mock

    def ask(self, mock, name="a", body=b'{"stream":true}'):
        client = socket.create_connection(("127.0.0.1", mock.upstreams[name].public_port), 5)
        self.addCleanup(client.close)
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Y: z\r\nContent-Length: %d\r\n\r\n"
                       % len(body) + body)
        return client

    def read_all(self, client):
        data = b""
        while True:
            try:
                piece = client.recv(65536)
            except ConnectionResetError:
                return data, "reset"
            if not piece:
                return data, "end"
            data += piece

    def test_requests_are_recorded(self):
        mock = self.mock({"a": {"each": {"say": "x", "keep_alive": False}}})
        self.read_all(self.ask(mock))
        report = mock.wait_for(lambda r: r["a"]["finished"] == 1, 5)["a"]
        self.assertEqual(report["requests"][0]["path"], "/v1/chat/completions")
        self.assertEqual(report["requests"][0]["headers"]["x-y"], "z")
        self.assertEqual(report["requests"][0]["body"], {"stream": True})

    def test_a_connection_serves_several_requests(self):
        mock = self.mock({"a": {"each": {"say": "x"}}})
        client = http.client.HTTPConnection("127.0.0.1", mock.upstreams["a"].port, timeout=5)
        for stream in (True, False, True):
            client.request("POST", "/", json.dumps({"stream": stream}))
            self.assertIn(b'"x"', client.getresponse().read())
        client.close()
        report = mock.wait_for(lambda r: r["a"]["open"] == 0, 5)["a"]
        self.assertEqual((report["count"], report["connections"], report["closed_by_client"]), (3, 1, 0))

    def test_a_client_that_leaves_is_noticed(self):
        mock = self.mock({"a": [{"stream": [{"text": "x"}, {"stall": True}]}]})
        client = self.ask(mock)
        client.recv(1)
        self.assertEqual(mock.report()["a"]["closed_by_client"], 0)
        client.close()
        report = mock.wait_for(lambda r: r["a"]["closed_by_client"] == 1, 5)["a"]
        self.assertGreater(report["requests"][0]["closed_by_client_ms"], report["requests"][0]["at_ms"])

    def test_reset_close_and_half_close(self):
        mock = self.mock({"a": [{"stream": [{"text": "x"}, {"reset": True}]}, {"stream": [{"text": "y"}, {"close": True}]},
                                {"stream": [{"text": "z"}, {"half_close": True}]}, {"reset": True}, {"close": True}]})
        endings = [self.read_all(self.ask(mock)) for _ in range(2)]
        half = self.ask(mock)
        endings.append(self.read_all(half))
        half.close()
        endings += [self.read_all(self.ask(mock)) for _ in range(2)]
        self.assertEqual([how for _, how in endings], ["reset", "end", "end", "reset", "end"])
        self.assertEqual([text in data for (data, _), text in zip(endings, (b'"x"', b'"y"', b'"z"'))], [True] * 3)
        self.assertEqual([data for data, _ in endings[3:]], [b"", b""])
        self.assertFalse(any(data.endswith(b"0\r\n\r\n") for data, _ in endings))

    def test_a_gate_holds_until_it_is_released(self):
        mock = self.mock({"a": [{"stream": [{"text": "x"}, {"gate": "g"}, {"text": "y"}], "keep_alive": False}]})
        client = self.ask(mock)
        data = b""
        while b'"x"' not in data:
            data += client.recv(65536)
        client.settimeout(0.1)
        with self.assertRaises(TimeoutError):
            client.recv(1)
        client.settimeout(5)
        mock.release("g")
        self.assertIn(b'"y"', self.read_all(client)[0])

    def test_nobody_listens_where_connections_are_refused(self):
        mock = self.mock({"a": {"refuse": True}})
        with self.assertRaises(ConnectionRefusedError):
            self.ask(mock)

    def test_a_request_too_many_is_reported(self):
        mock = self.mock({"a": [{"say": "x"}]})
        for _ in range(2):
            self.ask(mock).recv(10)
        self.assertIsNotNone(mock.wait_for(lambda r: r["a"]["unexpected"] == 1, 5))

    def test_lengths_lie_and_bodies_are_compressed(self):
        mock = self.mock({"a": [{"body": "12345", "length_error": 3}, {"body": "12345", "gzip": True, "keep_alive": False}]})
        data, how = self.read_all(self.ask(mock))
        self.assertIn(b"content-length: 8\r\n", data)
        self.assertTrue(data.endswith(b"\r\n\r\n12345"))
        data, _ = self.read_all(self.ask(mock))
        self.assertIn(b"content-encoding: gzip", data)
        self.assertEqual(__import__("gzip").decompress(data.split(b"\r\n\r\n", 1)[1]), b"12345")

    @unittest.skipUnless(mockd.nghttpx(), "nghttpx is not installed")
    def test_behind_nghttpx_a_lost_connection_is_noticed(self):
        mock = self.mock({"a": [{"stream": [{"text": "x"}, {"stall": True}]}]}, http="2-prior-knowledge")
        client = socket.create_connection(("127.0.0.1", mock.upstreams["a"].public_port), 5)
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        # :method POST, :scheme http, :path / from HPACK's static table, :authority x; END_STREAM and END_HEADERS.
        client.sendall(b"\0\0\6\1\5\0\0\0\1\x83\x86\x84\x41\1x")
        self.assertIsNotNone(mock.wait_for(lambda r: r["a"]["count"] == 1, 5))
        client.close()
        self.assertIsNotNone(mock.wait_for(lambda r: r["a"]["closed_by_client"] == 1, 5))


class CommandLine(unittest.TestCase):
    """hrconf.py as a program, against a testee that is one."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for kind in ("core", "codec", "wire", "abi"):
            (self.folder / kind).mkdir()
        self.known = self.folder / "known.json"

    def program(self, body):
        """A program that answers an op with the value of an expression over `op`."""
        path = self.folder / "testee.py"
        path.write_text(textwrap.dedent("""
            import json, sys, os
            for line in sys.stdin:
                op = json.loads(line)
                if op["op"] == "hello":
                    answer = {"ok": {"protocol": "1", "language": "fake", "features": ["poll"]}}
                else:
                    answer = %s
                print(json.dumps({"id": op["id"], **answer}), flush=True)
            """) % body)
        return f"{sys.executable} {path}"

    def case(self, name, **fields):
        document = {"schemaVersion": "1.0", "kind": "abi", "spec": "runner.test", "description": f"The case named {name}",
                    "ops": [{"versions": {}, "expect": {"version": "1"}}], **fields}
        (self.folder / document["kind"] / f"{name}.json").write_text(json.dumps(document))

    def main(self, *arguments):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = hrconf.main(["--cases", str(self.folder), "--known", str(self.known), *arguments])
        return status, output.getvalue()

    def test_the_last_line_counts_and_the_status_tells(self):
        self.case("one")
        self.case("two")
        status, output = self.main("--testee", self.program('{"ok": {"version": "1"}}'))
        self.assertEqual((status, output.splitlines()[-1]), (0, "2 passed, 0 failed, 0 skipped"))
        status, output = self.main("--testee", self.program('{"ok": {"version": "2"}}'))
        self.assertEqual((status, output.splitlines()[-1]), (1, "0 passed, 2 failed, 0 skipped"))

    def test_no_cases_is_a_failure(self):
        self.case("one")
        status, _ = self.main("--testee", self.program('{"ok": {"version": "1"}}'), "-k", "nothing-like-it")
        self.assertEqual(status, 1)

    def test_cases_are_left_out_by_name(self):
        self.case("one")
        self.case("two")
        self.case("twofold")
        testee = self.program('{"ok": {"version": "1"}}')
        status, output = self.main("--testee", testee, "--without", "two")
        self.assertEqual((status, output.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"))
        status, output = self.main("--testee", testee, "-k", "two", "--without", "fold")
        self.assertEqual((status, output.splitlines()[-1]), (0, "1 passed, 0 failed, 0 skipped"))

    def test_patience_stretches_the_limit_of_a_case(self):
        self.case("one", timeout_s=1)
        slow = self.program('(__import__("time").sleep(2), {"ok": {"version": "1"}})[1]')
        try:
            self.assertEqual(self.main("--testee", slow)[0], 1)
            self.assertEqual(self.main("--testee", slow, "--patience", "10")[0], 0)
        finally:
            hrconf.grant(1)

    def test_an_unexpected_skip_is_a_failure_and_an_expected_one_is_not(self):
        self.case("one")
        self.case("two", requires=["call"])
        testee = self.program('{"ok": {"version": "1"}}')
        status, output = self.main("--testee", testee)
        self.assertEqual((status, output.splitlines()[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.known.write_text('{"lacks": {"call": "no pointers"}}')
        status, output = self.main("--testee", testee)
        self.assertEqual((status, output.splitlines()[-1]), (0, "1 passed, 0 failed, 1 skipped"))

    def test_a_feature_listed_as_lacking_that_is_there_is_a_failure(self):
        self.case("one")
        self.known.write_text('{"lacks": {"poll": "gone"}}')
        status, output = self.main("--testee", self.program('{"ok": {"version": "1"}}'))
        self.assertEqual((status, output.splitlines()[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_known_failure_is_skipped_and_its_unexpected_pass_fails(self):
        self.case("one")
        self.case("two", ops=[{"versions": {}, "expect": {"version": "2"}}])
        self.known.write_text('{"failing": {"abi/two": "it is known"}}')
        status, output = self.main("--testee", self.program('{"ok": {"version": "1"}}'))
        self.assertEqual((status, output.splitlines()[-1]), (0, "1 passed, 0 failed, 1 skipped"))
        self.known.write_text('{"failing": {"abi/o*": "it was fixed"}}')
        status, output = self.main("--testee", self.program('{"ok": {"version": "1"}}'))
        self.assertEqual((status, output.splitlines()[-1]), (1, "0 passed, 2 failed, 0 skipped"))

    def test_a_testee_that_crashes_fails_its_case_and_not_the_next(self):
        self.case("one", ops=[{"error_names": {"codes": [0]}}])
        self.case("two")
        crash = 'os.abort() if op["op"] == "error_names" else {"ok": {"version": "1"}}'
        status, output = self.main("--testee", self.program(crash), "-j", "1")
        self.assertEqual((status, output.splitlines()[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("SIGABRT", output)

    def test_a_testee_that_hangs_is_killed(self):
        self.case("one", timeout_s=1)
        status, output = self.main("--testee", self.program('__import__("time").sleep(60)'))
        self.assertEqual(status, 1)
        self.assertIn("longer than 1 s", output)

    def test_a_bad_status_at_the_end_is_a_failure(self):
        self.case("one")
        status, _ = self.main("--testee", self.program('{"ok": {"version": "1"}}'))
        self.assertEqual(status, 0)
        path = self.folder / "testee.py"
        path.write_text(path.read_text() + "\nsys.exit(3)\n")
        status, output = self.main("--testee", f"{sys.executable} {path}")
        self.assertEqual(status, 1)

    def test_bad_cases_are_refused_all_at_once(self):
        self.case("one", description="This case should not be here")
        self.case("two", kind="abi", surprise=1)
        self.case("Three")
        status, output = self.main("--testee", "false")
        self.assertEqual(status, 2)
        for part in ("abi/one: ", "abi/two: ", "abi/Three: "):
            self.assertIn(part, output)

    def test_results_are_written_as_junit_and_json(self):
        self.case("one")
        self.case("two", ops=[{"versions": {}, "expect": {"version": "2"}}])
        junit, rows = self.folder / "out.xml", self.folder / "out.json"
        self.main("--testee", self.program('{"ok": {"version": "1"}}'), "--junit", str(junit), "--json", str(rows))
        self.assertEqual([row["outcome"] for row in json.loads(rows.read_text())], ["passed", "failed"])
        self.assertEqual(len(re.findall("<failure", junit.read_text())), 1)


class Tree(unittest.TestCase):
    """The cases themselves."""

    def test_every_case_can_be_used(self):
        self.assertGreater(len(loader.load_tree(HERE / "cases")), 0)

    def test_the_map_of_behaviours_names_cases_that_exist(self):
        text = (HERE / "cases" / "README.md").read_text()
        for case_id in re.findall(r"`((?:core|codec|wire|abi)/[a-z0-9-]+)`", text):
            self.assertTrue((HERE / "cases" / f"{case_id}.json").exists(), case_id)


if __name__ == "__main__":
    unittest.main()
