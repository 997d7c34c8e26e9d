"""Take the pictures of resources/pictures anew, each in both themes.

    xvfb-run -a .venv/bin/python packaging/take_pictures.py [--into FOLDER] [NAME …]

NAME is a picture as its file is called, without the theme: `inspect`, `aligned`. Without names all are taken, which
takes some minutes: every picture is of the real window, driven to where it is worth a look, and shows what the bundled
models computed. Further models that some pictures need are made on the way and thrown away.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.jobs.garbage import MainThreadCollector
from app.ui.theme import Theme
from pictures import around, evaluating, finetuning, generating, inspecting
from pictures.stage import Shown, Stage

PICTURES = Path(__file__).resolve().parents[1] / "resources" / "pictures"
SCENES = {**inspecting.SCENES, **generating.SCENES, **evaluating.SCENES, **finetuning.SCENES, **around.SCENES}
"""How each picture comes about: scenes, and the names of what they show on the way."""
NAMES = sorted(name for names in SCENES.values() for name in names)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which pictures: {', '.join(NAMES)}")
    parser.add_argument("--into", type=Path, default=PICTURES, help="where they are written")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no picture called {', '.join(sorted(unknown))}")
    return options


def play(scene: Callable[[Stage], Shown], chosen: list[str], theme: Theme, folder: Path) -> None:
    """Drive a window of its own through a scene, up to the last of the pictures that are wanted."""
    with tempfile.TemporaryDirectory() as scratch, closing(Stage(theme, Path(scratch))) as stage:
        for name, widget in scene(stage):
            if name in chosen:
                for dress, picture in stage.paint(widget):
                    file = folder / f"{name}-{dress}.png"
                    if not picture.save(str(file)):
                        raise OSError(f"{file} could not be written.")
                    print(file)
            if name == chosen[-1]:
                break


def main() -> None:
    options = parse()
    wanted = set(options.names or NAMES)
    os.environ["HF_HUB_OFFLINE"] = "1"
    options.into.mkdir(parents=True, exist_ok=True)
    application = QApplication([])
    theme = Theme("light")
    theme.apply(application)
    collector = MainThreadCollector()
    for scene, names in SCENES.items():
        if chosen := [name for name in names if name in wanted]:
            play(scene, chosen, theme, options.into)
            collector.collect()
    collector.end()


if __name__ == "__main__":
    main()
