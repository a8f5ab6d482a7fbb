"""The dashboard in a real browser, over real services: what happens is seen, what is turned has effect."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import browser
import lab
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from client.pipeline.order import CallSettings
from loadtest.engines.live.control import Service
from loadtest.engines.live.services import child, own_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.browser
QUICK = {"latency": {"distribution": "constant", "mean_s": 0.01}}
PATIENCE_S = 20.0
PULSE = lab.Pulse()
CALM = {"policy": "consecutive", "fail_max": 3, "reset_timeout": 1.5}


@dataclass
class Desk:
    """The page, and the two services that it is about."""

    page: Chrome
    client: Service
    backend: Service

    def call(self, times: int = 1) -> list[int]:
        """Make protected calls; return their statuses."""
        return [_status(self.client.url) for _ in range(times)]

    def find(self, selector: str) -> WebElement:
        return self.page.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.page.execute_script("return document.querySelector(arguments[0]).innerText", selector))

    def state(self) -> str:
        """Return the state that is lit, as it is told without colour; '' while none is."""
        return str(
            self.page.execute_script(
                "const lit = document.querySelectorAll('.states [aria-current=true]');"
                "return lit.length === 1 && !lit[0].querySelector('.now').hidden ? lit[0].dataset.state : ''"
            )
        )

    def field(self, form: str, name: str) -> WebElement:
        return self.find(f"#{form} [name='{name}']")

    def fill(self, form: str, name: str, text: str) -> None:
        """Type into a field, and apply."""
        field = self.field(form, name)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)
        field.send_keys(Keys.ENTER)


def eventually(look: Callable[[], Any]) -> None:
    """Wait until `look()` is true, for as long as a busy machine may need."""
    within(PATIENCE_S, look)


def within(seconds: float, look: Callable[[], Any]) -> float:
    """Wait until `look()` is true; return how long that took, on a machine that ran all the time."""
    began = PULSE.time()
    while not look():
        assert PULSE.time() - began < seconds, f"not within {seconds:g} s"
        time.sleep(0.02)
    return PULSE.time() - began


def _status(url: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", "/data")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("dashboard")
    with browser.chromium(folder / "profile") as page, own_services(folder / "log") as urls:
        page.get(urls.client)
        yield Desk(page, Service("client", urls.client), Service("backend", urls.backend))


@pytest.fixture
def desk(opened: Desk) -> Desk:
    """Return the page as a user finds it, over services at rest."""
    opened.client.send("DELETE", "/traffic")
    opened.backend.send("PUT", "/faults", QUICK)
    opened.client.send("PATCH", "/breaker?fresh=true", CALM)
    opened.page.get(opened.client.url)
    ready = "return document.querySelectorAll('#faults [name=error_rate], #settings [name=fail_max]').length === 2"
    eventually(lambda: opened.state() == "closed" and opened.page.execute_script(ready))
    eventually(lambda: opened.field("faults", "latency.mean_s").get_property("value") == "0.01")
    return opened


def test_each_state_is_seen_within_a_second(desk: Desk) -> None:
    """Closed, open with its countdown, half-open while the probe is out, closed: and each with its cause."""
    assert desk.text("#connection") == "Live"
    desk.backend.send("PUT", "/faults", {"error_rate": 1})
    assert desk.call(3) == [502] * 3
    assert within(1, lambda: desk.state() == "open") < 1
    assert desk.text("#failures") == "3 of 3"
    counted = [float(desk.text("#next").removesuffix(" s"))]
    eventually(lambda: float(desk.text("#next").removesuffix(" s")) < counted[0])
    assert 0 < counted[0] <= 1.5
    eventually(lambda: desk.text("#next") == "due")
    desk.backend.send("PUT", "/faults", {"latency": {"mean_s": 1.5}})
    probe = threading.Thread(target=desk.call)
    probe.start()
    assert within(1, lambda: desk.state() == "half-open") < 1
    assert desk.text("#next") == "0 of 1"
    probe.join()
    assert within(1, lambda: desk.state() == "closed") < 1
    assert float(desk.text("#in-state").removesuffix(" s")) < 2
    told = desk.text("#transitions").replace("\n", " ")
    causes = ["half-open → closed probe succeeded", "open → half-open reset_timeout elapsed"]
    positions = [told.find(cause) for cause in [*causes, "closed → open fail_max reached"]]
    assert positions == sorted(positions)
    assert positions[0] >= 0
    within(
        4, lambda: "The breaker is closed: probe succeeded." in str(desk.find("#announce").get_property("textContent"))
    )


def test_the_breaker_is_set_by_hand(desk: Desk) -> None:
    """The three buttons; and the server's word where there is nothing to open."""
    for action, state in (("open", "open"), ("close", "closed")):
        desk.find(f"[data-by-hand={action}]").click()
        within(1, lambda expected=state: desk.state() == expected)  # type: ignore[misc]
        assert desk.text(".states [data-state=closed] .does") == "calls go through; failures are counted"
    desk.client.send("POST", "/breaker/open")
    eventually(lambda: desk.text(".states [data-state=open] .does") == "calls are refused until somebody closes it")
    desk.client.send("PATCH", "/breaker", {"policy": "off"})
    eventually(lambda: desk.text("#failures") == "not counted")
    desk.find("[data-by-hand=open]").click()
    eventually(lambda: desk.text("#by-hand-said") == "the policy is 'off': there is no breaker to set")


