"""The Inspect page, pressed and typed at: what is on screen is what the engine computes."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine.tiny_models import SENTENCES, save_tiny
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot
from safetensors.numpy import load_file
from ui.desk import Desk, chip_ids, chip_weights, copied_table, leave, open_desk, words
from ui.widgets.matrices import move

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.engine.trace.lens import read_lens
from app.engine.trace.records import Exactness
from app.engine.trace.result import Trace
from app.session.state import LENS_MAP
from app.ui.pages.inspect.layout import EXAMPLES
from app.ui.theme import Theme
from app.ui.widgets.number_text import percent_text, short_number, signed_number
from app.ui.widgets.token_text import visible_token

TEXT = EXAMPLES[0]


@pytest.fixture
def expected(story: LoadedModel) -> Trace:
    return trace(story, TEXT)


@pytest.fixture
def inspecting(desk: Desk) -> Desk:
    """The first example, looked at."""
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    return desk


def shown_weights(desk: Desk) -> np.ndarray:
    """The numbers of the heatmap, copied with Ctrl+C."""
    heatmap = desk.inspect.attention.heatmap
    heatmap.setFocus()
    desk.key(heatmap, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    return copied_table()


def shown_tensor(desk: Desk) -> np.ndarray:
    """The numbers of the tensor picture, copied with Ctrl+C."""
    desk.inspect.tensor.view.setFocus()
    desk.key(desk.inspect.tensor.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    return copied_table()


def assert_bars(desk: Desk, logits: torch.Tensor, loaded: LoadedModel) -> None:
    """The next-token bars show the likeliest tokens of a row of logits."""
    best = logits.softmax(-1).topk(6)
    rows = desk.inspect.bars.rows()
    assert [text for text, _, _ in rows] == [loaded.tokenizer.decode([token]) for token in best.indices.tolist()]
    assert [share for _, share, _ in rows] == pytest.approx(best.values.tolist(), abs=1e-6)


# From nothing to a picture


def test_an_example_is_one_click_away(desk: Desk, story: LoadedModel) -> None:
    page = desk.inspect
    assert page.empty.isVisible()
    assert [button.text() for button in page.empty.buttons()] == list(EXAMPLES)
    desk.click(page.empty.buttons()[1])
    desk.settle()
    assert not page.empty.isVisible()
    assert page.attention.heatmap.isVisible()
    assert page.prompt.strip.isVisible()
    assert page.prompt.strip.text() == EXAMPLES[1]
    ids = story.tokenizer(EXAMPLES[1])["input_ids"]
    assert chip_ids(page.prompt.strip) == ids
    assert f"{len(ids)} tokens" in words(page.prompt)


def test_a_sentence_is_typed_and_entered(desk: Desk, story: LoadedModel) -> None:
    prompt = desk.inspect.prompt
    assert prompt.editor.hasFocus()
    desk.qtbot.keyClicks(prompt.editor, "A [small] cat")
    desk.key(prompt.editor, Qt.Key.Key_Return)
    desk.settle()
    assert chip_ids(prompt.strip) == story.tokenizer("A [small] cat")["input_ids"]
    desk.click(prompt.button)
    assert prompt.editor.hasFocus()
    desk.qtbot.keyClicks(prompt.editor, "thrown away")
    desk.key(prompt.editor, Qt.Key.Key_Escape)
    assert prompt.strip.isVisible()
    assert prompt.strip.text() == "A [small] cat"
    desk.click(prompt.button)
    assert prompt.editor.toPlainText() == "A [small] cat"
    desk.qtbot.keyClicks(prompt.editor, "Another")
    desk.key(prompt.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    desk.qtbot.keyClicks(prompt.editor, "line")
    desk.click(prompt.button)
    desk.settle()
    assert chip_ids(prompt.strip) == story.tokenizer("Another\nline")["input_ids"]


def test_an_emptied_prompt_brings_the_examples_back(inspecting: Desk) -> None:
    prompt = inspecting.inspect.prompt
    inspecting.click(prompt.button)
    inspecting.key(prompt.editor, Qt.Key.Key_Delete)
    inspecting.key(prompt.editor, Qt.Key.Key_Return)
    inspecting.settle()
    assert inspecting.inspect.empty.isVisible()
    assert prompt.editing


# One tensor


def test_every_row_of_the_flow_shows_its_tensor(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    names = [row.name for row in page.flow.rows() if row.name]
    assert {"embed", "pos_embed", "blocks.2.attn.q", "blocks.2.mlp.hidden", "ln_final", "logits"} <= set(names)
    for name in names:
        if name.endswith(("attn.scores", "attn.pattern")) or name == LENS_MAP:
            continue
        if name.endswith("attn.mask"):
            desk.click_flow(name)
            desk.settle()
            assert np.array_equal(shown_tensor(desk), np.tril(np.ones(2 * [len(expected.tokens)], dtype=np.float32)))
            assert "it is not there" in words(desk.window.explain)
            continue
        desk.click_flow(name)
        desk.settle()
        tensor = expected[name]
        values = tensor[desk.session.selection.head] if tensor.ndim == 3 else tensor
        assert page.tensor.isVisible()
        assert np.array_equal(shown_tensor(desk), values.numpy()), name
        assert page.tensor.subtitle() == f"{list(tensor.shape)} · float32"
        assert page.heads.isVisible() == (tensor.ndim == 3)


def test_statistics_are_torchs(inspecting: Desk, expected: Trace) -> None:
    inspecting.click_flow("blocks.2.mlp.hidden")
    inspecting.settle()
    facts = dict(inspecting.inspect.facts.rows())
    tensor = expected["blocks.2.mlp.hidden"].double()
    numbers = {name: float(facts[name].replace("−", "-")) for name in ("Mean", "Std dev", "Min", "Max", "L2 norm")}
    assert numbers == pytest.approx(
        {
            "Mean": tensor.mean().item(),
            "Std dev": tensor.std(correction=0).item(),
            "Min": tensor.min().item(),
            "Max": tensor.max().item(),
            "L2 norm": tensor.norm().item(),
        },
        rel=6e-4,  # four digits are printed
    )
    assert facts["Shape"] == str(list(tensor.shape))
    assert f"{tensor.numel():,} values" in words(inspecting.inspect.histogram_panel)


def test_query_key_and_value_are_switched(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.click_flow("blocks.2.attn.q")
    desk.settle()
    letters = next(letters for letters in page.tensor.letters.values() if letters.isVisible())
    for index, letter in ((1, "k"), (2, "v"), (0, "q")):
        desk.click(letters.button(index))
        desk.settle()
        assert np.array_equal(shown_tensor(desk), expected[f"blocks.2.attn.{letter}"][0].numpy())
        assert f"blocks.2.attn.{letter}" in words(page.tensor)
    desk.click_head(2, 3)
    desk.settle()
    assert np.array_equal(shown_tensor(desk), expected["blocks.2.attn.q"][3].numpy())
    desk.click_head(1, 3)
    desk.settle()
    assert np.array_equal(shown_tensor(desk), expected["blocks.1.attn.q"][3].numpy())


def test_blocks_open_by_mouse_and_flow_is_walked_by_keys(inspecting: Desk, expected: Trace) -> None:
    desk, flow = inspecting, inspecting.inspect.flow
    row = next(index for index, row in enumerate(flow.rows()) if row.block == 0)
    desk.click(flow, flow.row_rect(row).center())
    desk.settle()
    assert "blocks.0.attn.q" in [row.name for row in flow.rows()]
    assert np.array_equal(shown_weights(desk), expected.attention(0, 0).numpy())
    desk.click_flow("blocks.0.mlp.hidden")
    desk.settle()
    flow.setFocus()
    desk.key(flow, Qt.Key.Key_Down)
    desk.settle()
    assert np.array_equal(shown_tensor(desk), expected["blocks.0.mlp.out"].numpy())


# One head


def test_a_click_in_the_grid_moves_the_heatmap(inspecting: Desk, expected: Trace) -> None:
    for layer, head in ((0, 1), (3, 3), (1, 0)):
        inspecting.click_head(layer, head)
        inspecting.settle()
        assert np.array_equal(shown_weights(inspecting), expected.attention(layer, head).numpy())
        assert f"L{layer} · H{head}" in words(inspecting.inspect.attention)


def test_brackets_and_page_keys_change_head_and_block(inspecting: Desk, expected: Trace) -> None:
    desk, heatmap = inspecting, inspecting.inspect.attention.heatmap
    heatmap.setFocus()
    at = [2, 0]
    steps = (
        (Qt.Key.Key_BracketRight, (0, 1)),
        (Qt.Key.Key_BracketRight, (0, 1)),
        (Qt.Key.Key_BracketLeft, (0, -1)),
        (Qt.Key.Key_PageUp, (-1, 0)),
        (Qt.Key.Key_PageDown, (1, 0)),
        (Qt.Key.Key_PageDown, (1, 0)),
        (Qt.Key.Key_PageDown, (0, 0)),
    )
    for key, (down, across) in steps:
        desk.key(heatmap, key)
        desk.settle()
        at = [at[0] + down, at[1] + across]
        assert np.array_equal(shown_weights(desk), expected.attention(*at).numpy()), key
    for _ in range(2):
        desk.key(heatmap, Qt.Key.Key_BracketLeft)
    assert desk.session.selection.head == 3, "heads go round"


def test_arrows_in_the_heatmap_move_the_query(inspecting: Desk, expected: Trace, story: LoadedModel) -> None:
    desk, page = inspecting, inspecting.inspect
    heatmap, last = page.attention.heatmap, len(expected.tokens) - 1
    pattern = expected.attention(2, 0).numpy()
    assert chip_weights(page.prompt.strip) == pytest.approx(pattern[last], abs=6e-5)
    desk.click(heatmap, heatmap.cell_rect(6, 2).center())
    desk.settle()
    assert chip_weights(page.prompt.strip) == pytest.approx(pattern[6], abs=6e-5)
    assert_bars(desk, expected.logits[6], story)
    desk.key(heatmap, Qt.Key.Key_Up)
    desk.key(heatmap, Qt.Key.Key_Right)
    desk.settle()
    assert (desk.session.selection.query, desk.session.selection.key) == (5, 3)
    assert page.prompt.strip.selected() == 5
    assert chip_weights(page.prompt.strip) == pytest.approx(pattern[5], abs=6e-5)
    assert_bars(desk, expected.logits[5], story)
    desk.key(heatmap, Qt.Key.Key_Escape)
    desk.settle()
    assert page.prompt.strip.selected() == last
    assert_bars(desk, expected.logits[last], story)


def test_a_prompt_token_is_asked_what_follows_it(inspecting: Desk, expected: Trace, story: LoadedModel) -> None:
    page = inspecting.inspect
    assert_bars(inspecting, expected.logits[-1], story)
    for index in (3, 0):
        inspecting.click_chip(page.prompt.strip, index)
        inspecting.settle()
        assert_bars(inspecting, expected.logits[index], story)
        assert f"{visible_token(expected.tokens[index].text)} #{index}" in words(page.next_token)
    inspecting.key(page.prompt.strip, Qt.Key.Key_Right)
    inspecting.settle()
    assert_bars(inspecting, expected.logits[1], story)


def test_weights_and_scores(inspecting: Desk, expected: Trace) -> None:
    desk, panel = inspecting, inspecting.inspect.attention
    desk.click(panel.modes.button(1))
    desk.settle()
    assert panel.heatmap.mode == "scores"
    assert np.array_equal(shown_weights(desk), expected["blocks.2.attn.scores"][0].numpy())
    desk.click_head(1, 2)
    desk.settle()
    assert np.array_equal(shown_weights(desk), expected["blocks.1.attn.scores"][2].numpy())
    desk.click(panel.modes.button(0))
    desk.settle()
    assert np.array_equal(shown_weights(desk), expected.attention(1, 2).numpy())
    desk.click_flow("blocks.1.attn.scores")
    desk.settle()
    assert panel.modes.label() == "Scores"


def test_pointing_changes_the_underlines(inspecting: Desk, expected: Trace) -> None:
    page, pattern = inspecting.inspect, expected.attention(2, 0).numpy()
    heatmap, strip = page.attention.heatmap, page.prompt.strip
    move(heatmap, heatmap.cell_rect(4, 1).center())
    assert chip_weights(strip) == pytest.approx(pattern[4], abs=6e-5)
    leave(heatmap)
    assert chip_weights(strip) == pytest.approx(pattern[-1], abs=6e-5)
    move(strip, QPointF(strip.chip_rect(7).center()))
    assert chip_weights(strip) == pytest.approx(pattern[7], abs=6e-5)
    leave(strip)
    assert chip_weights(strip) == pytest.approx(pattern[-1], abs=6e-5)


def test_explain_follows_what_is_chosen(inspecting: Desk, expected: Trace) -> None:
    desk, explain = inspecting, inspecting.window.explain
    assert "Block 2, head 0, after softmax" in words(explain)
    desk.click_head(3, 1)
    desk.settle()
    assert "Block 3, head 1, after softmax" in words(explain)
    row = expected.attention(3, 1)[5]
    desk.click_chip(desk.inspect.prompt.strip, 5)
    assert f"(#5) looks most at <code>\u2068{expected.tokens[int(row.argmax())].text.strip()}" in words(explain)
    assert f"{row.max() * 100:.1f}%" in words(explain)
    desk.click(desk.inspect.attention.modes.button(1))
    desk.settle()
    assert "before softmax" in words(explain)
    desk.click_flow("blocks.3.mlp.hidden")
    desk.settle()
    assert "MLP, hidden layer" in words(explain)
    assert "softmax" not in words(explain)


# Long, short, and too long


def test_a_text_without_room_is_refused_and_the_page_goes_on(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.click(page.prompt.button)
    page.prompt.editor.setPlainText("cat " * 700)
    desk.key(page.prompt.editor, Qt.Key.Key_Return)
    desk.settle()
    assert page.banner.isVisible()
    assert "has positions for 512" in page.banner.text()
    assert page.banner.text().startswith("Error: The text has ")
    # Nothing of the text before may answer for this one.
    assert page.bars.rows() == []
    page.prompt.strip.setFocus()
    desk.key(page.prompt.strip, Qt.Key.Key_End)
    desk.click(page.grid.viewport(), QPointF(60, 60))
    desk.settle()
    assert desk.defects == []
    # Nor may the tokens of a text before, where this one has none.
    desk.session.set_prompt("half a pair: \ud83d")
    desk.settle()
    assert "its character 13 is half of a pair" in page.banner.text()
    assert page.prompt.strip.count() == 0
    assert page.prompt.editor.isVisible() and page.prompt.editor.toPlainText().startswith("half a pair")
    page.prompt.editor.setPlainText(TEXT)
    desk.key(page.prompt.editor, Qt.Key.Key_Return)
    desk.settle()
    assert not page.banner.isVisible()
    assert np.array_equal(shown_weights(desk), expected.attention(2, 0).numpy())


def test_out_of_memory_is_a_sentence_and_the_page_goes_on(
    inspecting: Desk, expected: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Injected where the model runs, where a head is read again, and beyond it, as each device says it."""
    desk, page = inspecting, inspecting.inspect

    def fails(error: Exception) -> Callable[..., None]:
        def fail(*_args: object, **_options: object) -> None:
            raise error

        return fail

    with monkeypatch.context() as patch:
        patch.setattr("app.engine.trace.result.run", fails(torch.OutOfMemoryError("CUDA out of memory.")))
        desk.session.set_prompt("Ada gave a ball to Tim.")
        desk.settle()
        assert "not enough memory for running this text. Use a shorter text" in page.banner.text()
    desk.session.set_prompt(TEXT)
    desk.settle()
    assert not page.banner.isVisible()
    with monkeypatch.context() as patch:
        patch.setattr("app.engine.trace.result.scores_and_weights", fails(MemoryError()))
        desk.session.select(layer=3, head=3)
        desk.settle()
        assert "not enough memory for the attention of block 3" in page.banner.text()
    with monkeypatch.context() as patch:
        allocator = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")
        patch.setattr("app.engine.trace.readings.norm_weighted", fails(allocator))
        desk.session.select(weighting="norms")
        desk.settle()
        assert "not enough memory for reading head" in page.banner.text()
    assert desk.defects == []
    desk.session.select(weighting="raw", layer=3, head=2)
    desk.settle()
    assert np.array_equal(shown_weights(desk), expected.attention(3, 2).numpy())


