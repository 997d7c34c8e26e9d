"""Pictures of the Model page and of what stands around all pages."""

from __future__ import annotations

from app.ui.defect_dialog import DefectDialog
from app.ui.pages.inspect.page import InspectPage
from app.ui.pages.model.page import ModelPage
from pictures.inspecting import TEXT
from pictures.stage import LOG, Shown, Stage


def model(stage: Stage) -> Shown:
    """A model's facts, its modules, and families of models."""
    stage.open("story-gpt")
    stage.page("model", ModelPage)
    stage.settle()
    yield "model", stage.window


def around(stage: Stage) -> Shown:
    """The palette, the jobs, a banner, and what a defect looks like."""
    stage.open("story-gpt")
    stage.page("inspect", InspectPage)
    stage.session.open_example(TEXT)
    stage.settle()
    stage.window.palette_popup.open("mod")
    yield "palette", stage.window.palette_popup
    stage.window.palette_popup.hide()
    stage.window.jobs.open()
    yield "jobs", stage.window.jobs
    stage.window.jobs.hide()
    stage.session.open_model("/models/llama-3-8b")
    stage.settle()
    yield "banner", stage.window
    try:
        exec("1 / 0")
    except ZeroDivisionError as error:
        # Without the lines of this script: those of the program would stand there.
        inner = error.__traceback__.tb_next if error.__traceback__ is not None else None
        dialog = DefectDialog(error.with_traceback(inner), LOG, stage.window)
    dialog.show()
    yield "crash", dialog
    dialog.close()


SCENES = {model: ("model",), around: ("palette", "jobs", "banner", "crash")}