def test_every_policy_is_shown_in_its_own_terms(desk: Desk) -> None:
    """What is counted, and what comes next; a shadow says what it would have done."""
    told = {}
    for policy in ("count_window", "time_window", "throttle", "adaptive", "forced_open", "shadow"):
        desk.client.send("PATCH", "/breaker", {"policy": policy})
        desk.call(2)
        eventually(lambda expected=policy: desk.text("#guards").endswith(f"policy {expected}"))  # type: ignore[misc]
        eventually(lambda: desk.text("#failures")[0] in "0123456789n")
        told[policy] = [desk.state(), *(desk.text(f"#{part}") for part in ("failures-label", "next-label", "next"))]
    assert told == {
        "count_window": ["closed", "Failure rate", "Let through", "100 %"],
        "time_window": ["closed", "Failure rate", "Let through", "100 %"],
        "throttle": ["closed", "Not accepted", "Let through", "100 %"],
        "adaptive": ["closed", "Failures", "Let through", "100 %"],
        "forced_open": ["open", "Failures", "Next probe", "none"],
        "shadow": ["closed", "Failures", "Let through", "100 %"],
    }
    eventually(lambda: desk.text("#shadow").startswith("Shadow policy: consecutive, which would be closed"))


def test_the_knobs_change_the_backend(desk: Desk) -> None:
    """A preset, a value of one's own on top of it, and the way back; what another sets appears by itself."""
    buttons = {each.text: each for each in desk.page.find_elements(By.CSS_SELECTOR, ".presets button")}
    assert list(buttons) == ["healthy", "30 % errors", "outage", "slow", "limited capacity"]
    buttons["limited capacity"].click()
    eventually(lambda: desk.backend.get("/faults")["capacity"] == {"workers": 1, "queue": 100})
    eventually(lambda: desk.field("faults", "capacity.workers").get_property("value") == "1")
    eventually(lambda: buttons["limited capacity"].get_attribute("aria-pressed") == "true")
    desk.fill("faults", "error_rate", "0.25")
    eventually(lambda: desk.backend.get("/faults")["error_rate"] == 0.25)
    assert desk.backend.get("/faults")["capacity"] == {"workers": 1, "queue": 100}
    eventually(lambda: buttons["limited capacity"].get_attribute("aria-pressed") == "false")
    for name in ("capacity.workers", "capacity.queue"):
        desk.field("faults", name).send_keys(Keys.CONTROL, "a")
        desk.field("faults", name).send_keys(Keys.DELETE)
    desk.field("faults", "unreachable").click()
    desk.find("#faults form button.main").click()
    eventually(lambda: desk.backend.get("/faults")["unreachable"] is True)
    assert desk.backend.get("/faults")["capacity"] is None
    desk.find("#faults form button:not(.main)").click()
    eventually(lambda: desk.backend.get("/faults")["unreachable"] is False)
    assert desk.backend.get("/faults")["error_rate"] == 0
    desk.backend.send("PATCH", "/faults", {"hang_rate": 0.125})
    eventually(lambda: desk.field("faults", "hang_rate").get_property("value") == "0.125")