def test_what_is_clicked_while_a_new_text_runs_does_no_harm(
    inspecting: Desk, story: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, page = inspecting, inspecting.inspect
    longer = TEXT + " Sue. " + EXAMPLES[1]
    desk.click_head(1, 1)
    desk.settle()
    going_on = threading.Event()

    def slow_trace(*arguments: Any, **named: Any) -> Trace:
        assert going_on.wait(30)
        return trace(*arguments, **named)

    monkeypatch.setattr("app.engine.trace.trace", slow_trace)
    desk.session.set_prompt(longer)
    desk.wait(lambda: page.prompt.strip.text() == longer)
    # The chips are those of the new text; everything read so far belongs to the old one.
    desk.click_head(1, 0)
    desk.click_head(1, 1)
    desk.click(page.attention.modes.button(1))
    desk.click(page.attention.modes.button(0))
    desk.click_chip(page.prompt.strip, 20)
    move(page.attention.heatmap, page.attention.heatmap.cell_rect(2, 1).center())
    desk.click_flow("blocks.1.attn.q")
    desk.click_head(1, 0)
    desk.click_flow("blocks.1.attn.pattern")
    desk.click_head(1, 1)
    going_on.set()
    desk.settle()
    assert desk.defects == []
    run = trace(story, longer)
    assert np.array_equal(shown_weights(desk), run.attention(1, 1).numpy())
    assert_bars(desk, run.logits[20], story)


@pytest.mark.parametrize(("family", "count"), [("gpt2", 8), ("mistral", 8), ("gpt2", 1030), ("mistral", 1030)])
def test_short_and_long_texts(qtbot: QtBot, theme: Theme, tmp_path: Path, family: str, count: int) -> None:
    size = {"n_positions": 1536} if family == "gpt2" else {"max_position_embeddings": 1536, "sliding_window": 700}
    folder = save_tiny(tmp_path / family, family, **size)
    loaded = load(folder)
    ids = loaded.tokenizer(" ".join(SENTENCES * 40))["input_ids"][:count]
    text = loaded.tokenizer.decode(ids)
    run = trace(loaded, text)
    with open_desk(qtbot, theme, folder) as desk:
        page, heatmap = desk.inspect, desk.inspect.attention.heatmap
        desk.session.set_prompt(text)
        desk.settle()
        assert page.prompt.strip.count() == len(run.tokens)
        assert len(run.tokens) == pytest.approx(count, abs=8)
        desk.click_head(2, 3)
        desk.settle()
        pattern = run.attention(2, 3).numpy()
        query, key = len(pattern) * 3 // 4, len(pattern) // 2
        tall, wide = heatmap.pooled_by()
        desk.click(heatmap, heatmap.cell_rect(query, key).center())
        top, left = query // tall * tall, key // wide * wide
        chosen = desk.session.selection
        assert chosen.query is not None and chosen.key is not None
        assert (chosen.query // tall, chosen.key // wide) == (query // tall, key // wide)
        assert pattern[chosen.query, chosen.key] == pattern[top : top + tall, left : left + wide].max()
        assert (tall > 1) == (count > 256)
        while heatmap.pooled_by() != (1, 1):
            assert heatmap.zoom_by(2.0, heatmap.cell_rect(query, key).center())
        desk.click(heatmap, heatmap.cell_rect(query, key).center())
        desk.settle()
        assert (desk.session.selection.query, desk.session.selection.key) == (query, key)
        assert chip_weights(page.prompt.strip)[: query + 1] == pytest.approx(pattern[query][: query + 1], abs=6e-5)
        assert_bars(desk, run.logits[query], loaded)
        assert desk.window.grab().size() == desk.window.size()


def test_a_text_that_cannot_be_run_leaves_nothing_of_the_one_before(inspecting: Desk) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.click(page.attention.modes.button(2))
    desk.settle()
    desk.click_flow("blocks.2.attn.z")
    desk.settle()
    assert page.tensor.view.table().values.size and page.histogram.table()[1:]
    desk.session.set_prompt("the cat sat " * 300)
    desk.settle()
    assert "positions for 512" in page.banner.text()
    page.tensor.view.copy_values()
    assert copied_table().size == 0 and page.tensor.view.table().values.size == 0 and page.histogram.table()[1:] == []
    assert (page.tensor.title(), page.tensor.subtitle(), page.histogram_panel.subtitle()) == ("Tensor", "", "")
    assert not page.tensor.exact.isVisible() and page.attention.lines.note.text() == ""
    assert page.grid.table().values.size == 0
    assert page.facts.rows() == []
    assert page.bars.rows() == []
    assert page.next_token.subtitle() == ""
    assert "could not be run" in words(desk.window.explain)
    desk.session.set_prompt(TEXT)
    desk.settle()
    assert page.grid.table().values.shape == (4, 4)
    assert page.tensor.exact.isVisible() and page.tensor.view.table().values.size
    assert not page.banner.isVisible()


def test_the_ends_of_the_flow_explain_what_is_on_screen(inspecting: Desk) -> None:
    desk, flow = inspecting, inspecting.inspect.flow
    desk.click(flow, QPointF(flow.row_rect(0).center()))
    assert "counted from 0" in words(desk.window.explain)
    desk.click(flow, QPointF(flow.row_rect(len(flow.rows()) - 1).center()))
    assert "most likely to come next" in words(desk.window.explain)


def test_parts_of_a_character_are_shown_as_bytes(desk: Desk, story: LoadedModel) -> None:
    desk.session.set_prompt("A 猫 ran")
    desk.settle()
    strip = desk.inspect.prompt.strip
    shown = [strip.describe_token(place).split("  ")[0] for place in range(strip.count())]
    assert "E7" in " ".join(shown)
    assert "猫" not in " ".join(shown)
    ids = story.tokenizer("A 猫 ran")["input_ids"]
    assert chip_ids(strip) == ids


def test_scores_are_explained_as_scores(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.click(page.attention.modes.button(1))
    desk.settle()
    said = words(desk.window.explain)
    assert "scores highest" in said
    assert "softmax(" not in said


def test_the_open_block_folds_and_unfolds(inspecting: Desk) -> None:
    desk, flow = inspecting, inspecting.inspect.flow

    def header() -> QPointF:
        row = next(index for index, row in enumerate(flow.rows()) if row.block == desk.session.selection.layer)
        return QPointF(flow.row_rect(row).center())

    before = len(flow.rows())
    desk.click(flow, header())
    assert len(flow.rows()) < before
    assert not any(row.inside for row in flow.rows())
    desk.click(flow, header())
    assert len(flow.rows()) == before


def test_the_chosen_token_is_marked_in_a_tensor_too(inspecting: Desk) -> None:
    desk = inspecting
    desk.session.select(name="blocks.1.resid_post")
    desk.settle()
    desk.click_chip(desk.inspect.prompt.strip, 3)
    assert desk.inspect.tensor.view.selected()[0] == 3


def test_a_badge_says_how_exact_the_view_is(inspecting: Desk) -> None:
    badge = inspecting.inspect.heads.exact
    measured = inspecting.session.structure.exactness
    assert badge.isVisible() and measured is not None and measured.pattern is not None
    assert (badge.words(), badge.tone()) == (f"exact to {short_number(measured.pattern)}", "ok")
    assert "bit for bit" in badge.toolTip() and f"on a sample of {measured.tokens} tokens" in badge.toolTip()
    assert badge.toolTip().startswith("<qt>"), "a long tip is wrapped"
    for given, precision, said in (
        (Exactness(12, 0.25, 1e-6), "fp32", ("logits off 0.250", "warn")),
        (Exactness(12, 0.0, 2e-4), "fp32", ("weights off 2.0e−4", "warn")),
        (Exactness(12, 0.0, 2e-4), "bf16", ("exact to 2.0e−4", "ok")),
        (Exactness(12, 0.0, float("nan")), "bf16", ("weights off NaN", "warn")),
    ):
        badge.show_exactness(given, precision)
        assert (badge.words(), badge.tone()) == said
    badge.show_exactness(Exactness(12, 0.25, 1e-6))
    assert "off by up to 2.5e-01" in badge.toolTip()
    inspecting.click_flow("embed")
    inspecting.settle()
    assert not badge.isVisible() and inspecting.inspect.tensor.exact.isVisible(), "a tensor without heads has it, too"


def test_one_weight_is_worked_out_with_the_models_numbers(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.session.select(layer=2, head=1, query=6, key=4)
    desk.settle()
    desk.click(page.attention.modes.button(3))
    desk.settle()
    steps = page.attention.steps
    assert steps.isVisible() and not page.attention.heatmap.isVisible()
    assert steps.hasFocus(), "left and right choose another key at once"
    q, k = expected["blocks.2.attn.q"][1, 6], expected["blocks.2.attn.k"][1, 4]
    dot, weight = float(q.double() @ k.double()), float(expected.attention(2, 1)[6, 4])
    said = steps.lines()
    assert said[0] == f"q · k = {signed_number(dot, 3)}"
    assert said[1] == f"× 0.125 = {signed_number(dot / 8, 3)}"
    assert said[-3].startswith(f"weight {percent_text(weight)}: ␣the #6 looks at ␣went #4")
    desk.key(steps, Qt.Key.Key_Left)
    desk.settle()
    assert desk.session.selection.key == 3
    assert "␣Sue #3" in steps.lines()[-3]
    z, v = expected["blocks.2.attn.z"][1, 6], expected["blocks.2.attn.v"][1, 3]
    adds = float(expected.attention(2, 1)[6, 3]) * float(v.norm())
    assert steps.lines()[-2:] == [
        f"weight · v: a vector of length {adds:.3f}",
        f"z, all keys of the row together: {float(z.norm()):.3f}",
    ]
    desk.click(page.attention.until.button(0))
    assert len(steps.lines()) == 1, "stepped back to the product alone"
    assert steps.hasFocus(), "a pressed button gives the keys back to the picture"
    page.attention.until.button(0).setFocus(Qt.FocusReason.TabFocusReason)
    desk.key(page.attention.until.button(0), Qt.Key.Key_Right)
    assert page.attention.until.button(1).hasFocus(), "who steps with the keys goes on with them"
    assert page.attention.until.index() == 1 and desk.session.selection.key == 3
    desk.click(page.attention.until.button(4))
    page.step_head(1)
    desk.settle()
    assert steps.lines()[0] != said[0]
    desk.click(page.attention.modes.button(0))
    desk.settle()
    assert page.attention.heatmap.isVisible()


def test_the_logit_lens_says_what_each_block_would(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.click(page.answers.button(1))
    desk.settle()
    assert page.lens.isVisible() and not page.bars.isVisible()
    last = len(expected.tokens) - 1
    reading = read_lens(expected, last)
    assert [line[1] for line in page.lens.lines()] == [visible_token(row.text) for row in reading.rows]
    assert page.lens.lines()[-1][3] == "1"
    desk.click_chip(page.prompt.strip, 5)
    desk.settle()
    other = read_lens(expected, 5)
    assert [line[3] for line in page.lens.lines()] == [f"{row.rank + 1:,}" for row in other.rows]
    page.lens.table.cellClicked.emit(3, 1)
    assert desk.session.selection.layer == 3
    desk.click(page.next_token.every_button)
    desk.settle()
    panel = page.lens_map
    assert panel.isVisible() and panel.raw.isVisible() and "Raw logit lens" in words(panel)
    assert page.flow.accessibleDescription() == "Raw logit lens, shape [4, 14]"
    table = panel.view.table()
    for position in range(len(expected.tokens)):
        rows = read_lens(expected, position).rows
        assert [texts[position] for texts in panel.lens.texts] == [row.text for row in rows]
        assert table.values[:, position] == pytest.approx([row.probability for row in rows], abs=1e-6)
    panel.view.reset_zoom()
    desk.click(panel.view, panel.view.cell_rect(1, 6).center())
    desk.settle()
    assert (desk.session.selection.layer, desk.session.query) == (1, 6)
    there = read_lens(expected, 6).rows[1]
    assert dict(page.facts.rows())["Says"] == visible_token(there.text)
    assert "After block 1 the stream" in words(desk.window.explain)
    desk.click_head(3, 2)
    desk.settle()
    assert panel.isVisible() and panel.view.selected() == (3, 6), "the chosen block is marked"
    page.lens.show_lens("no lens here")
    assert page.lens.words.isVisible()


def test_a_filter_set_before_the_first_lines_leaves_nothing_behind(inspecting: Desk) -> None:
    desk, panel = inspecting, inspecting.inspect.attention
    desk.click(panel.without_first)
    desk.click(panel.modes.button(2))
    desk.window.grab()
    desk.settle()
    assert not desk.defects
    assert panel.lines.picture.lines()


def test_what_is_no_tensor_of_the_model_is_not_saved_as_one(inspecting: Desk, tmp_path: Path) -> None:
    desk, heatmap = inspecting, inspecting.inspect.attention.heatmap
    desk.session.select(weighting="rollout", layer=2, head=1)
    desk.settle()
    heatmap.save_safetensors(tmp_path / "made.safetensors")
    assert list(load_file(tmp_path / "made.safetensors")) == ["rollout.self.0-2"]
    QGuiApplication.clipboard().setText("before")
    desk.session.copy_code()
    assert QGuiApplication.clipboard().text() == "before"
    assert "raw weights" in words(desk.inspect.banner)


@pytest.mark.parametrize(
    ("mode", "answer", "title"),
    [(2, None, "Attention as lines"), (3, None, "One weight"), (0, 1, "Raw logit lens"), (0, 2, "Who wrote")],
)
def test_what_is_looked_at_is_explained(inspecting: Desk, mode: int, answer: int | None, title: str) -> None:
    desk, page = inspecting, inspecting.inspect
    if mode:
        desk.click(page.attention.modes.button(mode))
    if answer is not None:
        desk.click(page.answers.button(answer))
    desk.settle()
    assert title in words(desk.window.explain)


def test_what_is_clicked_above_is_explained_again(inspecting: Desk) -> None:
    desk, page, explain = inspecting, inspecting.inspect, inspecting.window.explain
    desk.click(page.answers.button(2))
    desk.settle()
    desk.click_flow("blocks.2.mlp.hidden")
    desk.settle()
    assert "MLP, hidden layer" in words(explain), "not who wrote the answer"
    desk.click(page.answers.button(1))
    desk.settle()
    desk.session.select(name="blocks.2.attn.pattern")
    desk.click_head(1, 1)
    desk.settle()
    assert "Block 1, head 1, after softmax" in words(explain)
    desk.click(page.attention.modes.button(1))
    desk.click(page.attention.modes.button(2))
    desk.settle()
    assert page.flow.accessibleDescription().startswith("Softmax"), "lines are drawn of weights"
    desk.click(page.attention.modes.button(3))
    desk.click_flow("blocks.1.attn.q")
    desk.settle()
    assert "Queries" in words(explain), "not one weight"


def test_a_tensors_statistics_and_labels_are_those_of_its_picture(inspecting: Desk, expected: Trace) -> None:
    desk, page = inspecting, inspecting.inspect
    panel, view = page.tensor, page.tensor.view
    tokens = [visible_token(token.text) for token in expected.tokens]
    desk.session.select(name="blocks.1.resid_post", query=3)
    desk.settle()
    row = expected["blocks.1.resid_post"][3].double()
    facts = dict(page.facts.rows())
    shown = [float(facts[f"Row {name}"].replace("−", "-")) for name in ("mean", "std dev", "min", "max")]
    assert shown == pytest.approx(
        [float(made) for made in (row.mean(), row.std(correction=0), row.min(), row.max())], rel=1e-3
    )
    desk.click(view, view.cell_rect(5, 40).center())
    desk.settle()
    assert desk.session.query == 5 and f"Row {tokens[5]} #5" in dict(page.facts.rows())
    desk.click(panel.turned)
    assert list(view.table().column_labels) == tokens
    desk.click(panel.turned)
    desk.click(panel.alike)
    table = view.table()
    assert list(table.row_labels) == list(table.column_labels) == tokens
    assert view.limit == 1.0 and "row similarity" in panel.title()
    assert float(dict(page.facts.rows())["Max"]) == pytest.approx(1.0, abs=1e-3)
    assert f"{len(tokens) ** 2} cosines" in words(page.histogram_panel)
    assert "Copy as Python" not in [action.text() for action in view.context_menu().actions()]
    desk.click(panel.alike)
    desk.click_flow("resid_norms")
    desk.settle()
    assert list(view.table().row_labels) == ["before", "L0", "L1", "L2", "L3"]
    assert view.limit == pytest.approx(float(expected["resid_norms"].max()))


def test_numbers_that_are_none_are_no_mask(inspecting: Desk) -> None:
    desk, page = inspecting, inspecting.inspect
    loaded = desk.session.inspection._loaded
    assert loaded is not None
    with torch.no_grad():
        loaded.model.transformer.h[2].ln_1.weight[0] = float("nan")
    desk.session.reinspect()
    desk.settle()
    assert np.isnan(page.attention.heatmap.table().values[5, :6]).all()
    count = len(desk.session.inspection.tokens)
    assert f"{count * (count + 1) // 2} of the {count * (count + 1) // 2} cells" in words(page.banner)
    assert "no number" in words(desk.window.explain) and "nan" not in words(desk.window.explain)
    assert page.bars.rows() == [] and "NaN" in page.next_token.subtitle()
    assert dict(page.facts.rows())["Spread"] == "NaN"
    assert page.grid.selected() == (2, 0), "a head of NaN is there and can be chosen"
    for mode in (1, 2, 3):
        desk.click(page.attention.modes.button(mode))
        desk.settle()
    desk.click_head(0, 1)
    desk.settle()
    assert not page.banner.isVisible()


def test_what_is_drawn_is_taken_along(inspecting: Desk, expected: Trace, tmp_path: Path) -> None:
    desk, page = inspecting, inspecting.inspect
    desk.click(page.attention.modes.button(2))
    desk.settle()
    lines = page.attention.lines
    entries = {action.text(): action for action in page.attention._export_menu().actions()}
    assert {"Copy picture", "Save picture as SVG…", "Save values as CSV…"} <= set(entries)
    entries["Copy values"].trigger()
    copied = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    drawn = [(int(head), int(query), int(key), float(weight)) for head, query, _, key, _, weight in copied[1:]]
    assert drawn == [pytest.approx(line) for line in lines.picture.lines()]
    lines.export.save_svg(tmp_path / "lines.svg")
    assert "looks (query)" in (tmp_path / "lines.svg").read_text()
    lines.export.save_png(tmp_path / "lines.png")
    assert QImage(str(tmp_path / "lines.png")).width() == 2 * lines.picture.width()
    desk.click(page.attention.modes.button(3))
    desk.settle()
    page.attention._export_menu().actions()[0].trigger()
    assert QGuiApplication.clipboard().text().splitlines()[1:] == page.attention.steps.lines()
    for place, export in ((1, page.lens.export), (2, page.next_token.written.export)):
        desk.click(page.answers.button(place))
        desk.settle()
        export.save_csv(tmp_path / "table.csv")
        rows = list(csv.reader((tmp_path / "table.csv").read_text(encoding="utf-8-sig").splitlines()))
        assert len(rows) == (1 + 4 if place == 1 else 1 + 4 * 4 + 4 + 2)
    with pytest.raises(UserError, match="could not be written"):
        page.histogram.export.save_csv(tmp_path / "nowhere" / "bins.csv")


def test_every_copy_and_save_is_confirmed_at_the_foot(
    inspecting: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, page = inspecting, inspecting.inspect

    def told(menu: QMenu, entry: str) -> str:
        desk.window.strip.note("nothing yet")
        next(action for action in menu.actions() if action.text().startswith(entry)).trigger()
        desk.settle()
        assert not page.banner.isVisible(), "nothing on the page moves"
        return words(desk.window.strip)

    heatmap = page.attention.heatmap
    for menu, entry, said in (
        (heatmap.context_menu, "Copy values", "The values are on the clipboard."),
        (heatmap.context_menu, "Copy picture", "The picture is on the clipboard."),
        (page.bars.export.menu, "Copy values", "The values are on the clipboard."),
        (page.lens.export.menu, "Copy values", "The values are on the clipboard."),
    ):
        assert said in told(menu(), entry)
    page.facts.copy()
    assert "The values are on the clipboard." in words(desk.window.strip)
    desk.key(page.prompt.strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "The tokens are on the clipboard." in words(desk.window.strip)
    typed = ""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (typed, ""))
    for menu, entry, name, written in (
        (heatmap.context_menu, "Save values as NPY", "w", "w.npy"),
        (heatmap.context_menu, "Save picture as PNG", "blocks.0.attn", "blocks.0.attn.png"),
        (heatmap.context_menu, "Save picture as SVG", "w.svg", "w.svg"),
        (heatmap.context_menu, "Save values as CSV", "W.CSV", "W.CSV"),
        (heatmap.context_menu, "Save tensor as safetensors", "w", "w.safetensors"),
        (heatmap.context_menu, "Save all", "block", "block.safetensors"),
        (page.bars.export.menu, "Save values as CSV", "bars", "bars.csv"),
    ):
        typed = str(tmp_path / name)
        assert str(tmp_path / written) in told(menu(), entry) and (tmp_path / written).is_file()
    asked: list[str] = []
    monkeypatch.setattr(
        QMessageBox, "question", lambda _over, _title, text: asked.append(text) or QMessageBox.StandardButton.No
    )
    before = (tmp_path / "w.npy").stat().st_mtime_ns
    typed = str(tmp_path / "w")
    assert "nothing yet" in told(heatmap.context_menu(), "Save values as NPY")
    assert "w.npy already exists" in asked[0] and (tmp_path / "w.npy").stat().st_mtime_ns == before
    typed = str(tmp_path / "nowhere" / "w")
    page.bars.export._ask_where("csv", "CSV table", page.bars.export.save_csv)
    assert "nowhere/w.csv could not be written" in page.banner.text()


def test_several_tensors_go_into_one_file(inspecting: Desk, expected: Trace, tmp_path: Path) -> None:
    desk, page = inspecting, inspecting.inspect

    def entry(start: str) -> QAction:
        actions = page.tensor.view.context_menu().actions()
        return next(action for action in actions if action.text().startswith(start))

    for name in ("blocks.1.attn.q", "resid_norms"):
        desk.click_flow(name) if name == "resid_norms" else desk.session.select(name=name)
        desk.settle()
        entry("Keep this tensor").trigger()
    assert entry("Save 2 kept tensors") and "2 kept" in words(desk.window.strip)
    page.kept.save((), tmp_path / "two.safetensors")
    desk.settle()
    saved = load_file(tmp_path / "two.safetensors")
    assert set(saved) == {"blocks.1.attn.q", "resid_norms"}
    for name, values in saved.items():
        assert np.array_equal(values, expected[name].numpy())
    assert f"2 tensors are in {tmp_path / 'two.safetensors'}" in words(desk.window.strip)
    assert not page.banner.isVisible(), "nothing on the page moves"
    page.kept.save(("embed",), tmp_path / "nowhere" / "one.safetensors")
    desk.settle()
    assert "could not be written" in words(page.banner)


def test_fonts_of_segments_stay_through_a_change_of_theme(inspecting: Desk) -> None:
    desk, modes = inspecting, inspecting.inspect.attention.modes
    before = [modes.button(place).font().weight() for place in range(4)]
    assert before[0] > before[1]
    for theme in ("dark", "light"):
        desk.theme.set_choice(theme)
        desk.settle()
    assert [modes.button(place).font().weight() for place in range(4)] == before
