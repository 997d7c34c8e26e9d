"""The commands of the window: keys, palette and menus all take them from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from PySide6.QtGui import QKeySequence

from app.session.session import Session
from app.session.state import LENS_MAP
from app.ui.actions import Command, bound
from app.ui.demo_controls import DemoControls
from app.ui.jobs_panel import JobsPanel
from app.ui.model_controls import ModelControls
from app.ui.theme import Theme
from app.ui.widgets.explain_panel import ExplainPanel
from app.ui.widgets.palette import Palette
from app.ui.zoom import ZOOMS


class Commanded(Protocol):
    """What the commands need of the window."""

    theme: Theme
    session: Session
    bundled: tuple[str, ...]
    labels: Mapping[str, str]
    """The pages' names by key, in the order of the rail."""
    jobs: JobsPanel
    explain: ExplainPanel
    controls: ModelControls
    demos: DemoControls
    palette_popup: Palette

    def show_page(self, key: str) -> None: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...
    def search_hub(self) -> None: ...
    def about(self) -> None: ...
    def note(self, words: str) -> None: ...
    def zoom_by(self, step: int) -> None: ...
    def zoom_to(self, zoom: int) -> None: ...
    def close(self) -> bool: ...


def window_commands(window: Commanded) -> list[Command]:
    """Everything that can be done wherever the person is, the pages first."""
    session, models = window.session, window.session.models
    pages = [
        Command(f"Go to {label}", bound(window.show_page, key), f"Ctrl+{place}", key, "page")
        for place, (key, label) in enumerate(window.labels.items(), 1)
    ]

    def both() -> bool:
        return models.summary("B") is not None and models.summary("A") is not None

    def adapted(slot: str = "A") -> bool:
        loaded = models.loaded(slot)
        return loaded is not None and loaded.adapter is not None

    return [
        *pages,
        Command("Run", window.run, "Ctrl+Return", "play", "generate inspect load start"),
        Command("Stop", window.stop, "Escape", "stop", "cancel"),
        Command("Find or run", window.palette_popup.open, "Ctrl+K", "search", "palette command"),
        Command("Open a model folder…", window.controls.choose_folder, "Ctrl+O", "folder", "load checkpoint"),
        Command("Search the hub…", window.search_hub, "", "download", "hugging face model"),
        Command("Save this session with its text…", window.demos.save, "", "export", "demo record replay generate"),
        Command("Open a recorded session…", window.demos.open, "", "folder", "demo replay"),
        Command("Swap models A and B", models.swap, "", "model", "", both),
        Command("Close model B", bound(models.close, "B"), "", "close", "unload", both),
        Command("Adapter on or off", bound(switch_adapter, window), "F6", "finetune", "LoRA base before", adapted),
        Command(
            "Adapter of B on or off",
            bound(switch_adapter, window, "B"),
            "Shift+F6",
            "finetune",
            "LoRA base before",
            lambda: adapted("B"),
        ),
        Command("Undo", session.undo, "Ctrl+Z", "reset", "back"),
        Command("Redo", session.redo, "Ctrl+Shift+Z", "reset", "again"),
        Command("Explain", window.explain.toggle, "F1", "info", "help panel"),
        Command("All jobs", window.jobs.open, "Ctrl+J", "jobs", "history progress cancel"),
        Command("Light theme", bound(window.theme.set_choice, "light"), "", "sun", "bright"),
        Command("Dark theme", bound(window.theme.set_choice, "dark"), "", "moon", "night"),
        Command("Theme of the system", bound(window.theme.set_choice, "system"), "", "sun", "light dark auto"),
        Command("Zoom in", bound(window.zoom_by, 1), "Ctrl++", "plus", "larger text scale"),
        Command("Zoom out", bound(window.zoom_by, -1), "Ctrl+-", "minus", "smaller text scale"),
        *(Command(f"Zoom {zoom}%", bound(window.zoom_to, zoom), "", "eye", "scale text size") for zoom in ZOOMS),
        Command("About Unembed", window.about, "", "info", "version versions torch devices"),
        Command("Quit", window.close, QKeySequence(QKeySequence.StandardKey.Quit).toString(), "close", "exit"),
    ]


def switch_adapter(window: Commanded, slot: str = "A") -> None:
    """A model's adapter off, or on again; what is shown of it is computed anew, and texts say what wrote them. Where
    there is nothing to switch it says why."""
    models = window.session.models
    loaded = models.loaded(slot)
    if loaded is None:
        return
    name = loaded.summary.name
    if loaded.adapter is None:
        window.note(f"{name} carries no adapter: there is nothing to switch off or on.")
    elif loaded is models.in_training:
        window.note(f"{name} is being trained. What it learns can be switched off and on when the run has ended.")
    else:
        models.set_adapter_active(slot, not loaded.adapter_active)


def tensor_commands(window: Commanded) -> list[Command]:
    """One command for every tensor of the run, every module's input and output, and every weight."""
    session = window.session
    if not session.inspection.ready:
        return []
    names = [name for name, info in session.inspection.infos.items() if not info.absent]
    for row in session.structure.rows:
        if row.path:
            names += [row.path, f"{row.path}.input"]
        names += [f"{row.path}.{name}" for name, _, _ in row.tensors]

    def show(name: str) -> None:
        window.show_page("inspect")
        session.select(name=name)

    def say_why(why: str) -> None:
        window.show_page("inspect")
        session.inspection.not_read.emit(why)

    words = "weight module activation"
    return [
        *(Command(f"Tensor {name}", bound(show, name), "", "inspect", words) for name in names),
        Command("Raw logit lens at every position", bound(show, LENS_MAP), "", "inspect", "tensor layers tokens"),
        *(
            Command(f"Tensor {name}", bound(say_why, info.absent), "", "", words, absent=info.absent)
            for name, info in session.inspection.infos.items()
            if info.absent
        ),
    ]


def model_commands(window: Commanded) -> list[Command]:
    """One command for each model that can be opened at once."""
    session = window.session
    known = [entry.ref for entry in session.library.entries if not entry.problem] or [*window.bundled]
    refs = list(dict.fromkeys([*known, *session.recent]))
    return [Command(f"Open {ref}", bound(session.open_model, ref), "", "model", "model load") for ref in refs]
