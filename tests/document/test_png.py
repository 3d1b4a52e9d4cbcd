from __future__ import annotations

import builtins
import struct
from typing import Any

import pytest
from gallery import charts

from steelyard.document import BarChart, LineChart, Series, Sparkline, can_draw_png, to_png
from steelyard.document.png import plain_stylesheet
from steelyard.errors import MissingExtraError

resvg = pytest.importorskip("resvg_py")
ALL = {f"{number} {chart.title}": chart for number, chart in enumerate(charts())}


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("name", ALL)
def test_a_chart_is_a_picture_and_the_same_bytes_again(name: str) -> None:
    picture = to_png(ALL[name], 500, zoom=1)
    assert picture == to_png(ALL[name], 500, zoom=1)
    assert size(picture)[0] >= 500


def test_zoom_makes_it_larger_and_the_theme_makes_it_dark() -> None:
    chart = BarChart("Sales", ["a", "b"], [1, 2])
    width, height = size(to_png(chart, zoom=1))
    assert size(to_png(chart, zoom=2)) == (2 * width, 2 * height)
    assert to_png(chart) != to_png(chart, theme="dark")


def test_the_title_and_the_notes_are_in_the_picture() -> None:
    plain = LineChart("Sales", [1, 2, 3], [Series("a", [1, 2, 3])])
    titled = LineChart(
        "Sales, with a title that is much longer than one line of a narrow picture", [1, 2, 3], plain.series
    )
    noted = LineChart("Sales", [1, 2, 3], plain.series, incomplete_from=3)
    heights = [size(to_png(chart, 300, zoom=1))[1] for chart in (plain, titled, noted)]
    assert heights[1] > heights[0]
    assert heights[2] > heights[0]


def test_a_word_sized_line_is_a_picture_too() -> None:
    assert size(to_png(Sparkline([1, 2, None, 4]), zoom=1)) == (272, 60)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_stylesheet_has_no_variable_left_and_every_hue(theme: Any) -> None:
    style = plain_stylesheet(theme)
    assert "var(" not in style
    assert "@media" not in style
    for hue in ("s1", "s8", "good", "bad", "muted"):
        assert f".sy-line.sy-{hue} {{" in style


def test_without_resvg_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "resvg_py":
            raise ImportError(name)
        return real(name, *rest, **more)

    assert can_draw_png()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"steelyard\[png\]"):
        to_png(BarChart("Sales", ["a"], [1]))
    assert not can_draw_png.__wrapped__()
