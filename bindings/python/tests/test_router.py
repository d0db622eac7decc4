# SPDX-License-Identifier: Apache-2.0
"""Life of a router: configuration, reload, drain, close, fork, log records."""

import gc
import json
import logging
import os
import pickle
import subprocess
import sys
import threading

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
    for call in (lambda: router.completion("chat", HELLO), router.stats, router.drain,
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
