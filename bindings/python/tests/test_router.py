# SPDX-License-Identifier: Apache-2.0
"""Life of a router: configuration, reload, drain, close, fork, log records."""

import copy
import gc
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import zlib

import pytest
from conftest import HELLO, config_for

import hedgerouter
from hedgerouter import _bindings, errors


def test_configuration_is_a_mapping_text_or_a_file(upstream, tmp_path):
    mock = upstream(a={"each": {"say": "hi"}})
    config = config_for(mock)
    path = tmp_path / "router.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    for form in (config, json.dumps(config), json.dumps(config).encode(), path, str(path)):
        with hedgerouter.Router(form) as router:
            assert router.completion("chat", HELLO).choices[0].message.content == "hi"


def test_yaml_file_is_read_with_pyyaml(upstream, tmp_path):
    yaml = pytest.importorskip("yaml")
    path = tmp_path / "router.yaml"
    path.write_text(yaml.safe_dump(config_for(upstream(a=[]))), encoding="utf-8")
    assert hedgerouter.check_config(path)["errors"] == []
    path.write_text("model_list: [", encoding="utf-8")
    with pytest.raises(hedgerouter.ConfigError, match="not valid YAML .line 1"):
        hedgerouter.check_config(path)


def test_yaml_without_pyyaml_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "router.yml"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(hedgerouter.ConfigError, match="pip install pyyaml"):
        hedgerouter.Router(path)


def test_bad_configuration_names_the_place():
    config = {"model_list": [{"model_name": "chat", "litellm_params": {"model": "openai/x", "api_kee": "k"}}]}
    with pytest.raises(hedgerouter.ConfigError) as caught:
        hedgerouter.Router(config)
    assert isinstance(caught.value, ValueError) and "api_kee" in (caught.value.path or "")
    report = hedgerouter.check_config(config)
    assert any("api_kee" in error["path"] for error in report["errors"])


@pytest.mark.parametrize("config", [None, 3, [{"model_name": "chat"}]])
def test_configuration_of_another_kind_is_refused(config):
    with pytest.raises(TypeError, match="a configuration is a mapping.*" + ("model_list" if config and config != 3 else "")):
        hedgerouter.Router(config)


def test_reload_moves_new_requests(route, upstream):
    router = route(a={"each": {"say": "from a"}})
    assert router.completion("chat", HELLO).choices[0].message.content == "from a"
    router.reload(config_for(upstream(b={"each": {"say": "from b"}})))
    assert router.completion("chat", HELLO).choices[0].message.content == "from b"
    with pytest.raises(hedgerouter.ConfigError):
        router.reload({"model_list": []})
    assert router.completion("chat", HELLO).choices[0].message.content == "from b"


def test_stats_count_requests(route):
    router = route(a={"each": {"say": "hi"}})
    router.completion("chat", HELLO)
    assert router.stats()["requests"]["succeeded"] == 1


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_router_is_neither_copied_nor_pickled(route, how):
    router = route(a={"each": {"say": "hi"}})
    with pytest.raises(TypeError, match="one in each process"):
        how(router)
    gc.collect()
    assert router.completion("chat", HELLO).choices[0].message.content == "hi"


def learned(router):
    """Effective samples of each deployment, for requests that do not stream."""
    return {each["id"]: each["total_ms"]["effective_samples"] for each in router.stats()["deployments"]}


def test_saved_state_makes_a_new_router_warm(upstream):
    mock = upstream(a={"each": {"say": "hi"}}, b={"each": {"say": "hi"}})
    config = config_for(mock)
    with hedgerouter.Router(config) as before:
        for _ in range(20):
            before.completion("chat", HELLO)
        samples = learned(before)
        state = before.save_state()
        assert before.stats()["races"] > 0 and sum(samples.values()) > 19.9
    with hedgerouter.Router(config) as after:
        after.load_state(state)
        assert learned(after) == pytest.approx(samples, rel=1e-3)
        loads = after.stats()["state_loads"]
        assert loads["documents"] == 1 and loads["adopted"] >= 1 and loads["unknown"] == 0
        after.completion("chat", HELLO)
        assert after.stats()["races"] == 0
        after.load_state(state)
        assert after.stats()["state_loads"]["outweighed"] >= 1
    with hedgerouter.Router(config_for(upstream(other=[]))) as stranger:
        stranger.load_state(state)
        assert stranger.stats()["state_loads"]["unknown"] == loads["adopted"]
        assert learned(stranger) == {"other": 0}


def test_saved_state_has_no_secrets_in_it(route):
    router = route(a={"each": {"say": "a-telling-answer"}})
    router.completion("chat", [{"role": "user", "content": "a-telling-prompt"}])
    state = router.save_state()
    assert b"telling" not in state and b"sk-test" not in state and b"127.0.0.1" not in state


def test_damaged_state_is_refused_and_changes_nothing(route):
    router = route(a={"each": {"say": "hi"}})
    router.completion("chat", HELLO)
    state, samples = router.save_state(), learned(router)
    document = json.loads(state)
    assert document["hedgerouter_state"] == 1
    body = state[state.index(b'"state":') + len(b'"state":'):-2]
    assert f"{zlib.crc32(body):08x}" == document["crc32"]
    older = state.replace(b'"hedgerouter_state":1', b'"hedgerouter_state":0')
    absurd = body.replace(b'"squares":', b'"squares":-', 1)
    sealed = b'{"hedgerouter_state":1,"crc32":"%08x","state":%s}' % (zlib.crc32(absurd), absurd)
    for bad in (b"", b"garbage", b"\xff\x00", b"{}", state[:-5], state[:100], older, sealed,
                state.replace(b'"saved_at_ms":1', b'"saved_at_ms":2'), json.dumps(document, indent=1).encode()):
        with pytest.raises(hedgerouter.InvalidRequestError) as caught:
            router.load_state(bad)
        assert "state" in str(caught.value)
    assert caught.value.path == "crc32"
    assert learned(router) == samples and router.stats()["state_loads"]["documents"] == 0


