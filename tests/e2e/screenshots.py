"""Make the pictures of the dashboard in docs/ anew: python tests/e2e/screenshots.py (make screenshots).

Real services, a real browser, some traffic; a minute and a half.
"""

from __future__ import annotations

import io
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import browser  # noqa: E402 - beside this file
from PIL import Image  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

from loadtest.engines.live.control import Service  # noqa: E402
from loadtest.engines.live.services import own_services  # noqa: E402

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FOLDER = ROOT / "docs" / "dashboard"
WELL = {"latency": {"distribution": "lognormal", "mean_s": 0.06, "spread_s": 0.04}}
RATE_PER_S = 14


def main() -> None:
    """Drive the services through all three states, and take two pictures of each."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, own_services(Path(scratch) / "log") as urls:
        client, backend = Service("client", urls.client), Service("backend", urls.backend)
        client.send("PATCH", "/config", {"breaker": {"reset_timeout": 6}, "timeout": {"total_s": 5}})
        with browser.chromium(Path(scratch) / "profile") as page, Traffic(urls.client):
            page.get(urls.client)
            page.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            page.find_element(By.CSS_SELECTOR, "#span option[value='60']").click()
            page.execute_script("document.activeElement.blur()")
            for seconds, faults in (
                (16, WELL),
                (9, {**WELL, "error_rate": 0.3}),
                (9, {**WELL, "error_rate": 1}),
                (12, WELL),
                (
                    6,
                    {
                        **WELL,
                        "latency": {"distribution": "lognormal", "mean_s": 0.9, "spread_s": 0.5},
                        "hang_rate": 0.1,
                    },
                ),
                (7, WELL),
            ):
                say(f"{seconds} s of {faults}")
                backend.send("PUT", "/faults", faults)
                time.sleep(seconds)
            wait(page, "closed")
            both(page, "closed")
            backend.send("PUT", "/faults", {**WELL, "error_rate": 1})
            wait(page, "open")
            time.sleep(1.5)
            both(page, "open")
            backend.send("PUT", "/faults", {"hang_rate": 1})
            wait(page, "half-open")
            time.sleep(2)
            both(page, "half-open")
            backend.send("PUT", "/faults", WELL)
            wait(page, "closed")
            knobs(page)
            picture(page, "knobs", dark=False, height=2000, part="#faults", other="#settings")
            picture(page, "phone", dark=True, width=390, height=844)


def say(what: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"screenshots: {what}\n")


class Traffic:
    """Calls at random moments, whether or not the earlier ones have been answered."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/data"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _send(self) -> None:
        draw = random.Random(1)  # noqa: S311 - it spreads load, it keeps no secret
        with ThreadPoolExecutor(60) as pool:
            while not self._done.wait(draw.expovariate(RATE_PER_S)):
                pool.submit(self._call)

    def _call(self) -> None:
        try:
            urllib.request.urlopen(self._url, timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()


def wait(page: Chrome, state: str) -> None:
    """Wait until the page shows the state."""
    WebDriverWait(page, 30, 0.05).until(lambda shown: shown.find_elements(By.CSS_SELECTOR, f"body[data-state={state}]"))
    time.sleep(0.4)


def knobs(page: Chrome) -> None:
    """Choose a preset, and mistype a setting."""
    page.find_element(By.CSS_SELECTOR, ".presets button:nth-child(2)").click()
    field = page.find_element(By.CSS_SELECTOR, "#settings [name=fail_max]")
    field.clear()
    field.send_keys("0", Keys.ENTER)
    time.sleep(1)
    page.execute_script("document.activeElement.blur(); scrollTo(0, 0)")


def both(page: Chrome, name: str) -> None:
    """Take a picture in light and in dark."""
    for dark in (False, True):
        picture(page, f"{name}-{'dark' if dark else 'light'}", dark=dark)


def picture(
    page: Chrome, name: str, *, dark: bool, width: int = 1280, height: int = 960, part: str = "", other: str = ""
) -> None:
    """Take a picture of the window, or of the boxes around two parts of the page."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    size: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(0.35)  # the chart is drawn anew
    taken = Image.open(io.BytesIO(page.get_screenshot_as_png()))
    if part:
        boxes = [page.find_element(By.CSS_SELECTOR, each).rect for each in (part, other)]
        left, top = (min(each[side] for each in boxes) for side in ("x", "y"))
        right = max(each["x"] + each["width"] for each in boxes)
        bottom = max(each["y"] + each["height"] for each in boxes)
        taken = taken.crop((int(left) - 16, int(top) - 16, int(right) + 16, int(bottom) + 16))
    path = FOLDER / f"{name}.png"
    _in_few_colours(taken.convert("RGB")).save(path, optimize=True)
    say(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def _in_few_colours(picture: Image.Image) -> Image.Image:
    """Return it in 256 colours, those that fill the page among them: a third of the size."""
    counted = sorted(picture.getcolors(1 << 24) or [], reverse=True)
    often: list[Any] = [colour for _, colour in counted[:128]]
    rest = picture.quantize(128, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in often for part in colour] + rest[: 3 * 128])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
