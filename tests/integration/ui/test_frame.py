"""What is around every page: keys, light and dark, time travel, headers, the way in from MLflow's links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.integration.ui.conftest import Browse


def test_keys_lead_to_the_sections(browse: Browse) -> None:
    page = browse("/ui/experiments")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/ui/system")


def test_light_and_dark_are_kept(browse: Browse, picture: Callable[[Page, str], Path]) -> None:
    page = browse("/ui/experiments", dark=True)
    root = page.locator("html")
    expect(root).to_have_attribute("data-scheme", "dark")
    picture(page, "frame-dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(root).to_have_attribute("data-scheme", "light")
    page.reload()
    expect(root).to_have_attribute("data-scheme", "light")
    picture(page, "frame-light")


def test_the_slider_sets_the_moment_that_all_links_keep(browse: Browse) -> None:
    page = browse("/ui/experiments")
    page.get_by_role("button", name="show everything as it was").click()
    slider = page.get_by_role("slider", name="As of")
    slider.press("ArrowLeft")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**as_of=**")
    models = page.get_by_role("navigation", name="Sections").get_by_role("link", name="Models")
    assert "as_of=" in (models.get_attribute("href") or "")
    page.get_by_role("button", name="show everything as it was").click()
    page.get_by_role("button", name="Back to now").click()
    page.wait_for_url(lambda url: "as_of=" not in url)


def test_links_of_mlflows_client_lead_to_the_pages(browse: Browse, site: str) -> None:
    page = browse("/ui/experiments")
    page.goto(f"{site}/#/experiments/0")
    page.wait_for_url("**/ui/experiments/0")
    for odd in ("/#/%zz", "/ui", "/ui/"):
        page.goto(f"{site}{odd}")
        page.wait_for_url("**/ui/experiments")


def test_pages_carry_a_policy(site: str) -> None:
    policy = httpx.get(f"{site}/ui/experiments").headers["content-security-policy"]
    for part in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "object-src 'none'"):
        assert part in policy


def test_an_address_that_no_page_has_says_so(browse: Browse, site: str) -> None:
    answer = httpx.get(f"{site}/ui/nothing-here")
    assert answer.status_code == 404
