"""The Model page: what is there, whether it fits, opening it, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine.models.fake_hub import FakeHub, our_hub
from engine.tiny_adapters import config, save_adapter
from engine.tiny_models import save_tiny
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from ui.desk import Desk, words

from app.engine.models.estimate import estimate
from app.engine.models.loaded import LoadedModel
from app.engine.models.modules import module_rows
from app.engine.models.records import Estimate
from app.session.state import RoomWanted
from app.ui.pages.model.sources_panel import COMPUTER, HUB
from app.ui.widgets.memory_bar import bytes_text


@pytest.fixture
def page(desk: Desk) -> Desk:
    desk.window.show_page("model")
    desk.settle()
    return desk


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with our_hub(monkeypatch, tmp_path / "cache") as served:
        served.repositories["ada/tiny-llama"] = save_tiny(tmp_path / "served", "llama")
        yield served


def test_the_open_model_is_listed_and_fits(page: Desk) -> None:
    rows = {row.ref: row for row in page.model.sources.list.rows()}
    row = rows["story-gpt"]
    assert (row.badge, row.state, row.detail) == ("A", "ready", "decoder only: writes stories on")
    assert all(row.detail.count(":") == 1 for row in rows.values()), "each says what it can show"
    made = estimate("story-gpt")
    memory = page.model.load.memory
    assert memory.verdict().startswith("fits")
    assert memory.parts_text() == ", ".join(f"{name} {bytes_text(size)}" for name, size in made.parts)
    assert page.model.load.as_a.text() == "Reload"
    assert page.model.structure.subtitle() == "of story-gpt, open as A"
    page.model.sources.list.set_current("story-bert")
    assert page.model.structure.subtitle() == "of story-gpt, open as A"
    assert "<b>story-bert</b>, chosen in the list, is another" in words(page.window.explain)
    page.model.sources.list.set_current("story-gpt")
    assert "is another" not in words(page.window.explain)
    page.session.open_model("story-gpt", slot="B")
    page.wait(lambda: page.model.sources.list.rows()[[*rows].index("story-gpt")].badge == "AB")


def test_the_tree_is_the_models_and_can_be_searched(page: Desk, story: LoadedModel) -> None:
    shown = page.model.tree.shown()
    rows = module_rows(story)
    assert {path for path, _, _ in shown} == {row.path for row in rows}
    by_path = {path: (shape, count) for path, shape, count in shown}
    assert by_path["transformer.wte"] == ("[4096, 256]", f"{4096 * 256:,}")
    page.qtbot.keyClicks(page.model.search, "c_attn")
    found = [path for path, _, _ in page.model.tree.shown()]
    assert [path for path in found if path.endswith("c_attn")] == [f"transformer.h.{i}.attn.c_attn" for i in range(4)]
    assert not any("mlp" in path for path in found)


def test_the_vocabulary_is_searched(page: Desk, story: LoadedModel) -> None:
    page.click(page.model.views.button(1))
    view = page.model.tokenizer
    assert "BPE, 4,096 entries" in words(view)
    page.qtbot.keyClicks(view.field, "rabbit")
    page.wait(
        lambda: (
            view.entries.rowCount()
            and all("abbit" in view.entries.item(row, 2).text() for row in range(view.entries.rowCount()))
        )
    )
    ids = [int(view.entries.item(row, 0).text()) for row in range(view.entries.rowCount())]
    assert ids[0] == story.tokenizer(" rabbit")["input_ids"][0], "the word itself comes first"
    assert f"{len(ids)} entries with “rabbit”" in words(view)
    page.qtbot.keyClicks(view.field, "zzz")
    page.wait(lambda: "No entry holds “rabbitzzz”" in words(view))


def test_searches_without_a_find_say_so(page: Desk) -> None:
    page.qtbot.keyClicks(page.model.search, "zzz")
    assert page.model.no_module.isVisible() and not page.model.tree.isVisible()
    page.qtbot.keyClicks(page.model.sources.field, "qqq")
    assert "No model here holds “qqq”" in words(page.model.sources)
    page.model.search.clear()
    page.model.sources.field.clear()
    assert page.model.tree.isVisible() and page.model.sources.list.isVisible()


def test_the_kind_carries_the_models_numbers(page: Desk) -> None:
    cards = page.model.families.cards
    assert "4 blocks" in cards["decoder"].accessibleDescription()
    assert cards["encoder"].accessibleDescription() == ""


def test_a_folder_is_dropped_and_becomes_recent(page: Desk, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "dropped", "gpt2")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    page.window.dropEvent(event)
    page.wait(lambda: page.session.summary is not None and page.session.summary.name == "dropped")
    page.settle()
    page.click(page.model.sources.shelf.button(COMPUTER))
    row = page.model.sources.list.rows()[0]
    assert (row.ref, row.title, row.badge) == (str(folder), "dropped", "A")
    assert "transformer.wte" in {path for path, _, _ in page.model.tree.shown()}


def test_the_shelf_of_an_opened_folder_comes_to_the_front(page: Desk, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "little", "llama")
    page.open(folder)
    page.wait(lambda: page.model.sources.list.current() == str(folder))
    assert page.model.sources.shelf.index() == COMPUTER


def test_a_folder_that_cannot_be_opened_says_why_in_the_list(page: Desk, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "broken", "gpt2")
    page.open(folder)
    (folder / "tokenizer.json").unlink()
    page.session.library.refresh(page.session.recent)
    page.settle()
    page.click(page.model.sources.shelf.button(COMPUTER))
    row = page.model.sources.list.rows()[0]
    assert row.state == "cannot open"
    assert "no tokenizer" in row.tip


# Said by peft while the adapter is made.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_says_whose_it_is(page: Desk, story: LoadedModel, tmp_path: Path) -> None:
    base = type(story.model).from_pretrained(story.folder)
    folder = save_adapter(tmp_path / "pirate", base, config(), "story-gpt")
    page.open(folder)
    page.wait(lambda: page.model.sources.list.current() == str(folder))
    page.click(page.model.sources.shelf.button(COMPUTER))
    row = page.model.sources.list.rows()[0]
    assert (row.title, row.state, row.detail) == ("pirate", "ready", "LoRA adapter of story-gpt, rank 8")
    assert page.model.load.subtitle().startswith("LoRA adapter of story-gpt, rank 8, GPT-2 architecture, decoder only")
    assert page.model.load.memory.verdict().startswith("fits")


def test_another_precision_is_estimated_and_loaded(page: Desk) -> None:
    page.click(page.model.load.precisions.card("bf16"))
    page.settle()
    assert (
        f"Weights {bytes_text(estimate('story-gpt', precision='bf16').parts[0][1])}"
        in page.model.load.memory.parts_text()
    )
    page.click(page.model.load.as_a)
    page.wait(lambda: page.session.summary is not None and page.session.summary.precision == "bf16")
    assert "bf16" in page.window.top_bar.model_box.accessibleName()


def test_b_is_opened_swapped_and_closed(page: Desk, tmp_path: Path) -> None:
    page.click(page.model.load.as_b)
    page.wait(lambda: page.session.models.summary("B") is not None)
    box = page.window.top_bar.second_box
    assert box.isVisible()
    assert "Model B: story-gpt" in box.accessibleName()
    page.settle()
    page.session.models.swap()
    page.session.models.close("B")
    page.settle()
    assert not box.isVisible()


def test_a_model_is_searched_downloaded_and_opened(page: Desk, hub: FakeHub) -> None:
    sources = page.model.sources
    page.click(sources.hub)
    page.qtbot.keyClicks(sources.field, "tiny")
    page.key(sources.field, Qt.Key.Key_Return)
    page.wait(lambda: [row.ref for row in sources.list.rows()] == ["ada/tiny-llama"])
    assert sources.list.rows()[0].state == "download"
    sources.list.set_current("ada/tiny-llama")
    assert page.model.load.title() == "tiny-llama"
    page.click(page.model.load.as_a)
    page.wait(lambda: page.session.summary is not None and page.session.summary.name == "tiny-llama")
    page.settle()
    assert sources.list.rows()[0].state == "ready"
    assert sources.list.rows()[0].badge == "A"


def test_a_search_without_network_says_so(page: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = page.model.sources
    sources.search_hub()
    page.qtbot.keyClicks(sources.field, "tiny")
    page.key(sources.field, Qt.Key.Key_Return)
    page.wait(page.model.banner.isVisible)
    assert "HF_HUB_OFFLINE" in page.model.banner.text()
    assert sources.shelf.index() == HUB


def test_opening_can_be_cancelled_with_escape(page: Desk, hub: FakeHub) -> None:
    weights = hub.repositories["ada/tiny-llama"] / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + bytes(5_000_000))
    hub.seconds_per_chunk = 0.02
    page.session.open_model("ada/tiny-llama")
    page.wait(lambda: "model.safetensors" in hub.sent)
    page.key(page.window, Qt.Key.Key_Escape)
    page.wait(lambda: not page.session.opening and page.board.idle)
    assert page.session.summary is not None and page.session.summary.name == "story-gpt"


def test_what_does_not_fit_asks_before_closing(page: Desk) -> None:
    made = Estimate("story-gpt", 1, "cpu", "fp32", (("Weights", 100),), 8, 90, 20, "fp32")
    request = page.session.models.request("A")
    assert request is not None
    page.session.models.room_wanted.emit(RoomWanted(replace(request, precision="bf16"), made, ("A",)))
    banner = page.model.banner
    assert "needs 100 B, 90 B is free" in banner.text()
    assert page.session.summary is not None, "nothing is closed before the answer"
    page.click(banner.action)
    page.wait(lambda: page.session.summary is not None and page.session.summary.precision == "bf16")
