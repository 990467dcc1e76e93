"""Finding a browser of the Chrome family for the browser tests, or installing Debian's."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .steps import QuickstartError, run, step

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "msedge")
MAC_APPS = ("Google Chrome", "Chromium", "Microsoft Edge")
WINDOWS_PATHS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")

MISSING = (
    "No Chrome, Chromium or Edge was found, so the browser tests cannot run. "
    "Install one of them, or set XLARD_BROWSER to the path of its executable."
)


def find_browser() -> Path | None:
    """The executable that XLARD_BROWSER names, or an installed Chrome, Chromium or Edge; None if there is none.

    Raises QuickstartError if XLARD_BROWSER names no file.
    """
    chosen = os.environ.get("XLARD_BROWSER")
    if chosen:
        if not Path(chosen).is_file():
            raise QuickstartError(f"XLARD_BROWSER is {chosen}, which is no file. Set it to a browser's executable.")
        return Path(chosen)
    on_path = [Path(command) for command in map(shutil.which, NAMES) if command]
    return next(iter(on_path + [path for path in _usual_places() if path.is_file()]), None)


def _usual_places() -> list[Path]:
    if sys.platform == "darwin":
        return [Path(f"/Applications/{app}.app/Contents/MacOS/{app}") for app in MAC_APPS]
    if os.name == "nt":
        roots = [os.environ.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA")]
        return [Path(root) / path for root in roots if root for path in WINDOWS_PATHS]
    return []


def ensure_browser() -> Path | None:
    """Return a browser, installing Debian's chromium if apt-get can be used without a question.

    Returns None, and says so, if there is none and none can be installed. Raises QuickstartError if apt-get fails.
    """
    browser = find_browser()
    apt = _apt_command()
    if browser is None and apt is not None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        advice = "Install a Chrome, Chromium or Edge by hand, or set XLARD_BROWSER to one."
        with step("Installing Debian's chromium for the browser tests"):
            run([*apt, "update"], advice, env=environment)
            packages = ["chromium", "fonts-liberation"]
            run([*apt, "install", "-y", "--no-install-recommends", *packages], advice, env=environment)
        browser = find_browser()
    print(f"Browser for the tests: {browser}" if browser else MISSING)
    return browser


def _apt_command() -> list[str] | None:
    if not shutil.which("apt-get"):
        return None
    # A system with apt-get has user ids.
    if os.geteuid() == 0:
        return ["apt-get"]
    # -n: sudo fails instead of asking for a password.
    return ["sudo", "-n", "apt-get"] if shutil.which("sudo") else None
