"""Colour maps as lookup tables: stops from the visual specification, interpolated in OKLab.

OKLab is Björn Ottosson's perceptual space (2020): equal steps in it look equal, so a ramp between two
stops has no muddy middle. Knows no Qt: an exporter can use the same tables as the screen.
"""

from __future__ import annotations

import numpy as np

Stops = tuple[tuple[float, str], ...]

# The share of the table a probability v uses is v ** PROBABILITY_EXPONENT: small weights stay visible.
PROBABILITY_EXPONENT = 0.75
# Surprise is capped here, in bits.
SURPRISE_MAX_BITS = 12.0
# Maps whose values run from −1 to 1; the others run from 0.
SYMMETRIC_MAPS = frozenset({"signed", "against"})

_LINEAR_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LMS_TO_LINEAR = np.linalg.inv(_LINEAR_TO_LMS)
_LAB_TO_LMS = np.linalg.inv(_LMS_TO_LAB)


def _even(*colours: str) -> Stops:
    """The given colours at even distances from 0 to 1."""
    return tuple((i / (len(colours) - 1), colour) for i, colour in enumerate(colours))


# Positions are places in the table, 0 to 1; a symmetric map has its zero at 0.5.
STOPS: dict[str, dict[str, Stops]] = {
    "light": {
        "probability": (
            (0.0, "#F5F8FB"),
            (0.15, "#CFE2F0"),
            (0.35, "#8DBBDB"),
            (0.6, "#3E85BA"),
            (0.8, "#17578E"),
            (1.0, "#0A2A52"),
        ),
        "signed": (
            (0.0, "#0B3A78"),
            (0.25, "#4D8AC8"),
            (0.4, "#BAD4EB"),
            (0.5, "#F6F6F4"),
            (0.6, "#F6CFAE"),
            (0.75, "#D87A35"),
            (1.0, "#7E3206"),
        ),
        "surprise": _even("#FFFDF6", "#FBE7B2", "#F2BC5C", "#C9761A", "#7F3A06"),
        "against": _even("#3D2E99", "#8D80DA", "#F6F6F4", "#E39A5C", "#8F3F05"),
    },
    "dark": {
        "probability": (
            (0.0, "#171D24"),
            (0.15, "#17354B"),
            (0.35, "#1B5A7A"),
            (0.6, "#2E8FA8"),
            (0.8, "#76C8C1"),
            (1.0, "#F1F8D8"),
        ),
        "signed": (
            (0.0, "#9CCBFF"),
            (0.25, "#3F85D2"),
            (0.4, "#203E60"),
            (0.5, "#171C22"),
            (0.6, "#4E3018"),
            (0.75, "#C46D2B"),
            (1.0, "#FFCB98"),
        ),
        "surprise": _even("#1A1C1D", "#3E3014", "#7A5512", "#C9871F", "#FFDC8A"),
        "against": _even("#BDB3FF", "#6A5AD0", "#171C22", "#B0601F", "#FFC28A"),
    },
}
MAP_NAMES = tuple(STOPS["light"])


def hex_to_srgb(colour: str) -> np.ndarray:
    """`#RRGGBB` as float64 [3] in 0..1."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64) / 255.0


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """Undo the sRGB transfer curve (IEC 61966-2-1); any shape, 0..1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_to_oklab(srgb: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] in 0..1 to OKLab [..., 3] (lightness 0..1, a, b)."""
    return np.cbrt(srgb_to_linear(srgb) @ _LINEAR_TO_LMS.T) @ _LMS_TO_LAB.T


def oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """OKLab [..., 3] to sRGB [..., 3], clipped to 0..1."""
    return _linear_to_srgb((lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_LINEAR.T)


def build_lut(stops: Stops) -> np.ndarray:
    """The stops as uint8 RGBA [256, 4], opaque; row i is the colour at i / 255."""
    places = np.linspace(0.0, 1.0, 256)
    at = np.array([place for place, _ in stops])
    lab = srgb_to_oklab(np.stack([hex_to_srgb(colour) for _, colour in stops]))
    mixed = np.stack([np.interp(places, at, lab[:, channel]) for channel in range(3)], axis=1)
    lut = np.full((256, 4), 255, dtype=np.uint8)
    lut[:, :3] = np.round(oklab_to_srgb(mixed) * 255.0).astype(np.uint8)
    lut.flags.writeable = False
    return lut


def place_in_map(name: str, value: float) -> float:
    """Where a value lies in the map's table, 0..1, clipped.

    probability: v in 0..1 with the exponent .75; signed and against: −1..1; surprise: bits, 0..12.
    """
    if name == "probability":
        return min(max(value, 0.0), 1.0) ** PROBABILITY_EXPONENT
    if name in SYMMETRIC_MAPS:
        return (min(max(value, -1.0), 1.0) + 1.0) / 2.0
    return min(max(value / SURPRISE_MAX_BITS, 0.0), 1.0)


def relative_luminance(srgb: np.ndarray) -> np.ndarray:
    """WCAG 2.2 relative luminance of sRGB [..., 3] in 0..1."""
    return srgb_to_linear(srgb) @ np.array([0.2126, 0.7152, 0.0722])


def contrast(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """WCAG 2.2 contrast ratio, 1..21, of two sRGB [..., 3] in 0..1."""
    one, two = relative_luminance(first), relative_luminance(second)
    return (np.maximum(one, two) + 0.05) / (np.minimum(one, two) + 0.05)
