"""The panel of settings: sliders and fields, what is refused and what is idle, costs, the button that starts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.engine.errors import UserError
from app.engine.finetune.records import Costs, MemoryPart
from app.engine.finetune.settings import ALL_LINEAR, FinetuneSettings, knobs
from app.ui.pages.finetune.costs_view import share_words, span_words
from app.ui.pages.finetune.method_panel import MethodPanel
from app.ui.theme import Theme
from app.ui.widgets.slider_field import SliderField

GROUPS = (
    ("Q, K, V", ("attn.c_attn",)),
    ("Attn out", ("attn.c_proj",)),
    ("MLP", ("mlp.c_fc", "mlp.c_proj")),
)
COSTS = Costs(
    trainable=73_728,
    total=6_385_664,
    parts=(
        MemoryPart("weights", 24_000_000),
        MemoryPart("LoRA + Adam", 1_200_000),
        MemoryPart("gradients", 0),
        MemoryPart("activations", 385_000_000),
    ),
    free=12_900_000_000,
    steps=200,
    seconds_a_step=0.9,
    targets=("attn.c_attn",),
)


@pytest.fixture
def panel(qtbot, theme: Theme) -> MethodPanel:
    panel = MethodPanel(theme)
    panel.set_target_groups(GROUPS)
    qtbot.addWidget(panel)
    panel.resize(376, 900)
    panel.show()
    return panel


def click(widget: QWidget) -> None:
    # A check box that is stretched is pressed at its own left end.
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(10, widget.height() // 2))


def heard(signal) -> list:
    values: list = []
    signal.connect(values.append)
    return values


def typed(panel: MethodPanel, name: str, text: str) -> None:
    field = panel.fields[name].field
    field.selectAll()
    field.insert(text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def double_click_label(field) -> None:
    QTest.mouseDClick(field.label, Qt.MouseButton.LeftButton, pos=QPoint(6, 8))


def test_every_setting_has_a_control_with_its_words(panel: MethodPanel) -> None:
    elsewhere = {"method", "held_out", "prompts", "max_steps", "epochs", "targets"}
    assert set(panel.fields) == {field.name for field in fields(FinetuneSettings)} - elsewhere
    controls = {
        **panel.fields,
        "max_steps": panel.length.steps,
        "epochs": panel.length.epochs,
        "targets": panel.targets,
    }
    for name, control in controls.items():
        knob = knobs()[name]
        assert control.label.text() == knob.label
        assert control.label.toolTip().startswith(knob.help) and "efault" in control.label.toolTip()
        assert not control.label.is_marked() or name == "max_steps"
    assert "1 to 4,096, default 8." in panel.fields["rank"].field.toolTip()
    assert "0 to 10, default 2e−4." in panel.fields["learning_rate"].field.toolTip()
    assert "0 to 1, default off." in panel.fields["weight_decay"].field.toolTip()
    assert "2 or more, default empty." in panel.fields["max_length"].field.toolTip()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rank", "32", 32),
        ("alpha", "0.5", 0.5),
        ("learning_rate", "3e-5", 3e-5),
        ("dropout", "0.05", 0.05),
        ("batch_size", "16", 16),
        ("accumulation", "4", 4),
        ("warmup", "off", 0.0),
        ("weight_decay", "0.001", 0.001),
        ("clip", "0.25", 0.25),
        ("patience", "3", 3),
        ("sample_tokens", "200", 200),
        ("max_length", "512", 512),
        ("evaluate_every", "20", 20),
        ("save_every", "40", 40),
        ("seed", "9223372036854775807", 2**63 - 1),
    ],
)
def test_a_number_is_typed_marked_and_put_back(panel: MethodPanel, name: str, text: str, value: object) -> None:
    changes, refused = heard(panel.changed), heard(panel.refused)
    click(panel.fold)
    typed(panel, name, text)
    assert changes == [replace(FinetuneSettings(), **{name: value})] and refused == []
    assert panel.fields[name].label.is_marked()
    double_click_label(panel.fields[name])
    assert changes[-1] == FinetuneSettings() and not panel.fields[name].label.is_marked()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rank", "5000", "“5000” does not fit: Rank r goes from 1 to 4,096. It is 4,096 now."),
        ("learning_rate", "fast", "“fast” does not fit: Learning rate goes from 0 to 10. It is 2e−4 now."),
        ("seed", "1.5", "“1.5” does not fit: Seed is a whole number, 0 or more. It is 0 now."),
        (
            "max_length",
            "1",
            "“1” does not fit: Longest example is a whole number, 2 or more, or empty. It is empty now.",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_range(panel: MethodPanel, name: str, text: str, words: str) -> None:
    refused = heard(panel.refused)
    typed(panel, name, text)
    assert isinstance(refused[0], UserError) and refused[0].fact == words
    assert panel.fields[name].value() == getattr(panel.settings(), name)


def test_a_number_that_may_be_open_is_emptied_and_stepped(panel: MethodPanel) -> None:
    panel.set_settings(FinetuneSettings(evaluate_every=20))
    changes = heard(panel.changed)
    typed(panel, "evaluate_every", "")
    assert changes[-1].evaluate_every is None
    assert panel.fields["evaluate_every"].field.placeholderText() == "auto"
    QTest.keyClick(panel.fields["max_length"].field, Qt.Key.Key_Up)
    assert changes[-1].max_length == 32


def test_choices_and_switches_change_and_go_back(panel: MethodPanel) -> None:
    click(panel.fold)
    changes = heard(panel.changed)
    QTest.keyClick(panel.fields["schedule"].combo, Qt.Key.Key_Down)
    assert changes[-1].schedule == "cosine"
    QTest.keyClick(panel.fields["train_on"].combo, Qt.Key.Key_Down)
    assert changes[-1].train_on == "all"
    for name in ("rslora", "checkpointing"):
        click(panel.fields[name].box)
        assert getattr(changes[-1], name) is True
    for name in ("schedule", "train_on", "rslora", "checkpointing"):
        assert panel.fields[name].label.is_marked()
        double_click_label(panel.fields[name])
    assert changes[-1] == FinetuneSettings()


def test_a_full_finetune_leaves_lora_idle_and_says_so(panel: MethodPanel) -> None:
    changes = heard(panel.changed)
    click(panel.method.button(1))
    assert changes == [FinetuneSettings(method="full")]
    for name in ("rank", "alpha", "dropout"):
        field = panel.fields[name]
        assert isinstance(field, SliderField) and not field.track.isEnabled()
        assert "only LoRA" in field.field.toolTip()
    assert not panel.fields["rslora"].box.isEnabled()
    assert not any(box.isEnabled() for box in panel.targets.boxes)
    assert "only LoRA" in panel.targets.boxes[0].toolTip()
    assert panel.fields["learning_rate"].track.isEnabled()
    click(panel.method.button(0))
    assert changes[-1] == FinetuneSettings() and panel.targets.boxes[0].isEnabled()


def test_stopping_early_needs_held_out_examples(panel: MethodPanel) -> None:
    assert panel.fields["patience"].track.isEnabled()
    panel.set_settings(FinetuneSettings(held_out=0))
    assert not panel.fields["patience"].track.isEnabled()
    assert "Nothing is held out" in panel.fields["patience"].field.toolTip()


def test_other_defaults_say_why_and_leave_what_is_chosen(panel: MethodPanel) -> None:
    rate, checkpointing = panel.fields["learning_rate"], panel.fields["checkpointing"]
    panel.set_settings(FinetuneSettings(learning_rate=5e-4))
    assert rate.label.is_marked()
    start = FinetuneSettings(learning_rate=5e-4, checkpointing=True, epochs=3)
    panel.set_start(start, {"learning_rate": "For a small model.", "checkpointing": "For a large one."})
    assert not rate.label.is_marked() and rate.value() == 5e-4
    assert "default 5e−4" in rate.field.toolTip() and "For a small model." in rate.field.toolTip()
    assert checkpointing.label.is_marked() and "Default on.\nFor a large one." in checkpointing.label.toolTip()
    assert panel.length.epochs.default() == 3
    changes = heard(panel.changed)
    panel.reset.click()
    assert changes[-1] == start


def test_groups_of_layers_are_chosen(panel: MethodPanel) -> None:
    changes, refused = heard(panel.changed), heard(panel.refused)
    attention, out, mlp = panel.targets.boxes
    assert all(box.isChecked() for box in panel.targets.boxes) and not panel.targets.label.is_marked()
    click(mlp)
    assert changes[-1].targets == ("attn.c_attn", "attn.c_proj") and panel.targets.label.is_marked()
    click(out)
    click(attention)
    assert refused[0].fact == "LoRA needs at least one group of layers to adapt."
    assert attention.isChecked() and changes[-1].targets == ("attn.c_attn",)
    click(mlp)
    click(out)
    assert changes[-1].targets == ALL_LINEAR
    panel.set_settings(FinetuneSettings(targets=("mlp.c_fc",)))
    assert [box.isChecked() for box in panel.targets.boxes] == [False] * 3 and mlp.text() == "MLP (1 of 2)"
    double_click_label(panel.targets)
    assert changes[-1].targets == ALL_LINEAR and mlp.isChecked() and mlp.text() == "MLP"
    panel.set_target_groups((*GROUPS, ("Other", ("pooler.dense",))))
    assert [box.isChecked() for box in panel.targets.boxes] == [True, True, True, False], "all-linear is the blocks'"
    click(panel.targets.boxes[3])
    assert changes[-1].targets == ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "pooler.dense")
    panel.set_target_groups(())
    assert not panel.targets.isVisible()


def test_a_run_is_counted_in_epochs_or_steps(panel: MethodPanel) -> None:
    changes, length = heard(panel.changed), panel.length
    assert length.epochs.isVisible() and not length.steps.isVisible()
    QTest.keyClick(length.epochs.field, Qt.Key.Key_Up)
    assert changes[-1] == FinetuneSettings(epochs=2)
    panel.show_costs(COSTS)
    steps, epochs = length.menu.actions()
    steps.trigger()
    assert changes[-1] == FinetuneSettings(epochs=2, max_steps=200)
    assert length.steps.isVisible() and length.steps.label.is_marked() and length.steps.field.text() == "200"
    QTest.keyClick(length.steps.track, Qt.Key.Key_End)
    assert changes[-1].max_steps == 2000
    double_click_label(length.steps)
    assert changes[-1].max_steps is None and length.epochs.isVisible()
    steps.trigger()
    epochs.trigger()
    assert changes[-1].max_steps is None


def test_seldom_changed_settings_are_folded_but_counted(panel: MethodPanel) -> None:
    assert not panel.more.isVisible() and panel.fold.text() == "More settings"
    panel.set_settings(FinetuneSettings(seed=3, clip=0.5))
    assert panel.fold.text() == "More settings (2 changed)"
    click(panel.fold)
    assert panel.more.isVisible() and panel.fold.text() == "Fewer settings"


def test_reset_puts_back_what_this_panel_shows(panel: MethodPanel) -> None:
    assert not panel.reset.isEnabled()
    panel.set_settings(FinetuneSettings("full", max_steps=9, seed=4, held_out=0.2, prompts=("Once",)))
    changes = heard(panel.changed)
    click(panel.reset)
    assert changes == [FinetuneSettings(held_out=0.2, prompts=("Once",))]
    assert not panel.reset.isEnabled() and panel.method.index() == 0


def test_settings_chosen_elsewhere_emit_nothing(qtbot, panel: MethodPanel) -> None:
    with qtbot.assertNotEmitted(panel.changed):
        panel.set_settings(FinetuneSettings("full", max_steps=77, batch_size=32, schedule="constant"))
    assert panel.settings().max_steps == 77
    assert (panel.length.steps.field.text(), panel.fields["batch_size"].field.text()) == ("77", "32")


def test_costs_are_told(panel: MethodPanel) -> None:
    costs = panel.costs
    assert costs.time.text() == "Counted once there are a model and examples."
    panel.show_costs(COSTS)
    assert (costs.trainable.text(), costs.percent.text()) == ("73,728 of 6,385,664", "1.15%")
    assert costs.trainable.toolTip() == "LoRA changes attn.c_attn"
    trained, rest = costs.share.part_rects()
    assert trained.width() == pytest.approx(costs.share.width() * 73_728 / 6_385_664, abs=1.5)
    assert rest.right() == pytest.approx(costs.share.width())
    assert costs.total.text() == "410.2 MB"
    assert costs.part_words() == ["weights 24.0 MB", "LoRA + Adam 1.2 MB", "activations 385.0 MB"]
    assert costs.time.text() == "about 3 min for 200 steps"
    panel.show_costs(None)
    assert costs.trainable.text() == "" and costs.part_words() == [] and not costs.verdict.isVisible()


@pytest.mark.parametrize(
    ("free", "words", "tone"),
    [
        (12_900_000_000, "fits in 12.9 GB free", "ok"),
        (400_000_000, "tight: 400.0 MB free", "warn"),
        (300_000_000, "too big: 300.0 MB free", "error"),
    ],
)
def test_the_verdict_is_a_word(panel: MethodPanel, free: int, words: str, tone: str) -> None:
    panel.show_costs(replace(COSTS, free=free, seconds_a_step=0.0))
    assert (panel.costs.verdict.words(), panel.costs.verdict.tone()) == (words, tone)
    assert ("checkpointing" in panel.costs.verdict.toolTip()) == (tone != "ok")
    assert panel.costs.time.text() == "200 steps; how long they take is known after the first few"


def test_shares_and_spans_in_words() -> None:
    assert [share_words(part, 100_000) for part in (0, 1, 1150, 100_000)] == ["0.00%", "<0.01%", "1.15%", "100%"]
    spans = [span_words(seconds) for seconds in (0.2, 40, 180, 7200, 7800, 300_000)]
    assert spans == ["1 s", "40 s", "3 min", "2 h", "2 h 10 min", "3 days"]


def test_the_start_waits_while_a_run_is_on(panel: MethodPanel) -> None:
    pressed = []
    panel.start.clicked.connect(lambda: pressed.append(True))
    click(panel.start)
    panel.set_state(True, "A run is in progress. Changes apply to the next one.")
    click(panel.start)
    assert pressed == [True] and panel.start.text() == "Training…"
    assert panel.words.text() == "A run is in progress. Changes apply to the next one."
    panel.set_state(False, "")
    assert panel.start.isEnabled() and panel.start.text() == "Start"


@pytest.mark.parametrize("choice", ["light", "dark"])
@pytest.mark.parametrize("size", [(340, 300), (400, 460)])
def test_in_a_narrow_column_it_scrolls_and_the_start_stays(
    theme: Theme, panel: MethodPanel, choice: str, size: tuple[int, int]
) -> None:
    theme.set_choice(choice)
    try:
        panel.show_costs(COSTS)
        click(panel.fold)
        panel.resize(*size)
        QTest.qWait(20)
        assert panel.size().toTuple() == size
        for widget in (panel.fields["alpha"], panel.costs.total, panel.fields["seed"].field, panel.start):
            assert widget.mapTo(panel, QPoint(widget.width(), 0)).x() <= panel.width()
        assert panel.rect().contains(panel.start.mapTo(panel, panel.start.rect().bottomRight()))
        panel.grab()
    finally:
        theme.set_choice("light")
