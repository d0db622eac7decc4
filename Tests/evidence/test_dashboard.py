# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser: what it shows is what the stats document says, and nothing complains.

Pictures of every state are left in .build/evidence for people to look at.
"""

import contextlib
import json
import re
import threading
import urllib.request

import lab
import pytest
from browser import CHROMIUM, Browser

PICTURES = lab.ROOT / ".build" / "evidence"
# Every figure of the page that names its place in the stats document.
FIGURES = """[...document.querySelectorAll('[data-stat]')].filter(e => e.dataset.stat)
    .map(e => [e.dataset.stat, e.dataset.value, e.textContent])"""


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "no chromium; scripts/setup.sh test installs it"
    found = Browser()
    yield found
    found.close()


def place(document, path):
    """The value at a path such as `groups[0].streaming.actual.p95.ms`; None where there is none."""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            document = document[name] if name else document[int(index)]
        except (KeyError, TypeError, IndexError):
            return None
    return document


def open_page(browser, url, **view):
    del browser.messages[:]
    browser.show(url + "/", **view)
    lab.wait_for(lambda: browser.value(
        "typeof stats === 'object' && stats !== null && document.getElementById('tiles').children.length > 0"))


def agrees(browser, least):
    """Every figure equals the document the page was drawn from, in one turn of the page's own loop."""
    figures, document = json.loads(browser.value(f"JSON.stringify([{FIGURES}, stats])"))
    assert len(figures) >= least
    for path, value, _ in figures:
        expected = place(document, path)
        assert (float(value) if value else None) == (expected if expected is None else float(expected)), path
    return document


def quiet(browser):
    assert browser.messages == []


def width_fits(browser):
    assert browser.value("document.documentElement.scrollWidth <= window.innerWidth")


@contextlib.contextmanager
def routed(*upstreams, **settings):
    with lab.upstreams(*upstreams):
        router = lab.hedgerouter.Router(lab.configuration(upstreams, **settings))
        try:
            with lab.host(router) as url:
                yield router, url
        finally:
            router.close()


def test_page_shows_live_load_in_every_form(browser):
    several = [lab.Upstream("steady", lab.tailed(.04, .02, 3), seed=1), lab.Upstream("tailed", lab.tailed(.03, .1, 9), seed=2)]
    with routed(*several, arguments={"control_fraction": .05}) as (router, url), lab.Load(router, callers=6) as load:
        load.until(400, 60)
        open_page(browser, url)
        document = agrees(browser, 20)
        assert document["hedges"]["fired"] > 0 and document["spent"]["cost"] > 0
        before = document["requests"]["submitted"]
        # It goes on by itself.
        lab.wait_for(lambda: browser.value("stats.requests.submitted") > before, what="fresh figures")
        assert agrees(browser, 20)["requests"]["submitted"] > before
        assert browser.value("document.getElementById('alarm').hidden && document.getElementById('empty').hidden")
        for name in ("actual", "without"):
            assert browser.value(f"document.querySelectorAll('#curve path.{name}').length") >= 1
        browser.screenshot(PICTURES / "normal.png")
        width_fits(browser)
        # Keys alone read the chart.
        browser.value("document.getElementById('curve').focus()")
        browser.press("ArrowRight")
        browser.press("ArrowRight")
        assert "Slower than" in browser.value("document.getElementById('curve-readout').textContent")
        browser.value("document.getElementById('theme').click()")
        assert browser.value("document.documentElement.dataset.theme") == "dark"
        quiet(browser)

        open_page(browser, url, dark=True)
        assert browser.value("getComputedStyle(document.documentElement).backgroundColor") == "rgb(19, 20, 22)"
        browser.screenshot(PICTURES / "dark.png")
        quiet(browser)

        open_page(browser, url, width=390, height=844, phone=True)
        agrees(browser, 20)
        width_fits(browser)
        browser.screenshot(PICTURES / "phone.png")
        quiet(browser)


def test_page_of_a_router_without_requests_says_so(browser):
    with routed(lab.Upstream("a"), lab.Upstream("b")) as (_, url):
        open_page(browser, url)
        assert browser.value("document.getElementById('empty').hidden") is False
        assert agrees(browser, 8)["requests"]["submitted"] == 0
        browser.screenshot(PICTURES / "empty.png")
        width_fits(browser)
        quiet(browser)


