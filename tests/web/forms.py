"""Fills in and sends the forms of pages, as a person does."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx


def filled(text: str) -> dict[str, str]:
    """What a page's form holds when it is shown."""
    form = re.search(r'<form class="web-post".*?</form>', text, re.DOTALL)
    assert form is not None, text
    found = re.findall(r'<input type="[a-z]+"(?: id="[^"]*")? name="([^"]*)" value="([^"]*)"', form[0])
    found += re.findall(r'<textarea id="[^"]*" name="([^"]*)"[^>]*>([^<]*)<', form[0])
    return {unescape(name): unescape(value) for name, value in found}


def post(browser: Any, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
    return browser.ask(path, method="POST", data=fields, headers={"accept": "text/html", **headers})


def confirmed(browser: Any, path: str, **said: str) -> dict[str, str]:
    """The fields of the page that says what will happen."""
    asked = browser.page(path)
    assert asked.status_code == 200, asked.text
    shown = post(browser, path, {**filled(asked.text), **said})
    assert shown.status_code == 200, shown.text
    return filled(shown.text)


def done(browser: Any, path: str, **said: str) -> httpx.Response:
    """An act from its form to its end."""
    return post(browser, path, confirmed(browser, path, **said))