def test_the_knobs_change_the_breaker(desk: Desk) -> None:
    """What the policy reads is there, and nothing else; a change of it, of the policy, and the way back."""
    shown = [each.get_attribute("name") for each in desk.page.find_elements(By.CSS_SELECTOR, "#settings [name]")]
    assert {"fail_max", "reset_timeout", "failure_rate"} <= set(shown)
    assert not desk.field("settings", "failure_rate").is_displayed()
    desk.fill("settings", "fail_max", "7")
    eventually(lambda: desk.client.get("/breaker")["fail_max"] == 7)
    eventually(lambda: desk.text("#failures") == "0 of 7")
    desk.field("settings", "policy").send_keys("count")
    assert desk.field("settings", "failure_rate").is_displayed()
    assert not desk.field("settings", "fail_max").is_displayed()
    desk.fill("settings", "min_calls", "4")
    eventually(lambda: desk.client.get("/breaker")["policy"] == "count_window")
    assert desk.client.get("/breaker")["min_calls"] == 4
    desk.fill("settings", "timeout.total_s", "1.5")
    eventually(lambda: desk.client.get("/config")["timeout"]["total_s"] == 1.5)
    desk.fill("settings", "timeout.total_s", Keys.DELETE)
    eventually(lambda: desk.client.get("/config")["timeout"]["total_s"] is None)
    desk.find("#settings form button:not(.main)").click()
    eventually(lambda: desk.client.get("/breaker")["policy"] == "consecutive")
    found = desk.client.get("/config")
    assert (found["breaker"]["fail_max"], found["breaker"]["min_calls"], found["timeout"]["total_s"]) == (5, 20, 3)


def test_the_form_has_every_section_of_the_settings(desk: Desk) -> None:
    """The breaker's fields by their own names, those of others with the section before; a change, and the way back."""
    names = {each.get_attribute("name") for each in desk.page.find_elements(By.CSS_SELECTOR, "#settings [name]")}
    config = desk.client.get("/config")
    wanted = {
        f"{section}.{name}" for section in CallSettings.model_fields if section != "breaker" for name in config[section]
    }
    assert wanted == {each for each in names if "." in str(each)}
    desk.field("settings", "fallback.enabled").click()
    desk.find("#settings form button.main").click()
    eventually(lambda: desk.client.get("/config")["fallback"]["enabled"] is False)
    desk.client.send("PATCH", "/config", {"fallback": {"message": "Later."}})
    eventually(lambda: desk.field("settings", "fallback.message").get_property("value") == "Later.")
    desk.find("#settings form button:not(.main)").click()
    eventually(lambda: desk.client.get("/config")["fallback"] == config["fallback"])


