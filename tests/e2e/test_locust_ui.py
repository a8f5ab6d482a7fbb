"""Locust's web UI and the reports behind it, in a real browser."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

import browser
import lab
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver


class Ui(NamedTuple):
    """The lab's web UI, a browser on it, where its runs go, and the short scenario that its form offers."""

    url: str
    page: webdriver.Chrome
    results: Path
    scenario: str

    def runs(self) -> list[Path]:
        """Return the folders of all runs, oldest first."""
        return sorted(path.parent for path in self.results.glob("*/2*/manifest.json"))


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, finished: tuple[str, Path]) -> Iterator[Ui]:
    """Start everything once, after the run without a UI, which keeps to a time; at the end, nothing is left of it."""
    assert finished
    root = tmp_path_factory.mktemp("ui")
    scenario, results = lab.scenario(root), root / "results"
    with browser.chromium(root / "profile") as page, lab.web_ui(results, root) as (url, _):
        yield Ui(url, page, results, str(scenario))


@pytest.fixture(scope="module")
def seen(ui: Ui) -> list[tuple[str, str, str]]:
    """Run the short scenario from the form; return (state, arm, link) of the Breaker tab, each time that it changed."""
    page = ui.page
    page.get(ui.url)
    browser.fill_form(page, ui.scenario, ["with", "without"])
    browser.open_tab(page, "Breaker")
    again = json.loads(urllib.request.urlopen(f"{ui.url}/swarm", b"scenario=experiment-1", timeout=30).read())
    assert (again["success"], again["message"].partition(":")[0]) == (
        False,
        "a run is in progress, or its report is being written",
    )
    found: list[tuple[str, str, str]] = []
    until = time.monotonic() + 40
    while time.monotonic() < until and not (found and found[-1][2]):
        facts = page.execute_script(
            "return [document.querySelector('#breaker-state')?.innerText || '',"
            " document.querySelector('#breaker-lab .now')?.innerText.match(/arm\\n(.*)/)?.[1] || '',"
            " document.querySelector('#breaker-report')?.href || '']"
        )
        if not found or tuple(facts) != found[-1]:
            found.append(tuple(facts))
        time.sleep(0.05)
    return found


@pytest.mark.browser
def test_a_wrong_value_is_told_beneath_the_form(ui: Ui) -> None:
    """The sentence of the command line, and no run."""
    ui.page.get(ui.url)
    browser.fill_form(ui.page, ui.scenario, seeds="1-x")

    assert browser.wait_for(ui.page, "[role=alert]").text == (
        "seeds: got '1-x'; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9"
    )
    assert browser.wait_for(ui.page, "input[name=host]").get_attribute("readonly") == "true"
    other = b"scenario=experiment-1&user_count=1&spawn_rate=1&run_time=abc&results=x&host=http://127.0.0.1:9"
    answer = json.loads(urllib.request.urlopen(f"{ui.url}/swarm", other, timeout=30).read())
    assert answer["success"] is False
    assert [each.partition(":")[0] for each in answer["message"].split("; ") if "allowed:" not in each[:9]] == [
        "'results'",
        "run_time",
        "host",
    ]
    assert ui.runs() == []


@pytest.mark.browser
def test_the_tab_shows_the_trip_as_it_happens(ui: Ui, seen: list[tuple[str, str, str]]) -> None:
    """Arm after arm, the breaker goes open and comes back while the run goes, and at the end there is a link."""
    states = [(state, arm) for state, arm, link in seen if not link]

    assert ("no breaker", "without (1 of 2)") in states
    assert ("open", "with (2 of 2)") in states
    assert [link for _, _, link in seen if link] == [f"{ui.url}/results/short/{ui.runs()[0].name}/report.html"]
    shown = [line.split("\t") for line in browser.text_of(ui.page, "#breaker-transitions").splitlines()]
    assert [line[1:] for line in shown[1:]] == [
        ["half-open → closed", "probe succeeded", "with"],
        ["open → half-open", "reset_timeout elapsed", "with"],
        ["closed → open", "fail_max reached", "with"],
    ]
    assert [line.split("\t") for line in browser.text_of(ui.page, "#breaker-counts").splitlines()] == [
        ["arm", "ok", "error", "timeout", "fast-fail"],
        ["without", "15", "7", "0", "0"],
        ["with", "8", "7", "0", "7"],
    ]


