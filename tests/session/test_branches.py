"""Texts as branches of each other."""

from __future__ import annotations

from app.session.branches import Branch


def test_a_fork_of_a_fork_leaves_the_text_that_has_the_token() -> None:
    first = Branch("Once")
    late = Branch("Once", parent=first, fork=38)
    early = Branch("Once", parent=late, fork=14)
    later = Branch("Once", parent=late, fork=39)
    assert first.forked_from is None
    assert late.forked_from is first
    assert early.forked_from is first, "what both share at token 14 is the first text's"
    assert later.forked_from is late