@pytest.mark.parametrize(
    ("form", "name", "text", "said"),
    [
        ("faults", "error_rate", "2", "error_rate: got 2; allowed: a number >= 0 and <= 1"),
        (
            "faults",
            "capacity.workers",
            "some",
            "capacity.workers: got 'some'; allowed: a whole number >= 1 and <= 10000",
        ),
        ("settings", "fail_max", "0", "breaker.fail_max: got 0; allowed: a whole number >= 1 and <= 1000000"),
        ("settings", "timeout.total_s", "-1", "timeout.total_s: got -1; allowed: a number > 0 and <= 3600"),
    ],
)
def test_a_wrong_value_shows_the_servers_own_words(desk: Desk, form: str, name: str, text: str, said: str) -> None:
    """Beside the field, which has the focus and says that it is wrong; nothing is applied; a right one clears it."""
    before = desk.backend.get("/faults"), desk.client.get("/config")
    right = str(desk.field(form, name).get_property("value"))
    desk.fill(form, name, text)
    eventually(lambda: desk.field(form, name).get_attribute("aria-invalid") == "true")
    described = [
        desk.find(f"#{each}") for each in str(desk.field(form, name).get_attribute("aria-describedby")).split()
    ]
    assert described[0].text == said
    field, word = desk.field(form, name).rect, described[0].rect
    assert 0 <= word["y"] - field["y"] < 120
    assert desk.page.switch_to.active_element == desk.field(form, name)
    assert (desk.backend.get("/faults"), desk.client.get("/config")) == before
    desk.fill(form, name, right or Keys.DELETE)
    eventually(lambda: desk.field(form, name).get_attribute("aria-invalid") is None)
    assert not described[0].is_displayed()


def test_the_button_makes_the_page_alive(desk: Desk) -> None:
    """Requests come, are counted and drawn; the same button ends it."""
    drawn = "return document.querySelector('#chart').toDataURL()"
    desk.find("#traffic").click()
    eventually(lambda: desk.text("#traffic").startswith("Stop the traffic"))
    eventually(lambda: desk.text("#rate") != "0" and desk.text("#success") == "100 %")
    eventually(lambda: "seen in the last 2 minutes" in desk.text("#summary"))
    eventually(lambda: int(desk.text("#legend li b")) > 5)
    one = desk.page.execute_script(drawn)
    eventually(lambda: desk.page.execute_script(drawn) != one)
    assert "Every request is a point." in desk.text("figcaption")
    desk.find("#traffic").click()
    eventually(lambda: desk.text("#traffic") == "Send test traffic")
    assert desk.client.get("/traffic")["on"] is False
    desk.client.send("POST", "/breaker/open")
    saved = int(desk.text("#saved"))
    assert desk.call(2) == [503, 503]
    eventually(lambda: desk.text("#saved") == str(saved + 2))


def test_at_full_rate_the_page_stays_responsive(desk: Desk) -> None:
    """More than 1,000 requests/s: it says that it shows a sample, and no frame comes late by half a second."""
    desk.client.send("POST", "/breaker/open")
    desk.client.send("PATCH", "/breaker", {"reset_timeout": 60})
    desk.client.send("POST", "/breaker/open")
    before, began = desk.client.get("/stats")["requests"], time.monotonic()
    desk.page.execute_script(
        "window.longest = 0; let last = performance.now();"
        "const step = (now) => {"
        " window.longest = Math.max(window.longest, now - last); last = now; requestAnimationFrame(step); };"
        "requestAnimationFrame(step)"
    )
    with hammering(desk.client.url):
        eventually(lambda: "Points are a sample" in desk.text("#sampling"))
        eventually(lambda: int(desk.text("#rate").replace(",", "")) > 1000)
        longest = []
        while len(longest) < 3 and min(longest, default=500) >= 500:  # the machine itself may stand still for a while
            desk.page.execute_script("window.longest = 0")
            time.sleep(1.5)
            longest.append(desk.page.execute_script("return window.longest"))
        desk.find("[data-by-hand=close]").click()
        assert within(1, lambda: desk.state() == "closed") < 1
        seconds = time.monotonic() - began
    assert (desk.client.get("/stats")["requests"] - before) / seconds > 1000
    assert 0 < min(longest) < 500
    eventually(lambda: desk.text("#rate") == "0")
    time.sleep(1.1)  # the words below the chart are made anew each second
    assert "Points are a sample" in desk.text("#sampling")  # as long as they are in the chart


