"""What was made is remembered by its tag, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.web.made import Made, Memory

made = st.builds(
    lambda number, size: Made(bytes([number]) * size, "text/plain", f"tag{number}"),
    st.integers(0, 20),
    st.integers(0, 90),
)


@given(st.lists(made))
def test_what_is_remembered_is_what_was_made_last_in_few_pieces_and_few_bytes(items: list[Made]) -> None:
    memory = Memory(most=5, most_bytes=240)
    latest: dict[str, Made] = {}
    for item in items:
        memory.remember(item)
        if len(item.body) <= 60:
            latest[item.tag] = item
        kept = [found for tag in latest if (found := memory.recall(tag)) is not None]
        assert all(latest[found.tag] == found for found in kept)
        assert len(kept) <= 5
        assert sum(len(found.body) for found in kept) <= 240
        assert len(item.body) > 60 or memory.recall(item.tag) == item


def test_what_has_no_tag_or_is_as_large_as_a_quarter_of_it_all_is_not_kept() -> None:
    memory = Memory(most_bytes=240)
    for item in (Made(b"x", "text/plain"), Made(b"x" * 61, "text/plain", "large")):
        memory.remember(item)
        assert memory.recall(item.tag) is None
