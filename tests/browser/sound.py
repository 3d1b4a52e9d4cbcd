"""What every page must be: errorless, reached by keyboard, read by everybody, narrow, printable, still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.browser.visit import NARROW, WIDE, Visit

# WCAG 2.2: relative luminance, and the ratio of what is read to what is behind it.
CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const wrong = [];
  for (const e of document.querySelectorAll('body *:not(svg *)')) {
    const said = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!said || !e.checkVisibility()) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) wrong.push(e.className + ' ' + e.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return wrong;
}"""
# After a key was pressed, whatever gets the focus must show it; the order of the keyboard is that of the page.
UNSEEN = """() => {
  const wrong = [];
  for (const e of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')) {
    if (!e.checkVisibility() || e.type === 'hidden' || e.id === 'main') continue;
    e.focus();
    const style = getComputedStyle(e);
    const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    if (document.activeElement !== e || !seen) wrong.push('no focus is seen on ' + e.outerHTML.slice(0, 90));
    if (e.tabIndex > 0) wrong.push('out of the order: ' + e.outerHTML.slice(0, 90));
  }
  document.activeElement.blur();
  return wrong;
}"""
OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SAID = "document.querySelector('main').innerText"


def audit(visit: Visit, keep: Path | None, name: str) -> None:
    """Holds the page that is shown to everything, and tells all faults at once.

    Args:
        visit: Where it is shown wide and light, with scripts; so it is left.
        keep: The folder for pictures; None for none.
        name: The pictures' first part.
    """
    page = visit.page
    assert page.locator("h1").count() == 1
    assert page.evaluate(SAID).strip()
    page.keyboard.press("Shift")
    faults = page.evaluate(UNSEEN)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults += _axe_finds(page, "" if scheme == "light" else "color-contrast")
        faults += page.evaluate(CONTRAST)
        _picture(page, keep, f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    over = page.evaluate(OVER)
    faults += [f"{over} px wider than a window of 380"] if over else []
    _picture(page, keep, f"{name}-narrow")
    page.set_viewport_size(WIDE)
    faults += _print_faults(page) + _motion_faults(page)
    if faults:
        pytest.fail("\n".join(faults))


def _axe_finds(page: Any, rule: str) -> list[str]:
    """What axe-core finds wrong, by all of its rules or by one."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    options = {"runOnly": {"type": "rule", "values": [rule]}} if rule else {}
    found = axe.Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [f"{one['id']}: {node['html'][:120]} {node['failureSummary']}" for one in found for node in one["nodes"]]


def _print_faults(page: Any) -> list[str]:
    """On paper there is nothing to click on, and every chart that the screen shows."""
    charts = page.locator("main svg:visible").count()
    page.emulate_media(media="print")
    gone = (".web-header", ".web-skip", ".web-controls", ".web-crumbs", ".web-post", ".web-act")
    faults = [f"{part} is printed" for part in gone if page.locator(f"{part}:visible").count()]
    printed = page.locator("main svg:visible").count()
    page.emulate_media(media="screen")
    return faults + ([f"{printed} of {charts} charts are printed"] if printed != charts else [])


def _motion_faults(page: Any) -> list[str]:
    """Nothing moves for people who have asked for that, also while the next page is on its way."""
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("document.documentElement.classList.add('web-working')")
    moving = page.evaluate("document.getAnimations().length")
    smooth = page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") != "auto"
    page.evaluate("document.documentElement.classList.remove('web-working')")
    page.emulate_media(reduced_motion="no-preference")
    return [f"{moving} parts move"] * bool(moving) + ["the page scrolls by itself"] * smooth


def _picture(page: Any, keep: Path | None, name: str) -> None:
    if keep is not None:
        page.screenshot(path=str(keep / f"{name}.png"), full_page=True)
