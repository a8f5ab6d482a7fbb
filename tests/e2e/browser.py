"""A real browser on Locust's web UI."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1100",
]


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """Start the system's Chromium with a fresh profile, or skip the test with the reason."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with its driver on this machine (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()


def start_run(page: webdriver.Chrome, url: str, scenario: str, arm: str) -> None:
    """Choose scenario and arm in the form, as a person would, and press start."""
    page.get(url)
    wait = WebDriverWait(page, 20)
    wait.until(lambda shown: "Status" in shown.find_element(By.TAG_NAME, "body").text.title())
    for button in page.find_elements(By.TAG_NAME, "button"):
        if button.text.strip().upper() == "NEW":  # after an earlier run the form is behind this button
            button.click()
    wait.until(lambda shown: shown.find_elements(By.CSS_SELECTOR, "select[name=scenario]"))
    opener = next(each for each in page.find_elements(By.TAG_NAME, "button") if "Custom parameters" in each.text)
    page.execute_script("arguments[0].scrollIntoView()", opener)
    opener.click()
    wait.until(lambda shown: shown.find_element(By.CSS_SELECTOR, "select[name=scenario]").is_displayed())
    time.sleep(0.5)  # the form unfolds
    Select(page.find_element(By.CSS_SELECTOR, "select[name=scenario]")).select_by_value(scenario)
    Select(page.find_element(By.CSS_SELECTOR, "select[name=arms]")).select_by_value(arm)
    button = page.find_element(By.CSS_SELECTOR, "button[type=submit]")
    page.execute_script("arguments[0].scrollIntoView()", button)
    button.click()
    wait.until(lambda shown: shown.find_element(By.TAG_NAME, "body").text)
    wait.until(lambda shown: not any(each.is_displayed() for each in shown.find_elements(By.NAME, "scenario")))


def wait_until_stopped(page: webdriver.Chrome) -> None:
    """Wait until the page says that the test has ended."""
    WebDriverWait(page, 30).until(lambda shown: "STOPPED" in shown.find_element(By.TAG_NAME, "body").text)


def wait_for_report(results: Path, within_s: float = 60.0) -> Path:
    """Wait until the newest run has a report; return its folder."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = sorted(results.glob("*/latest/report.html"))
        if found:
            return found[-1].parent
        time.sleep(0.2)
    raise AssertionError(f"no report in {results} within {within_s:g} s")
