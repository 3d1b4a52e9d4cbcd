"""Signing in with a wrong and with the right password, what a role may not do, and signing out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.browser.serving import serving
from tests.browser.sound import audit
from tests.browser.visit import visiting

from steelyard.project.secret_hash import hash_password

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"
CHEAP = (16, 8, 1)
USERS = f"""
[access.users.ada]
role = "decider"
password = "{hash_password(PASSWORD, CHEAP)}"
[access.users.eve]
role = "viewer"
password = "{hash_password(PASSWORD, CHEAP)}"
"""


@pytest.fixture
def guarded(own_shop: Path) -> Any:
    """The shop with two users; its dashboard is the one that is made where there is no file."""
    path = own_shop / "steelyard.toml"
    path.write_text(path.read_text(encoding="utf-8") + USERS, encoding="utf-8")
    shutil.rmtree(own_shop / "dashboards")
    with serving(own_shop) as address:
        yield address


def sign_in(page: Any, user: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")


def test_one_signs_in_where_one_wanted_to_go_and_out_again(
    chromium: Any, guarded: str, screenshots: Path | None
) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(f"{guarded}/dashboards/overview?grain=week")
        assert page.get_by_role("heading", level=1).inner_text() == "Sign in"
        audit(visit, screenshots, "sign-in")
        sign_in(page, "ada", "a wrong password")
        page.get_by_text("The name or the password is wrong").wait_for()
        visit.expect_refusal(401)
        audit(visit, screenshots, "wrong-password")
        assert page.get_by_label("Password").input_value() == ""
        sign_in(page, "ada")
        page.wait_for_url(f"{guarded}/dashboards/overview?grain=week")
        audit(visit, screenshots, "overview")
        page.get_by_role("link", name="Your account").click()
        assert "decider" in page.locator("main").inner_text()
        audit(visit, screenshots, "account")
        page.get_by_role("button", name="Sign out").press("Enter")
        page.wait_for_url(f"{guarded}/login")
        page.goto(f"{guarded}/metrics/revenue")
        assert page.get_by_role("heading", level=1).inner_text() == "Sign in"
        page.go_back()  # what was read is not shown to who comes next
        page.go_back()
        assert "Revenue" not in page.locator("main").inner_text()


def test_what_a_role_may_not_do_is_said_with_who_may(chromium: Any, guarded: str, screenshots: Path | None) -> None:
    with visiting(chromium) as visit:
        page = visit.page
        page.goto(f"{guarded}/studies/newsletter")
        sign_in(page, "eve")
        page.wait_for_url(f"{guarded}/studies/newsletter")
        assert "it takes a decider" in page.locator("main").inner_text()
        visit.refused(f"{guarded}/studies/newsletter/decide", 403)
        assert "ask a decider" in page.locator("main").inner_text()
        audit(visit, screenshots, "not-allowed")