@pytest.mark.browser
def test_the_charts_have_the_outcomes_as_series(ui: Ui, seen: list[tuple[str, str, str]]) -> None:
    """Below Locust's own charts, in either of its themes; other tabs are left alone."""
    assert seen
    browser.open_tab(ui.page, "Charts")
    browser.wait_for(ui.page, "#breaker-outcomes")
    assert browser.text_of(ui.page, "#breaker-outcomes .legend").splitlines()[:4] == [
        *("ok 23", "error 14", "timeout 0", "fast-fail 7"),
    ]
    drawn = ui.page.execute_script(
        "return [...new Set([...document.querySelectorAll('#breaker-outcomes rect[data-outcome]')]"
        ".map((each) => each.dataset.outcome))].sort()"
    )
    assert drawn == ["error", "fast_fail", "ok"]
    before = ui.page.find_element(By.ID, "breaker-lab").get_attribute("data-theme")
    ui.page.execute_script(
        "[...document.querySelectorAll('header button')]"
        ".find((each) => each.offsetParent && !each.innerText.trim()).click()"
    )
    browser.wait_for(ui.page, f"#breaker-lab:not([data-theme={before}])", 5)
    browser.open_tab(ui.page, "Statistics")
    assert "with: fast_fail" in browser.wait_for(ui.page, "main table").text
    assert not ui.page.find_element(By.ID, "breaker-lab").is_displayed()


@pytest.mark.browser
def test_a_run_from_the_form_has_the_rows_of_one_without(
    ui: Ui, seen: list[tuple[str, str, str]], finished: tuple[str, Path]
) -> None:
    """Every request with the same fate at the same intended time; only what a clock measured differs."""
    assert seen
    folders = ui.runs()[0], finished[1]

    ours, theirs = (sorted((_settled(row) for row in lab.rows(each)), key=json.dumps) for each in folders)

    assert len(ours) == 44
    assert ours == theirs
    figures = lab.summary(folders[0])
    assert figures["complete"] is True
    assert lab.failed_checks(folders[0]) == []


@pytest.mark.browser
def test_the_virtual_engine_from_the_form(ui: Ui, seen: list[tuple[str, str, str]]) -> None:
    """The arms and the engine that were chosen, on as many seeds as were named."""
    assert seen
    ui.page.get(f"{ui.url}/?tab=breaker")
    browser.fill_form(ui.page, ui.scenario, ["with"], engine="virtual", seeds="1-2")
    browser.wait_for(ui.page, f"#breaker-report:not([href*='{ui.runs()[0].name}'])")

    found = lab.rows(ui.runs()[-1])

    assert ui.runs()[-1].name.endswith("-virtual")
    assert [(row["arm"], row["seed"], row["id"]) for row in found] == [
        ("with", seed, number) for seed in (1, 2) for number in range(1, 23)
    ]


@pytest.mark.browser
def test_a_report_answers_the_mouse_and_the_keyboard(ui: Ui, seen: list[tuple[str, str, str]]) -> None:
    """Hover a request, zoom in time, filter by outcome."""
    page = ui.page
    page.get(seen[-1][2])
    shown = ".requests .count"
    browser.wait_for(page, shown)  # on a busy machine, `get` may return before the page is there
    assert browser.text_of(page, shown) == "44 of 44 requests"
    assert not page.find_element(By.CSS_SELECTOR, ".chart.timeline").is_displayed()
    refused = page.find_element(By.CSS_SELECTOR, "svg[data-arm=with] path[data-outcome=fast_fail]")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", refused)
    ActionChains(page, 50).move_to_element(refused).perform()
    tip = browser.text_of(page, ".requests .tip").splitlines()
    assert tip[0] == "request 10 of with"
    assert tip[1].startswith("fast-fail after ")
    assert tip[3:] == ["breaker open, 5 failures counted", "served: fallback", "the backend would have said: ok"]

    page.find_element(By.CSS_SELECTOR, "input[value=error]").click()
    assert browser.text_of(page, shown) == "30 of 44 requests"
    assert page.find_elements(By.CSS_SELECTOR, ".requests path[data-outcome=error][data-id]") == []
    plot = page.find_element(By.CSS_SELECTOR, "svg[data-arm=with]")
    ActionChains(page, 50).move_to_element_with_offset(plot, 150, 0).click_and_hold().move_by_offset(
        250, 0
    ).release().perform()
    start, end = (float(page.find_element(By.NAME, name).get_attribute("value") or 0) for name in ("from", "to"))
    assert 1.6 < start < end < 3.6  # of about 3.6 s
    assert browser.text_of(page, shown) != "30 of 44 requests"
    plot = page.find_element(By.CSS_SELECTOR, "svg[data-arm=with]")
    plot.send_keys("0")
    assert browser.text_of(page, shown) == "30 of 44 requests"
    page.switch_to.active_element.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    assert browser.text_of(page, ".requests .tip").startswith("request 4 of with\nok")
    page.switch_to.active_element.send_keys("+")
    assert browser.text_of(page, shown) != "30 of 44 requests"
    assert browser.text_of(page, ".requests .tip").startswith("request 4 of with\nok")  # it is still the one