def test_state_survives_a_clock_that_went_back_but_not_the_lifetime_of_samples(route):
    router = route(a={"each": {"say": "hi"}})
    router.completion("chat", HELLO)
    state = router.save_state()
    body = json.loads(state)["state"]
    for shift, outcome in ((7200_000, "adopted"), (-7200_000, "expired")):
        body["saved_at_ms"] = int(time.time() * 1000) + shift
        text = json.dumps(body).encode()
        document = b'{"hedgerouter_state":1,"crc32":"%08x","state":%s}' % (zlib.crc32(text), text)
        fresh = hedgerouter.Router(config_for(router.mock))
        fresh.load_state(document)
        assert fresh.stats()["state_loads"][outcome] == 1
        fresh.close()


def test_drain_waits_for_what_is_in_flight(route):
    router = route(a={"each": {"gate": "go", "say": "hi"}})
    answers = []
    thread = threading.Thread(target=lambda: answers.append(router.completion("chat", HELLO)))
    thread.start()
    router.mock.wait_for(lambda report: report["a"]["count"] == 1, 5)
    with pytest.raises(hedgerouter.WaitTimeoutError):
        router.drain(timeout=0.02)
    router.mock.release("go")
    router.drain(timeout=10)
    thread.join()
    assert len(answers) == 1
    with pytest.raises(hedgerouter.ClosedError):
        router.completion("chat", HELLO)


def test_closing_ends_what_threads_wait_for(route):
    router = route(a={"each": {"hang": True}})
    caught = []

    def ask():
        try:
            router.completion("chat", HELLO)
        except hedgerouter.HedgeRouterError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    router.mock.wait_for(lambda report: report["a"]["count"] == 1, 5)
    router.close()
    router.close()
    thread.join()
    assert [type(error) for error in caught] == [hedgerouter.ClosedError]


def test_closed_router_refuses(route):
    router = route(a=[])
    router.close()
    for call in (lambda: router.completion("chat", HELLO), router.stats, router.drain, router.save_state, lambda: router.load_state(b"{}"),
                 lambda: router.reload(config_for(router.mock))):
        with pytest.raises(hedgerouter.ClosedError):
            call()


def test_dropped_router_stops_its_thread(upstream):
    def threads():
        return len(os.listdir("/proc/self/task"))

    mock = upstream(a=[])
    before = threads()
    router = hedgerouter.Router(config_for(mock))
    assert threads() > before
    del router
    gc.collect()
    assert threads() == before


def test_log_records_reach_a_callable_and_the_logging_module(upstream, caplog):
    mock = upstream(a={"each": {"status": 500, "json": {"error": {"message": "no"}}}})
    records = []
    router = hedgerouter.Router(config_for(mock), log=lambda level, record: records.append((level, record)),
                                log_level="DEBUG")
    with router, pytest.raises(hedgerouter.ProviderError):
        router.completion("chat", HELLO)
    assert records and all("event" in record for _, record in records)
    assert {level for level, _ in records} <= {logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG}
    with caplog.at_level(logging.DEBUG, logger="hedgerouter"):
        with hedgerouter.Router(config_for(mock), log=True, log_level=logging.DEBUG) as router:
            with pytest.raises(hedgerouter.ProviderError):
                router.completion("chat", HELLO)
    assert any(record.name == "hedgerouter" and "event" in record.hedgerouter for record in caplog.records)
    with pytest.raises(TypeError, match="log must be"):
        hedgerouter.Router(config_for(mock), log=3)


def test_child_process_is_told_that_the_router_is_not_its_own(route):
    router = route(a={"each": {"say": "hi"}})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            router.completion("chat", HELLO)
        except hedgerouter.ForkedError:
            router.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert router.completion("chat", HELLO).choices[0].message.content == "hi"


def test_program_that_forgets_to_close_ends_quietly(upstream):
    mock = upstream(a={"each": {"say": "hi"}})
    program = f"""
import json, sys
sys.path[:0] = {json.dumps(sys.path)}
import hedgerouter
router = hedgerouter.Router(json.loads({json.dumps(json.dumps(config_for(mock)))}), log=lambda *_: None, log_level="DEBUG")
stream = router.completion("chat", [{{"role": "user", "content": "hi"}}], stream=True)
next(stream)
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_code_of_the_header_has_an_exception():
    assert set(errors.CLASSES) == set(_bindings.CODES)
    assert type(errors.make(-12345, "")) is hedgerouter.HedgeRouterError


def test_errors_survive_pickling():
    error = errors.make(_bindings.HR_E_RATE_LIMITED, "slow down", http_status=429, retry_after_ms=7000, report={"attempts": [1]})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is hedgerouter.RateLimitError and str(again) == "slow down" and again.__dict__ == error.__dict__


def test_library_that_cannot_be_loaded_is_an_import_error_with_every_reason():
    program = f"import sys; sys.path[:0] = {json.dumps(sys.path)}; import hedgerouter"
    environment = {**os.environ, "HEDGEROUTER_LIBRARY": "/nonexistent/libhedgerouter.so"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=20)
    assert "ImportError: libhedgerouter could not be loaded" in done.stderr
    assert "/nonexistent/libhedgerouter.so: " in done.stderr and "HEDGEROUTER_LIBRARY" in done.stderr


def test_generated_bindings_are_what_the_headers_say():
    generate = os.path.join(os.path.dirname(hedgerouter.__file__), "..", "generate.py")
    subprocess.run([sys.executable, generate, "--check"], check=True, timeout=60)
