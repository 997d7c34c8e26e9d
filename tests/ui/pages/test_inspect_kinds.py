"""The Inspect page on an encoder, a classifier and an encoder-decoder: what is on screen is what the models compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from engine.family_configs import save
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QScrollArea, QTableWidget
from ui.desk import Desk, words

from app.engine.models import load
from app.engine.trace import trace
from app.engine.trace.beyond import norm_weighted, rollout
from app.session.state import LENS_MAP
from app.ui.pages.inspect.attention_panel import LINES
from app.ui.widgets.number_text import number, percent_text

FIRST, SECOND = "The cat saw the moon.", "Ada gave a ball to Tim."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kinds")
    for family in ("bert", "bart", "mamba", "llama", "t5", "qwen3", "bloom"):
        save(root / family, family)
    save(root / "judge", "bert", architectures=["BertForSequenceClassification"], num_labels=3)
    return root


def opened(desk: Desk, folder: Path, text: str, second: str = "") -> Desk:
    desk.open(folder)
    desk.wait(lambda: desk.session.summary is not None and desk.session.summary.ref == str(folder))
    desk.session.set_prompt(text, second)
    desk.settle()
    return desk


def shown_weights(desk: Desk) -> np.ndarray:
    return np.where(np.isneginf(values := desk.inspect.attention.heatmap.table().values), 0.0, values)


def test_an_encoder_decoder_shows_both_texts_and_three_attentions(desk: Desk, root: Path) -> None:
    opened(desk, root / "bart", FIRST, SECOND)
    page = desk.inspect
    expected = trace(load(root / "bart"), FIRST, target=SECOND)
    assert page.prompt.strip.count() == len(expected.tokens)
    assert page.prompt.target_strip.isVisible()
    assert page.prompt.target_strip.count() == len(expected.target_tokens)
    for place, kind in enumerate(("encoder", "self", "cross")):
        desk.click(page.attention.kinds.button(place))
        desk.settle()
        assert desk.session.selection.kind == kind
        selection = desk.session.selection
        pattern = expected.attention(selection.layer, selection.head, kind).numpy()
        assert np.allclose(shown_weights(desk), pattern, atol=1e-6), kind
        assert page.grid.table().values.shape == (2, 4)
    query = desk.session.query
    desk.session.select(name=f"decoder.blocks.{desk.session.selection.layer}.cross.k")
    desk.settle()
    desk.click(page.tensor.view, page.tensor.view.cell_rect(2, 3).center())
    assert (desk.session.query, desk.session.selection.key) == (query, 2), "keys are the source's"
    assert page.tensor.view.selected() == (2, 3)
    titles = [row.title for row in page.flow.rows()]
    assert titles.index("Encoder memory") < titles.index("Target so far")
    assert "Cross softmax" in titles


def test_without_a_target_the_model_writes_its_own(desk: Desk, root: Path) -> None:
    opened(desk, root / "bart", FIRST)
    inspection = desk.session.inspection
    assert inspection.written
    assert inspection.targets
    assert "the model's own" in words(desk.inspect.prompt)
    model = load(root / "bart")
    ids = torch.tensor([model.tokenizer(FIRST)["input_ids"]])
    made = model.model.generate(ids, do_sample=False, num_beams=1, max_new_tokens=60)[0].tolist()
    text = model.tokenizer.decode(made, skip_special_tokens=True)
    shown = "".join(token.text for token in inspection.targets if not token.special)
    assert shown.replace("\ufffd", "") == text.replace("\ufffd", "")


def test_the_second_text_is_typed(desk: Desk, root: Path) -> None:
    opened(desk, root / "bert", FIRST)
    prompt = desk.inspect.prompt
    desk.click(prompt.button)
    assert prompt.second_editor.isVisible()
    desk.qtbot.keyClicks(prompt.second_editor, SECOND)
    desk.key(prompt.second_editor, Qt.Key.Key_Return)
    desk.settle()
    assert desk.session.second == SECOND
    assert any(token.segment == 1 for token in desk.session.inspection.tokens)
    desk.session.undo()
    desk.settle()
    assert desk.session.second == ""


def test_a_pair_is_filtered(desk: Desk, root: Path) -> None:
    opened(desk, root / "bert", FIRST, SECOND)
    panel = desk.inspect.attention
    tokens = desk.session.inspection.tokens
    selection = desk.session.selection
    pattern = trace(load(root / "bert"), FIRST, pair=SECOND).attention(selection.layer, selection.head).numpy()
    a = [place for place, token in enumerate(tokens) if token.segment == 0]
    b = [place for place, token in enumerate(tokens) if token.segment == 1]
    assert panel.pairs.isVisible()
    for place, (rows, columns) in enumerate([(a, a), (a, b), (b, a), (b, b)], 1):
        panel.pairs.setCurrentIndex(place)
        assert np.allclose(shown_weights(desk), pattern[np.ix_(rows, columns)], atol=1e-6)
    desk.inspect.attention.heatmap.choose(0, 1)
    assert (desk.session.selection.query, desk.session.selection.key) == (b[0], b[1]), "places count all tokens"


def test_the_next_sentence_is_judged_of_two(desk: Desk) -> None:
    desk.open("story-bert")
    desk.session.set_prompt("The king was very old.", "")
    desk.settle()
    panel, explain = desk.inspect.next_token, desk.window.explain
    desk.click(panel.answers.button(3))
    desk.settle()
    assert panel.words.isVisible() and "needs two. Press Edit" in panel.words.text()
    assert "Whether the second sentence follows the first" in words(explain)
    desk.session.set_prompt("The king was very old.", "He had a long beard.")
    desk.settle()
    expected = trace(load("story-bert"), desk.session.prompt, pair=desk.session.second)["next_sentence"].softmax(-1)
    assert not panel.words.isVisible()
    rows = {text: share for text, share, _ in desk.inspect.bars.rows()}
    assert rows["follows"] == pytest.approx(float(expected[0]), abs=1e-6)


def test_the_first_token_is_left_out(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    whole = shown_weights(desk)
    desk.click(desk.inspect.attention.without_first)
    assert np.array_equal(shown_weights(desk), whole[:, 1:])


def test_a_token_is_masked_and_guessed(desk: Desk, root: Path) -> None:
    opened(desk, root / "bert", FIRST)
    place = next(i for i, token in enumerate(desk.session.inspection.tokens) if token.text.strip() == "saw")
    desk.session.select(query=place)
    desk.settle()
    desk.click(desk.inspect.next_token.mask_button)
    desk.settle()
    assert desk.session.prompt == FIRST.replace("saw", "<mask>")
    model = load(root / "bert")
    logits = trace(model, desk.session.prompt).logits[desk.session.query].softmax(-1)
    text, share, _ = desk.inspect.bars.rows()[0]
    assert text == model.tokenizer.decode([int(logits.argmax())])
    assert share == pytest.approx(float(logits.max()), abs=1e-6)


def test_a_classifier_shows_its_classes(desk: Desk, root: Path) -> None:
    opened(desk, root / "judge", FIRST)
    logits = trace(load(root / "judge"), FIRST).logits
    assert logits.shape == (3,)
    shares = logits.softmax(-1)
    rows = {text: share for text, share, _ in desk.inspect.bars.rows()}
    assert rows == {f"LABEL_{place}": pytest.approx(float(share), abs=1e-6) for place, share in enumerate(shares)}
    assert desk.inspect.next_token.title() == "Class"
    page, explain = desk.inspect, desk.window.explain
    desk.click(page.flow, page.flow.row_rect(len(page.flow.rows()) - 1).center())
    best = int(logits.argmax())
    assert f"<code>\u2068LABEL_{best}\u2069</code> gets {percent_text(float(shares[best]))}" in words(explain)
    desk.click_flow("logits")
    desk.settle()
    assert list(page.tensor.view.table().column_labels) == ["LABEL_0", "LABEL_1", "LABEL_2"]
    assert "each of the 3 <b>classes</b>" in words(explain) and "vocabulary" not in words(explain)


def test_lines_show_the_layers_heads(desk: Desk, root: Path) -> None:
    opened(desk, root / "bart", FIRST, SECOND)
    panel = desk.inspect.attention
    desk.click(panel.modes.button(2))
    desk.settle()
    assert panel.lines.isVisible()
    head, layer = desk.session.selection.head, desk.session.selection.layer
    assert panel.lines.heads() == [head]
    desk.click(panel.lines.switch(3))
    patterns = trace(load(root / "bart"), FIRST, target=SECOND).attention(layer, kind="cross").numpy()
    drawn = {(h, q, k): weight for h, q, k, weight in panel.lines.picture.lines()}
    expected = {
        (h, q, k): pytest.approx(float(patterns[h, q, k]), abs=1e-6)
        for h in (head, 3)
        for q, k in np.argwhere(patterns[h] >= 0.08).tolist()
    }
    assert drawn == expected
    assert desk.inspect._instead == LINES


def test_heads_are_sorted_by_what_they_do(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    heads = desk.inspect.heads
    heads.sorting.setCurrentIndex(1)
    assert heads.formula.isVisible() and "A[i, i−1]" in heads.formula.text()
    measured = desk.session.inspection.thumbnails
    shares = [measured["self", layer].measured[head].previous_token for layer, head in heads.grid.order()]
    assert shares == sorted(shares, reverse=True)
    best = heads.grid.order()[0]
    desk.click(heads.grid.viewport(), heads.grid.cell_rect(*best).center())
    desk.settle()
    assert (desk.session.selection.layer, desk.session.selection.head) == best
    # The table holds what is sorted by, and says of both what it is.
    desk.click(heads.twin.button)
    model = heads.twin.view.model()
    layer, head = best
    assert model.data(model.index(layer, head)) == number(measured["self", layer].measured[head].previous_token, 4)
    assert heads.grid.table().corner == "previous token: block \\ head"
    assert heads.formula.text().startswith("Table: mean of A[i, i−1]")
    heads.sorting.setCurrentIndex(0)
    model = heads.twin.view.model()
    largest = float(measured["self", layer].patterns[head].max(-1).mean())
    assert model.data(model.index(layer, head)) == number(largest, 4)
    assert heads.formula.text().startswith("Table: the largest weight of each row")
    desk.session.set_prompt("Once upon a time")
    desk.settle()
    heads.sorting.setCurrentIndex(3)
    assert "nothing to measure that by" in heads.formula.text()


def test_value_norms_and_rollout_stand_in_the_weights_place(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    panel, selection = desk.inspect.attention, desk.session.selection
    loaded = load("story-gpt")
    t = trace(loaded, desk.session.prompt)
    lengths = norm_weighted(t, selection.layer)[selection.head]
    expected = {"norms": lengths / lengths.sum(-1, keepdim=True), "rollout": rollout(t, selection.layer)}
    for place, weighting in enumerate(("norms", "rollout"), 1):
        panel.weightings.setCurrentIndex(place)
        panel.weightings.activated.emit(place)
        desk.settle()
        assert np.allclose(shown_weights(desk), expected[weighting].numpy(), atol=1e-5), weighting
        assert not panel.modes.button(1).isEnabled(), "scores belong to raw weights"


def test_who_wrote_the_answer(desk: Desk, root: Path) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    desk.click(desk.inspect.answers.button(2))
    desk.settle()
    table = desk.inspect.next_token.written.table
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert len(names) == 4 * 4 + 4 + 2
    added = [abs(float(table.item(row, 1).text().replace("−", "-"))) for row in range(table.rowCount())]
    assert added == sorted(added, reverse=True)
    opened(desk, root / "bert", FIRST)
    assert desk.inspect.answers.label() == "Answer"
    assert desk.inspect.bars.isVisible() and desk.inspect.bars.rows(), "another model is looked at anew"


def test_what_is_too_long_is_cut_only_when_asked(desk: Desk) -> None:
    text = "the cat sat on the mat and " * 200
    desk.session.set_prompt(text)
    desk.wait(desk.inspect.banner.isVisible)
    assert desk.inspect.banner.action.text() == "Cut to 512 tokens"
    assert desk.session.prompt == text, "nothing is cut silently"
    desk.click(desk.inspect.banner.action)
    desk.settle()
    assert len(desk.session.inspection.tokens) == 512
    assert text.startswith(desk.session.prompt)
    desk.session.undo()
    assert desk.session.prompt == text


def test_python_is_copied(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    actions = {action.text(): action for action in desk.inspect.attention.heatmap.context_menu().actions()}
    actions["Copy as Python"].trigger()
    desk.settle()
    code = QGuiApplication.clipboard().text()
    assert "is on the clipboard" in words(desk.window.strip) and not desk.inspect.banner.isVisible()
    space: dict[str, object] = {}
    exec(code, space)
    head = space["tensor"][desk.session.selection.head]  # type: ignore[index]
    assert np.allclose(head.numpy(), shown_weights(desk), atol=1e-5)


def test_long_names_go_on_in_the_next_line(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    name = "transformer.h.2.attn.c_attn.weight"
    desk.session.select(name=name)
    desk.settle()
    panel = desk.window.explain
    assert name in words(panel).replace("\u200b", "")
    scroll = panel.findChild(QScrollArea)
    assert scroll.widget().minimumSizeHint().width() <= scroll.viewport().width(), "it is cut at the right"


def test_a_model_without_attention_says_so(desk: Desk, root: Path) -> None:
    opened(desk, root / "mamba", FIRST)
    assert "no attention was seen" in desk.inspect.banner.text()
    assert not desk.defects


def test_the_gap_is_looked_at_first(desk: Desk, root: Path) -> None:
    opened(desk, root / "bert", "The cat <mask> the moon.")
    tokens = desk.session.inspection.tokens
    assert desk.session.query is not None
    assert tokens[desk.session.query].text == "<mask>"
    opened(desk, root / "bert", FIRST)
    assert not desk.session.inspection.tokens[desk.session.query].special, "nobody asks about the last mark"


def test_a_target_is_not_handed_on_as_a_second_sentence(desk: Desk, root: Path) -> None:
    opened(desk, root / "bart", FIRST, SECOND)
    desk.open(root / "bert")
    desk.settle()
    assert (desk.session.prompt, desk.session.second) == (FIRST, "")
    assert not any(token.segment for token in desk.session.inspection.tokens)
    # Nor is a second sentence by one head to another; in the strip it stands apart.
    desk.session.set_prompt(FIRST, SECOND)
    desk.settle()
    strip = desk.inspect.prompt.strip
    begins = next(place for place, token in enumerate(desk.session.inspection.tokens) if token.segment)
    assert strip.describe_token(begins - 1).split(" · ")[2] == "first sentence"
    assert strip.describe_token(begins).split(" · ")[2] == "second sentence"
    chip = strip.chip_rect(begins)
    pixel = strip.grab().toImage().pixelColor(chip.left() - 2, chip.center().y())
    assert pixel == desk.theme.color("accent")
    desk.open(root / "judge")
    desk.settle()
    assert (desk.session.prompt, desk.session.second) == (FIRST, "")


def test_a_refused_text_is_the_one_shown(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    desk.session.set_prompt("the cat sat on the mat and " * 200)
    desk.wait(desk.inspect.banner.isVisible)
    desk.settle()
    assert desk.inspect.prompt.strip.count() > 512
    assert desk.inspect.attention.heatmap.table().values.size == 0


def test_any_weight_is_found_by_its_name(desk: Desk) -> None:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    desk.click(desk.inspect.any_tensor)
    popup = desk.window.palette_popup
    desk.qtbot.keyClicks(popup.field, "wpe.weight")
    desk.key(popup.field, Qt.Key.Key_Return)
    desk.settle()
    table = load("story-gpt").model.transformer.wpe.weight.detach().numpy()
    view = desk.inspect.tensor.view
    assert np.array_equal(view.table().values, table)
    desk.click(desk.inspect.tensor.turned)
    assert np.array_equal(view.table().values, table.T)
    desk.click(desk.inspect.tensor.alike)
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    assert np.allclose(view.table().values, unit @ unit.T, atol=1e-5)


def test_encoder_and_decoder_stand_side_by_side_in_the_flow(desk: Desk, root: Path) -> None:
    opened(desk, root / "bart", FIRST, SECOND)
    flow = desk.inspect.flow
    rows = flow.rows()
    left = [flow.row_rect(place) for place, row in enumerate(rows) if row.stack == "encoder."]
    right = [flow.row_rect(place) for place, row in enumerate(rows) if row.stack == "decoder."]
    assert left and right
    assert max(rect.right() for rect in left) <= min(rect.left() for rect in right)
    titles = [row.title for row in rows]
    reads = next(place for place, row in enumerate(rows) if row.name.endswith("cross.q"))
    memory = flow.row_rect(titles.index("Encoder memory"))
    assert memory.center().y() == flow.row_rect(reads).center().y(), "it stands where it is read"
    embeds = next(place for place, row in enumerate(rows) if row.name == "encoder.embed")
    desk.click(flow, flow.row_rect(embeds).center())
    desk.settle()
    assert desk.session.selection.name == "encoder.embed"


def test_boxes_without_room_fold_into_a_menu_that_presses_them(desk: Desk, root: Path) -> None:
    opened(desk, root / "bart", FIRST, SECOND)
    panel = desk.inspect.attention
    desk.window.resize(1440, 900)
    desk.wait(lambda: panel.checks.folded)
    assert panel.checks.button.isVisible() and not panel.values.isVisible()
    desk.click(panel.checks.button)
    entry = next(action for action in panel.checks.menu.actions() if action.text() == "Values")
    assert entry.isChecked()
    entry.trigger()
    panel.checks.menu.close()
    assert not panel.values.isChecked()
    panel.resize(900, panel.height())
    assert panel.values.isVisible() and not panel.checks.button.isVisible()


@pytest.mark.parametrize("family", ["llama", "t5", "qwen3"])
def test_who_wrote_it_adds_up_in_other_families(desk: Desk, root: Path, family: str) -> None:
    """The parts on screen sum to the logit that the model gave its favourite."""
    second = SECOND if family == "t5" else ""
    opened(desk, root / family, FIRST, second)
    desk.click(desk.inspect.answers.button(2))
    desk.settle()
    place = desk.session.answer_at
    assert place is not None
    table = desk.inspect.next_token.written.table
    assert table.isVisible() and table.rowCount() > 4
    added = [float(text(table, row, 1).replace("−", "-")) for row in range(table.rowCount())]
    summary = desk.session.summary
    assert summary is not None
    shared = summary.kv_heads < summary.heads
    assert ("KV groups" in desk.inspect.heads.subtitle()) == shared == (desk.inspect.grid.group_of(0) is not None)
    logits = trace(load(root / family), FIRST, target=second or None).logits[place]
    assert sum(added) == pytest.approx(float(logits.max()), abs=0.02)
    if family == "t5":
        row = [text(table, row, 0) for row in range(table.rowCount())].index("L1 H2 cross")
        table.cellClicked.emit(row, 0)
        desk.settle()
        selection = desk.session.selection
        assert (selection.layer, selection.head, selection.kind) == (1, 2, "cross")
        assert desk.session.answer_at == place, "the answer explained stays the same"


@pytest.mark.parametrize("family", ["bert", "bart"])
def test_who_wrote_it_says_why_it_cannot_be_told_after_norms(desk: Desk, root: Path, family: str) -> None:
    opened(desk, root / family, FIRST, SECOND if family == "bart" else "")
    desk.click(desk.inspect.answers.button(2))
    desk.settle()
    written = desk.inspect.next_token.written
    assert not written.table.isVisible() and "norm" in written.words.text()
    assert "nothing that is added reaches the logit" in words(desk.window.explain)
    desk.click(desk.inspect.answers.button(1))
    desk.settle()
    assert "no meaning" in words(desk.window.explain), "what is refused is not explained"
    assert not desk.inspect.next_token.every_button.isVisible(), "nothing is offered that opens an empty page"
    page = desk.inspect
    row = next(place for place, row in enumerate(page.flow.rows()) if row.title == "Raw logit lens")
    assert page.flow.rows()[row].name == "" and page.flow.rows()[row].detail == "none"
    page.answers.button(0).click()
    desk.click(page.flow, page.flow.row_rect(row).center())
    assert "no meaning" in words(desk.window.explain)
    desk.session.select(name=LENS_MAP)
    desk.settle()
    assert "no meaning" in page.lens_map.words.text() and page.facts.rows() == []


def test_what_a_model_lacks_is_told_with_the_reason(desk: Desk, root: Path) -> None:
    opened(desk, root / "bloom", FIRST)
    page, explain = desk.inspect, desk.window.explain
    row = next(place for place, row in enumerate(page.flow.rows()) if row.title == "Add position")
    assert page.flow.rows()[row].detail == "none"
    desk.click(page.flow, page.flow.row_rect(row).center())
    assert "a slope on the scores of each head (ALiBi)" in words(explain)
    for name, said in (
        ("alibi_slopes", "One number for each <b>head</b>"),
        ("position_bias", "Nothing of it is learned"),
    ):
        desk.click_flow(name)
        desk.settle()
        assert said in words(explain)
    assert list(page.tensor.view.table().row_labels) == ["H0", "H1", "H2", "H3"]
    desk.click(page.any_tensor)
    popup = desk.window.palette_popup
    desk.qtbot.keyClicks(popup.field, "pos_embed")
    assert popup.shown() == ["Tensor pos_embed"] and "not here: Positions enter as a slope" in words(popup)
    desk.key(popup.field, Qt.Key.Key_Return)
    assert "not as a table that is added" in words(page.banner)


def text(table: QTableWidget, row: int, column: int) -> str:
    item = table.item(row, column)
    assert item is not None
    return item.text()