@pytest.mark.browser
def test_a_report_is_complete_in_print_and_without_javascript(ui: Ui, seen: list[tuple[str, str, str]]) -> None:
    """The drawing is there with everything on it, and nothing that needs a click."""
    page = ui.page
    page.get(seen[-1][2])
    browser.wait_for(page, ".requests .count")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    in_print = [each.is_displayed() for each in page.find_elements(By.CSS_SELECTOR, ".chart.timeline, .requests")]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.refresh()
    without = [each.is_displayed() for each in page.find_elements(By.CSS_SELECTOR, ".chart.timeline, .requests")]
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert (in_print, without) == ([True, False], [True])


@pytest.mark.browser
def test_two_runs_side_by_side(ui: Ui, seen: list[tuple[str, str, str]], finished: tuple[str, Path]) -> None:
    """The run from the form against the one without a form: the same weather, and no difference but in times."""
    assert seen
    second = ui.runs()[0]
    done = lab.loadtest("report", str(finished[1]), str(second))
    assert done.returncode == 0, done.stderr
    ui.page.get(f"{ui.url}/results/index.html")
    ui.page.find_element(By.PARTIAL_LINK_TEXT, f"-{second.name}").click()

    tables = [each.text for each in ui.page.find_elements(By.TAG_NAME, "table")]
    assert "fast-fail rate 31.8 % 31.8 % +0.0 points" in tables[2]
    assert "Paired, one seed that both runs have, on the same weather" in browser.text_of(ui.page, "body")
    assert "One run of each is an anecdote" in browser.text_of(ui.page, "body")


@pytest.mark.browser
def test_the_page_of_all_runs(ui: Ui, seen: list[tuple[str, str, str]]) -> None:
    """Newest first, with headlines; words choose among them; a link leads to the report."""
    page = ui.page
    assert seen
    page.get(f"{ui.url}/results/")
    runs = page.find_elements(By.CSS_SELECTOR, ".runs > li")
    links = [run.find_element(By.CSS_SELECTOR, "h3 a").get_attribute("href") for run in runs]
    assert links == [f"{ui.url}/results/short/{run.name}/report.html" for run in reversed(ui.runs())]
    assert "Arm with against without: the mean response time went from" in runs[-1].text
    page.find_element(By.NAME, "words").send_keys("live engine")
    assert [run.is_displayed() for run in runs] == [each == links[-1] for each in links]


@pytest.mark.browser
@pytest.mark.parametrize(
    "path", ["/results/../../../etc/passwd", "/results//etc/passwd", "/results/.ui.log", "/breaker/../x"]
)
def test_no_other_file_leaves_the_server(ui: Ui, path: str) -> None:
    """Sent as it stands, which no browser would do."""
    connection = http.client.HTTPConnection(ui.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()

    assert answer.status in (301, 308, 404)
    assert b"root:" not in body


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Exit code 2, and which port."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = lab.loadtest("ui", "--port", str(port), "--out", str(tmp_path))
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 cannot be used" in done.stderr


def _settled(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a request must have in every run of a scenario whose faults do not depend on time."""
    return {name: value for name, value in row.items() if name not in ("sent_s", "duration_s")}