def test_page_of_a_total_outage_raises_the_alarm(browser):
    with routed(lab.Upstream("a", status=503), lab.Upstream("b", status=503), settings={"cooldown_time": 60}) as (router, url):
        with lab.Load(router, callers=2):
            lab.wait_for(lambda: all(d["health"]["state"] == "cooling" for d in router.stats()["deployments"]))
        open_page(browser, url)
        assert browser.value("document.getElementById('alarm').hidden") is False
        assert "Every deployment of chat is out" in browser.value("document.getElementById('alarm').textContent")
        assert browser.value("document.querySelectorAll('#timeline rect').length") >= 2
        agrees(browser, 12)
        browser.screenshot(PICTURES / "outage.png")
        width_fits(browser)
        quiet(browser)

        open_page(browser, url, width=390, height=844, phone=True, dark=True)
        browser.screenshot(PICTURES / "outage-phone.png")
        width_fits(browser)
        quiet(browser)


def test_page_follows_the_chosen_group(browser):
    slow = lab.Upstream("slow", first_token=lambda rng: .3, tokens=lambda rng: 2)
    fast = lab.Upstream("fast", first_token=lambda rng: .002, tokens=lambda rng: 2)
    with lab.upstreams(slow, fast) as several:
        config = lab.configuration(several, settings={"routing_strategy": "simple-shuffle"}, arguments={
            "hedge_threshold_ms": 20, "hedge_threshold_min_ms": 0, "hedge_budget": 1, "control_fraction": 0,
            "enable_cold_start_parallel": False})
        config["model_list"].append({**config["model_list"][1], "model_name": "calm", "model_info": {"id": "calm-1"}})
        router = lab.hedgerouter.Router(config)
        with lab.host(router) as url:
            for _ in range(12):
                for group in ("chat", "calm"):
                    list(router.completion(group, [{"role": "user", "content": "hi"}], stream=True))
            open_page(browser, url)
            document = agrees(browser, 12)
            hedges = {group["name"]: group["hedges"] for group in document["groups"]}
            assert hedges["chat"]["fired"] > 0 and hedges["calm"]["fired"] == 0
            assert hedges["chat"]["fired"] == document["hedges"]["fired"]
            for name, fired in (("calm", 0), ("chat", hedges["chat"]["fired"])):
                index = [group["name"] for group in document["groups"]].index(name)
                browser.value(f"""(() => {{ const s = document.getElementById('group'); s.value = '{name}';
                    s.dispatchEvent(new Event('change')); }})()""")
                shown = browser.value(f"""document.querySelector('[data-stat="groups[{index}].hedges.fired"]').textContent""")
                assert int(shown) == fired
                assert name in browser.value("document.getElementById('funnel-note').textContent")
                agrees(browser, 12)
            # Everything that can be done can be reached with the keyboard, in the order of the page.
            browser.value("document.body.focus()")
            order = []
            for _ in range(6):
                browser.press("Tab")
                order.append(browser.value("document.activeElement.id || document.activeElement.className"))
            assert order[:5] == ["skip", "group", "kind", "theme", "curve"]
            browser.screenshot(PICTURES / "groups.png")
            quiet(browser)
        router.close()


def test_names_are_text_and_never_markup(browser):
    name = "<img src=x onerror=alert(1)>"
    with routed(lab.Upstream("a"), group=name) as (router, url):
        assert router.completion(name, [{"role": "user", "content": "hi"}]).choices
        config = lab.configuration([lab.Upstream("b")], group=name)
        config["model_list"][0]["model_info"]["id"] = name
        router.reload(config)
        open_page(browser, url)
        assert browser.value("document.querySelectorAll('main img').length") == 0
        assert name in browser.value("document.getElementById('fleet').textContent")
        quiet(browser)


def test_page_says_when_its_router_is_gone(browser):
    with routed(lab.Upstream("a")) as (router, url):
        open_page(browser, url)
        router.close()
        lab.wait_for(lambda: browser.value("document.getElementById('live').className") == "stale", what="the stale mark")
        assert browser.value("document.getElementById('tiles').children.length") > 0


def test_page_asks_for_nothing_but_its_statistics():
    with routed(lab.Upstream("a")) as (_, url):
        with urllib.request.urlopen(url + "/") as response:
            page, policy = response.read().decode(), response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "connect-src 'self'" in policy
        links = re.findall(r"""(?:src|href)=["']?([^"'> ]+)""", page) + re.findall(r"""fetch\("([^"]+)""", page)
        assert set(links) <= {"#main", "data:,", "stats.json"}
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert threading.active_count() < 200