@contextmanager
def hammering(url: str, connections: int = 8) -> Iterator[None]:
    """Ask for /data over and over, on connections that are kept."""
    done = False

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 10) as connection:
            while not done:
                connection.sendall(b"GET /data HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.recv(65536)

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        done = True
        for each in threads:
            each.join()


def test_it_says_that_it_is_not_connected_and_comes_back(opened: Desk, tmp_path: Path) -> None:
    """The client ends: the page says so and lights no state as if it knew; another one starts: counts begin anew.

    A reset of the settings goes back to what the present client was started with, not the one before.
    Its backend is away all the while, which the page says beside the knobs, in the client's words.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": str(port), "CLIENT_BACKEND_URL": "http://127.0.0.1:9"}
    with ExitStack() as first:
        url = first.enter_context(child("client", where, tmp_path / "log"))
        opened.page.get(url)
        desk = Desk(opened.page, Service("client", url), opened.backend)
        eventually(lambda: desk.text("#connection") == "Live")
        eventually(lambda: "the backend cannot be reached" in desk.text("#faults-away"))
        assert desk.call(5) == [502] * 5
        within(1, lambda: desk.state() == "open")
    within(2, lambda: desk.text("#connection") == "Not connected")
    assert "The page shows the last known state" in desk.text("#offline")
    assert desk.text(".states .lit .now") == "last known"
    assert desk.find(".states .lit").value_of_css_property("border-top-style") == "dashed"
    assert _findings(desk.page) == []
    with child("client", {**where, "CLIENT_BREAKER__FAIL_MAX": "7"}, tmp_path / "log"):
        eventually(lambda: desk.text("#connection") == "Live")
        within(1, lambda: desk.state() == "closed" and not desk.find("#offline").is_displayed())
        assert desk.text("#saved") == "0"
        assert desk.text("#transitions") == "None yet."
        assert "restarted" in str(desk.find("#announce").get_property("textContent"))
        desk.client.send("PATCH", "/breaker", {"fail_max": 9})
        eventually(lambda: desk.text("#failures") == "0 of 9")
        desk.find("#settings .buttons button[type=button]").click()  # Reset: as this one was started
        eventually(lambda: desk.text("#failures") == "0 of 7")
    opened.page.get_log("browser")  # the refused connections


def _emulate(page: Chrome, *, dark: bool, phone: bool) -> None:
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    if phone:
        size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    else:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_accessible(desk: Desk, dark: bool, phone: bool) -> None:
    """No finding of axe-core, in both schemes and widths, open, with everything unfolded and a wrong value shown."""
    try:
        _emulate(desk.page, dark=dark, phone=phone)
        desk.client.send("POST", "/breaker/open")
        within(1, lambda: desk.state() == "open")
        desk.page.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
        desk.fill("faults", "error_rate", "2")
        eventually(lambda: desk.field("faults", "error_rate").get_attribute("aria-invalid") == "true")
        found = _findings(desk.page)
        if phone:
            assert desk.page.execute_script("return document.documentElement.scrollWidth") <= 360
            tops = [each.rect["y"] for each in desk.page.find_elements(By.CSS_SELECTOR, ".card")]
            assert len(set(tops)) == len(tops)  # one column
    finally:
        _emulate(desk.page, dark=False, phone=False)
    assert found == []


def test_nothing_sticks_out_on_the_narrowest_phone(desk: Desk) -> None:
    """Neither a long name without a gap nor the longest state's."""
    try:
        desk.client.send("PATCH", "/breaker", {"name": 25 * "long"})
        desk.page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 320, "height": 740, "deviceScaleFactor": 2, "mobile": True}
        )
        eventually(lambda: "longlong" in desk.text("#guards"))
        out = "return [...document.querySelectorAll('.states li')].filter(each => each.scrollWidth > each.clientWidth)"
        assert desk.page.execute_script(out) == []
        assert desk.page.execute_script("return document.documentElement.scrollWidth") <= 320
    finally:
        desk.client.send("PATCH", "/breaker", {"name": "backend-service-breaker"})
        _emulate(desk.page, dark=False, phone=False)


