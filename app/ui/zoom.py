"""How large everything is: 80 to 200 %.

Qt takes a scale for all of its drawing at the start of a program and not later, so another zoom is stored and the
program starts again; the session comes back as it was.
"""

from __future__ import annotations

import os

from app.ui.remembered import open_settings

ZOOMS = (80, 90, 100, 110, 125, 150, 175, 200)
_KEY = "zoom"
_SCALE = "QT_SCALE_FACTOR"


def stored_zoom() -> int:
    """The zoom chosen, in percent."""
    try:
        zoom = int(str(open_settings().value(_KEY, 100)))
    except ValueError:
        return 100
    return zoom if zoom in ZOOMS else 100


def store_zoom(zoom: int) -> None:
    """Use this zoom from the next start on."""
    settings = open_settings()
    settings.setValue(_KEY, zoom)
    settings.sync()


def stepped(zoom: int, step: int) -> int:
    """The next larger or smaller zoom; at an end the same."""
    return ZOOMS[min(max(ZOOMS.index(zoom) + step, 0), len(ZOOMS) - 1)]


def use_zoom(zoom: int) -> None:
    """Scale everything; only before the application is made. A scale that the person set outside stays."""
    if _SCALE not in os.environ and zoom != 100:
        os.environ[_SCALE] = f"{zoom / 100:g}"
