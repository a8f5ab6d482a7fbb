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
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from selenium.webdriver.remote.webelement import WebElement

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
def chromium(profile: Path, *more: str) -> Iterator[webdriver.Chrome]:
    """Start the system's Chromium with a fresh profile and `more` flags, or skip the test with the reason."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with its driver on this machine (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*FLAGS, *more, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()


def fill_form(page: webdriver.Chrome, scenario: str, arms: Sequence[str] = (), **fields: str) -> None:
    """Choose scenario and arms in the form, write into its other fields, and press start, as a person would."""
    wait = WebDriverWait(page, 20)
    wait.until(lambda shown: shown.find_elements(By.CSS_SELECTOR, "header"))
    for button in page.find_elements(By.TAG_NAME, "button"):
        if button.text.strip().upper() == "NEW":  # after an earlier run the form is behind this button
            button.click()
    wait.until(lambda shown: shown.find_elements(By.CSS_SELECTOR, "select[name=scenario]"))
    choice = page.find_element(By.CSS_SELECTOR, "select[name=scenario]")
    if not choice.is_displayed():
        opener = next(each for each in page.find_elements(By.TAG_NAME, "button") if "Custom parameters" in each.text)
        page.execute_script("arguments[0].scrollIntoView()", opener)
        opener.click()
        wait.until(lambda _: choice.is_displayed())
        time.sleep(0.4)  # the form unfolds
    Select(choice).select_by_value(scenario)
    shown_arms = Select(page.find_element(By.CSS_SELECTOR, "select[name=arms]"))
    shown_arms.deselect_all()
    for arm in arms:
        shown_arms.select_by_visible_text(f"{scenario}: {arm}")
    if "engine" in fields:
        Select(page.find_element(By.CSS_SELECTOR, "select[name=engine]")).select_by_value(fields.pop("engine"))
    for name, text in fields.items():
        field = page.find_element(By.CSS_SELECTOR, f"input[name={name}]")
        field.send_keys(Keys.CONTROL, "a", Keys.DELETE)
        field.send_keys(text)
    button = page.find_element(By.CSS_SELECTOR, "button[type=submit]")
    page.execute_script("arguments[0].scrollIntoView()", button)
    button.click()


def open_tab(page: webdriver.Chrome, title: str) -> None:
    """Choose one of Locust's tabs."""
    tabs = WebDriverWait(page, 20).until(lambda shown: shown.find_elements(By.CSS_SELECTOR, "[role=tab]"))
    next(tab for tab in tabs if tab.text.strip().upper() == title.upper()).click()


def text_of(page: webdriver.Chrome, css: str) -> str:
    """Return the text of an element as it is shown at this moment, '' where there is none."""
    found: str = page.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", css)
    return found.strip()


def wait_for(page: webdriver.Chrome, css: str, within_s: float = 30.0) -> WebElement:
    """Wait until an element is shown."""
    return WebDriverWait(page, within_s, 0.1).until(
        lambda shown: next((each for each in shown.find_elements(By.CSS_SELECTOR, css) if each.is_displayed()), None)
    )