def _findings(page: Chrome) -> list[Any]:
    """Let axe-core look at the page; return what it found, of whatever weight."""
    axe = resources.files("selenium_axe_python") / "axe-core" / "axe.min.js"
    page.execute_script(axe.read_text(encoding="utf-8"))
    found = page.execute_async_script("axe.run().then(arguments[0])")
    assert len(found["passes"]) > 20
    return [(each["id"], each["impact"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def test_it_is_used_by_keyboard_alone(desk: Desk) -> None:
    """Tab reaches every control in order, each visibly, and leaves at the end; Enter and the arrows do the rest."""
    desk.page.execute_script("document.activeElement.blur()")
    focused = (
        "const each = document.activeElement; const style = getComputedStyle(each);"
        "const box = each.getBoundingClientRect();"
        "return [each === document.body ? 'BODY' :"
        " each.id || each.name || each.innerText || each.ariaLabel || each.tagName,"
        " (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) && box.width > 0]"
    )
    seen: list[str] = []
    while len(seen) < 120:
        desk.page.switch_to.active_element.send_keys(Keys.TAB)
        name, visible = desk.page.execute_script(focused)
        if name == "BODY" or (seen and name == seen[0]):
            break
        assert visible, name
        seen.append(name)
    wanted = ["Skip to the breaker", "traffic", "Open", "Close", "Reset", "transitions", "span", "healthy", "outage"]
    assert [each for each in wanted if each not in seen] == []
    assert [seen.index(each) for each in wanted] == sorted(seen.index(each) for each in wanted)
    assert {"faults-error_rate", "error_rate, slider", "settings-fail_max"} <= set(seen)
    assert len(seen) < 120
    outage = next(each for each in desk.page.find_elements(By.CSS_SELECTOR, ".presets button") if each.text == "outage")
    _tab_to(desk, outage)
    desk.page.switch_to.active_element.send_keys(Keys.ENTER)
    eventually(lambda: desk.backend.get("/faults")["error_rate"] == 1)
    eventually(lambda: desk.field("faults", "error_rate").get_property("value") == "1")
    _tab_to(desk, desk.find("[aria-label='error_rate, slider']"))
    desk.page.switch_to.active_element.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    assert desk.field("faults", "error_rate").get_property("value") == "0.01"
    _tab_to(desk, desk.find("#faults form button.main"))
    desk.page.switch_to.active_element.send_keys(Keys.SPACE)
    eventually(lambda: desk.backend.get("/faults")["error_rate"] == 0.01)


def _tab_to(desk: Desk, target: WebElement) -> None:
    for _ in range(120):
        if desk.page.switch_to.active_element == target:
            return
        desk.page.switch_to.active_element.send_keys(Keys.TAB)
    raise AssertionError("Tab does not get there")


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_complained_about(desk: Desk) -> None:
    """Every resource from the client itself, and an empty console: no error, no breach of the page's own policy."""
    desk.page.get_log("browser")
    desk.page.get(desk.client.url)
    within(
        5, lambda: desk.state() == "closed" and desk.page.find_elements(By.CSS_SELECTOR, "#faults [name=error_rate]")
    )
    loaded = desk.page.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert len(loaded) > 10
    assert [each for each in loaded if not each.startswith(desk.client.url)] == []
    assert desk.page.get_log("browser") == []
    assert json.loads(
        desk.page.execute_script("return JSON.stringify([...document.scripts].map(each => each.src))")
    ) == [f"{desk.client.url}/dashboard/main.js"]
