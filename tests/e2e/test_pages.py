"""The pages in a real Chromium, in front of a real server with a real engine."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apps
import pytest
from daemon import Daemon, repository
from playwright.sync_api import Browser, Page, expect, sync_playwright

PASSWORD = "a few words are easy"
LIMIT = 20_000
"""Milliseconds that a page may take to say something."""
PHONE = {"width": 320, "height": 640}
TICKING = """\
import socket

def tick():
    for number in range(100000):
        print("tick", socket.gethostname(), number, flush=True)
        time.sleep(0.25)

print("<b>booting</b>", flush=True)
time.sleep(0 if "COLOUR" in os.environ else 4)
threading.Thread(target=tick, daemon=True).start()
"""
APP = apps.script("<h1>hello</h1>", before=TICKING)
WIDTH = "document.documentElement.scrollWidth"
expect.set_options(timeout=LIMIT)


@dataclass
class Visitor:
    """Somebody at a browser who has made their account by a link from SSH."""

    page: Page
    server: str
    complaints: list[str] = field(default_factory=list)
    """What the browser says of the pages: blocked by the policy, errors of scripts."""

    def open(self, path: str) -> None:
        self.page.goto(f"{self.server}{path}")

    def at(self, path: str) -> None:
        self.page.wait_for_url(f"{self.server}{path}", timeout=LIMIT)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visitor(daemon: Daemon, chromium: Browser) -> Iterator[Visitor]:
    """Signed in; by keyboard alone."""
    page = chromium.new_page()
    made = Visitor(page, f"http://api.localhost:{daemon.http_port}")
    page.on(
        "console",
        lambda said: (
            made.complaints.append(f"{page.url}: {said.text}")
            if said.type in ("error", "warning")
            else None
        ),
    )
    page.on("pageerror", lambda error: made.complaints.append(f"{page.url}: {error}"))
    link = re.search(r"http://\S+/register\?invitation=\S+", daemon.ssh("users:invite").stdout)
    assert link
    assert link[0].startswith(made.server)
    page.goto(link[0])
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    made.at("/")
    yield made
    assert made.complaints == []


@pytest.fixture(scope="module")
def hello(
    daemon: Daemon, visitor: Visitor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """An app with nothing deployed, and the push that brings it: it boots slowly."""
    assert daemon.ssh("apps:create", "hello").returncode == 0
    repo = repository(tmp_path_factory.mktemp("repo") / "hello", APP)
    pushes: list[subprocess.Popen[str]] = []

    def push() -> subprocess.Popen[str]:
        made = subprocess.Popen(
            ["git", "push", daemon.remote("hello"), "main"],
            cwd=repo, env=daemon.git_environment, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        pushes.append(made)
        return made

    yield push
    for each in pushes:
        each.kill()
        each.communicate()


def test_signing_in_needs_nothing_but_a_keyboard(daemon: Daemon, visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign out")).to_be_focused()
    page.keyboard.press("Enter")
    visitor.at("/login")
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    visitor.at("/")


def test_a_computer_that_waits_is_approved(
    daemon: Daemon, visitor: Visitor, tmp_path: Path
) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DEPLOYZERO_")}
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    server = f"http://127.0.0.1:{daemon.api_port}"
    waiting = subprocess.Popen(
        [sys.executable, "-m", "deployzero", "login", "--no-browser", "--name", "<i>laptop</i>",
         "--server", server],
        env=clean | home, text=True, cwd=tmp_path,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert waiting.stdout is not None
        told = waiting.stdout.readline() + waiting.stdout.readline()
        link = re.search(r"http://\S+", told)
        assert link, told
        visitor.page.goto(link[0])
        code = re.search(r"[A-Z]{4}-[A-Z]{4}", told)
        assert code
        expect(visitor.page.get_by_label("Code")).to_have_text(code[0])
        expect(visitor.page.get_by_text("<i>laptop</i>")).to_be_visible()
        visitor.page.get_by_role("button", name="Approve").click()
        expect(visitor.page.get_by_role("heading", name="Approved")).to_be_visible()
        rest, _ = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
        waiting.communicate()
    assert waiting.returncode == 0, told + rest
    assert "as admin" in rest


def test_a_deployment_is_watched_to_its_end_and_rolled_back(
    daemon: Daemon, visitor: Visitor, hello: Callable[[], subprocess.Popen[str]]
) -> None:
    page = visitor.page
    visitor.open("/apps/hello")
    page.evaluate("window.loaded = 'once'")
    pushed = hello()
    page.get_by_role("link", name="Watch").click()  # it comes by itself
    visitor.at("/apps/hello/deployments/1")
    page.evaluate("window.loaded = 'once'")
    state, log = page.locator(".headline .state"), page.get_by_role("log")
    expect(state).to_have_text("Starting")
    expect(state).to_have_text("Live")
    expect(page.get_by_role("heading", name="v1")).to_be_visible()
    expect(log).to_contain_text("=====> Live: http://hello.localhost")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert page.evaluate("window.loaded") == "once"
    assert pushed.wait(30) == 0
    assert daemon.ssh("config:set", "hello", "COLOUR=blue").returncode == 0

    page.get_by_role("navigation", name="Where this is").get_by_role("link", name="hello").click()
    expect(page.locator(".headline")).to_contain_text("v2")
    expect(page.get_by_text("COLOUR", exact=True)).to_be_visible()
    assert "blue" not in page.content()
    expect(page.get_by_role("log")).to_contain_text("<b>booting</b>")
    expect(page.locator("[data-value=memory]")).to_have_text(re.compile(r"\d+ MB"))
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Roll back to v1").click()
    visitor.at("/apps/hello/deployments/3")
    expect(page.locator(".lead")).to_have_text("Rollback to v1")
    expect(state).to_have_text("Live")
    expect(page.get_by_role("heading", name="v3")).to_be_visible()
    assert daemon.get("hello").status_code == 200
    assert "COLOUR" not in daemon.ssh("config", "hello").stdout


def test_on_a_phone_nothing_but_logs_scrolls_sideways(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in ("/", "/apps/hello", "/apps/hello/deployments/1", "/auth/cli-login", "/docs"):
        visitor.open(path)
        assert page.evaluate(WIDTH) <= PHONE["width"], path


def test_a_page_whose_log_breaks_off_goes_on_where_it_was(daemon: Daemon, visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/apps/hello")
    told = page.locator("[data-stream-state]")
    expect(told).to_have_text("Live")
    daemon.stop()
    expect(told).to_have_text("Connecting …")
    last = ticks(page)[-1]
    daemon.start()
    expect(page.get_by_role("log")).to_contain_text(f"{last[0]} {last[1] + 5}")
    expect(told).to_have_text("Live")
    numbers = [number for container, number in ticks(page) if container == last[0]]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))  # each once, none missing
    gone = [said for said in visitor.complaints if "Failed to load resource" not in said]
    visitor.complaints[:] = gone  # a browser says so when a server is away


def ticks(page: Page) -> list[tuple[str, int]]:
    """What the app has printed, as the page shows it: container and number."""
    found = re.findall(r"tick (\w+) (\d+)", page.get_by_role("log").inner_text())
    return [(container, int(number)) for container, number in found]
