# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes a Python and a Go host under load, and answers every panel and every alert."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

import lab
import pytest

SHARED = lab.ROOT / "bindings" / "shared"
DIST = lab.ROOT / ".build" / "dist"
PANELS = json.loads((SHARED / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
# What nobody can see while all goes well.
MAY_BE_EMPTY = {"Failures"}


def alerts():
    """Name and expression of each rule; the file is read by promtool, so a few lines need no YAML package."""
    text = (SHARED / "prometheus-alerts.yml").read_text(encoding="utf-8")
    found = re.findall(r"- alert: (\w+)\n\s+expr: >\n((?: {10,}.*\n)+)", text)
    assert len(found) == text.count("- alert:")
    return [(name, " ".join(lines.split())) for name, lines in found]


@contextlib.contextmanager
def go_host(path, tmp_path):
    """The Go host with some callers; gives its base URL."""
    program = tmp_path / "gohost"
    environment = {**os.environ, "CGO_CFLAGS": f"-I{DIST / 'include'}",
                   "CGO_LDFLAGS": f"-L{DIST / 'lib'} -Wl,-rpath,{DIST / 'lib'} -lhedgerouter"}
    subprocess.run(["go", "build", "-tags", "hedgerouter_nopkgconfig", "-o", str(program), "."],
                   cwd=lab.ROOT / "Tests" / "evidence" / "gohost", env=environment, check=True)
    process = subprocess.Popen([str(program), str(path), "4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        assert process.wait(lab.PATIENCE) == 0


@contextlib.contextmanager
def prometheus(targets, tmp_path):
    """A server that scrapes the targets every second; gives a function that asks it."""
    config = tmp_path / "prometheus.yml"
    jobs = "".join(f"""
  - job_name: {name}
    static_configs: [{{targets: ["{urllib.parse.urlsplit(url).netloc}"]}}]""" for name, url in targets.items())
    config.write_text(f"""global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{SHARED / 'prometheus-alerts.yml'}"]
scrape_configs:{jobs}
""", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
         f"--web.listen-address={address}", "--enable-feature=exemplar-storage", "--log.level=error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def ask(path, **parameters):
        url = f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        except OSError:
            assert process.poll() is None, process.stderr.read()
            return None

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(lab.PATIENCE)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Prometheus, after some scrapes of both hosts under load; and the Python host's URL."""
    assert shutil.which("prometheus") and shutil.which("promtool"), "scripts/setup.sh test installs prometheus"
    tmp_path = tmp_path_factory.mktemp("prometheus")
    several = [lab.Upstream("steady", lab.tailed(.03, .05, 4), tokens=lambda rng: 4, seed=1),
               lab.Upstream("tailed", lab.tailed(.02, .12, 9), tokens=lambda rng: 4, seed=2)]
    config = lab.configuration(several, arguments={"control_fraction": .1})
    (tmp_path / "router.json").write_text(json.dumps(config), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        stack.enter_context(lab.upstreams(*several))
        router = lab.hedgerouter.Router(config)
        stack.callback(router.close)
        url = stack.enter_context(lab.host(router))
        load = stack.enter_context(lab.Load(router, callers=4))
        go = stack.enter_context(go_host(tmp_path / "router.json", tmp_path))
        ask = stack.enter_context(prometheus({"python": url, "go": go}, tmp_path))
        load.until(800, 90)
        # Long enough for every rate, and for both to know what hedging bought.
        lab.wait_for(lambda: len((ask("query", query="hedgerouter_hedging_saved_second_price > 0 and on (instance) "
                                      "count_over_time(up[1m]) > 8") or {}).get("result", [])) == 2, 90, "both hosts' figures")
        yield ask, url


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_has_an_answer_from_both_hosts(asked, panel):
    ask, _ = asked
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", "1m").replace("$group", ".*")
        found = ask("query", query=expression)["result"]
        if panel["title"] in MAY_BE_EMPTY:
            continue
        assert found, expression
        assert all(value["value"][1] != "NaN" for value in found), expression
        for job in ("python", "go"):
            only = re.sub(r"(hedgerouter_\w+)(\{)?", lambda m: f'{m[1]}{{job="{job}"' + ("," if m[2] else "}"), expression)
            assert ask("query", query=only)["result"], only


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert[0])
def test_every_alert_is_about_metrics_that_exist(asked, alert):
    ask, _ = asked
    name, expression = alert
    ask("query", query=expression)
    for metric in set(re.findall(r"hedgerouter_\w+", expression)):
        assert ask("query", query=f"count({metric})")["result"], f"{name}: nobody serves {metric}"
    rules = {rule["name"]: rule for group in ask("rules")["groups"] for rule in group["rules"]}
    assert rules[name]["health"] == "ok", rules[name].get("lastError")


def test_targets_are_up_and_their_exemplars_arrive(asked):
    ask, _ = asked
    targets = ask("targets")["activeTargets"]
    assert {target["labels"]["job"]: target["health"] for target in targets} == {"python": "up", "go": "up"}
    exemplars = ask("query_exemplars", query="hedgerouter_request_first_token_seconds_bucket", start="0", end="9999999999")
    assert any(each["labels"]["request_id"].startswith("req-") for series in exemplars for each in series["exemplars"])


def test_metrics_agree_with_the_statistics(asked):
    ask, url = asked
    with urllib.request.urlopen(url + "/stats.json", timeout=10) as response:
        before = json.load(response)
    answered = before["groups"][0]["requests"]["ok"]

    def scraped():
        return float(ask("query", query='sum(hedgerouter_requests_total{job="python",outcome="ok"})')["result"][0]["value"][1])

    # Of another number than the one compared, an older scrape might do.
    lab.wait_for(lambda: scraped() >= answered, what="a scrape")
    found = scraped()
    with urllib.request.urlopen(url + "/stats.json", timeout=10) as response:
        after = json.load(response)
    assert answered <= found <= after["groups"][0]["requests"]["ok"]


def test_promtool_finds_nothing_wrong(asked):
    _, url = asked
    with urllib.request.urlopen(url + "/metrics", timeout=10) as response:
        text = response.read()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    rules = subprocess.run(["promtool", "check", "rules", str(SHARED / "prometheus-alerts.yml")], capture_output=True)
    assert rules.returncode == 0, rules.stdout
