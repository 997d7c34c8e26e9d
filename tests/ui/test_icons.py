"""Icons: every drawing loads, and takes the colour asked for."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from app.ui.icons import pixmap
from app.ui.theme import RESOURCES, Theme


def test_every_icon_is_drawn_in_the_token_colour(qapp: QApplication) -> None:
    theme = Theme("light")
    names = sorted(file.stem for file in (RESOURCES / "icons").glob("*.svg"))
    assert names
    for name in names:
        image = pixmap(theme, name, "accent", 40).toImage()
        solid = {
            image.pixelColor(x, y).name()
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() == 255
        }
        assert solid == {theme.color("accent").name()}, name


def test_an_icon_follows_the_theme(qapp: QApplication) -> None:
    theme = Theme("light")
    light = pixmap(theme, "close", "ink", 20).toImage()
    theme.set_choice("dark")
    assert pixmap(theme, "close", "ink", 20).toImage() != light
