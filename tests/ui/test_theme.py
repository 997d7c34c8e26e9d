"""The theme: maps, contrast, fonts, and following a choice."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from PySide6.QtGui import QColor, QFontInfo
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.colour_maps import MAP_NAMES, STOPS, contrast, hex_to_srgb, oklab_to_srgb, srgb_to_oklab
from app.ui.palettes import DARK, LIGHT, Palette
from app.ui.theme import RESOURCES, Theme, text_on

PALETTES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]


def srgb(color: QColor) -> np.ndarray:
    return np.array([color.redF(), color.greenF(), color.blueF()])


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme("light")


@pytest.mark.parametrize("name", MAP_NAMES)
@pytest.mark.parametrize("palette", PALETTES)
def test_a_map_passes_through_its_stops(theme: Theme, palette: Palette, name: str) -> None:
    theme.set_choice(palette.name)
    lut = theme.lut(name)
    assert lut.shape == (256, 4)
    assert lut.dtype == np.uint8
    assert (lut[:, 3] == 255).all()
    for place, colour in STOPS[palette.name][name]:
        between = np.stack([lut[int(np.floor(place * 255)), :3], lut[int(np.ceil(place * 255)), :3]]).astype(int)
        wanted = np.round(hex_to_srgb(colour) * 255).astype(int)
        assert np.abs(between.mean(axis=0) - wanted).max() <= 3, (name, place)
    for row, stop in ((0, 0), (255, -1)):
        assert QColor(*(int(c) for c in lut[row, :3])).name().upper() == STOPS[palette.name][name][stop][1]


def test_oklab_matches_the_published_values() -> None:
    # Ottosson's own examples: white is (1, 0, 0); sRGB red is about (0.628, 0.225, 0.126).
    np.testing.assert_allclose(srgb_to_oklab(np.ones(3)), [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(srgb_to_oklab(np.array([1.0, 0, 0])), [0.628, 0.225, 0.126], atol=1e-3)
    colours = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(oklab_to_srgb(srgb_to_oklab(colours)), colours, atol=1e-6)


@pytest.mark.parametrize("palette", PALETTES)
def test_zero_melts_into_the_surface(theme: Theme, palette: Palette) -> None:
    theme.set_choice(palette.name)
    surface = srgb_to_oklab(hex_to_srgb(palette.surface))
    for name in MAP_NAMES:
        zero = srgb_to_oklab(srgb(theme.map_color(name, 0.0)))
        assert np.linalg.norm(zero - surface) < 0.045, name


@pytest.mark.parametrize("palette", PALETTES)
def test_lightness_of_probability_is_monotonic(theme: Theme, palette: Palette) -> None:
    theme.set_choice(palette.name)
    lightness = srgb_to_oklab(theme.lut("probability")[:, :3] / 255.0)[:, 0]
    direction = 1 if palette is DARK else -1
    # Neighbours may tie within the rounding to 8 bits; over a sixty-fourth of the range every step is real.
    assert (np.diff(lightness) * direction > -0.002).all()
    assert (np.diff(lightness[::4]) * direction > 0).all()


@pytest.mark.parametrize("palette", PALETTES)
def test_text_on_every_map_colour_is_readable(theme: Theme, palette: Palette) -> None:
    theme.set_choice(palette.name)
    for name in MAP_NAMES:
        for row in theme.lut(name):
            color = QColor(int(row[0]), int(row[1]), int(row[2]))
            assert contrast(srgb(text_on(color)), srgb(color)) >= 4.5


@pytest.mark.parametrize("palette", PALETTES)
def test_chips_and_their_underlines_are_readable(theme: Theme, palette: Palette) -> None:
    theme.set_choice(palette.name)
    for probability in np.linspace(0, 1, 101):
        fill = srgb(theme.chip_fill(float(probability)))
        assert contrast(srgb(theme.color("ink")), fill) >= 5.2 or contrast(srgb(text_on(theme.chip_fill(1))), fill) >= 5
        assert contrast(srgb(theme.chip_underline()), fill) >= 3.0


@pytest.mark.parametrize("palette", PALETTES)
def test_text_tokens_are_readable_on_their_grounds(palette: Palette) -> None:
    pairs = [(ink, ground) for ink in ("ink", "ink2", "ink3", "accent") for ground in ("surface", "sunken")]
    pairs += [("ona", "a"), ("onb", "b"), ("onaccent", "accent"), ("accent", "accentsoft")]
    pairs += [("ok", "oksoft"), ("warn", "warnsoft"), ("err", "errsoft"), ("ink3", "bg")]
    for ink, ground in pairs:
        ratio = contrast(hex_to_srgb(getattr(palette, ink)), hex_to_srgb(getattr(palette, ground)))
        assert ratio >= 4.5, (ink, ground)


def test_map_values_are_placed_as_specified(theme: Theme) -> None:
    lut = theme.lut("probability")
    at = round(0.3**0.75 * 255)
    assert theme.map_color("probability", 0.3).getRgb()[:3] == tuple(int(c) for c in lut[at, :3])
    assert theme.map_color("signed", -1).name().upper() == "#0B3A78"
    assert theme.map_color("signed", 7).name().upper() == "#7E3206"
    assert theme.map_color("surprise", 12).name().upper() == "#7F3A06"
    with pytest.raises(KeyError, match="probability"):
        theme.lut("rainbow")


def test_a_choice_changes_the_colours_and_says_so(qtbot, theme: Theme) -> None:
    with qtbot.waitSignal(theme.changed):
        theme.set_choice("dark")
    assert theme.palette is DARK
    assert theme.color("accent").name().upper() == "#45CBBF"
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_choice("dark")
    theme.set_choice("system")
    assert theme.choice == "system"
    with pytest.raises(ValueError, match="purple"):
        theme.set_choice("purple")


def test_the_application_gets_our_fonts_and_colours(qapp: QApplication, theme: Theme) -> None:
    theme.apply(qapp)
    window = QWidget()
    theme.dress(window)
    assert LIGHT.surface in window.styleSheet()
    for mono, family in ((False, "Inter"), (True, "JetBrains Mono")):
        info = QFontInfo(theme.font(13, 400, mono))
        assert info.family() == family
        assert info.pixelSize() == 13
    assert QFontInfo(theme.font(13, 650)).weight() == 600
    assert QFontInfo(theme.font(13, 700, mono=True)).weight() == 700
    theme.set_choice("dark")
    assert qapp.palette().window().color().name().upper() == DARK.bg
    assert DARK.surface in window.styleSheet() and not qapp.styleSheet()


def test_every_token_is_a_colour_in_both_palettes() -> None:
    for palette in (LIGHT, DARK):
        for token in fields(palette):
            if token.name != "name":
                assert QColor(getattr(palette, token.name)).isValid(), token.name


def test_fonts_come_with_their_licences() -> None:
    fonts = RESOURCES / "fonts"
    for face in fonts.glob("*.[ot]tf"):
        licence = fonts / f"{face.name.split('-')[0]}-OFL.txt"
        assert "SIL OPEN FONT LICENSE" in licence.read_text(encoding="utf-8")
