"""The colour tokens of the interface, light and dark. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """One colour per token of the visual specification, as `#RRGGBB`."""

    name: str
    bg: str
    surface: str
    sunken: str
    hover: str
    line: str
    line2: str
    ink: str
    ink2: str
    ink3: str
    accent: str
    accentsoft: str
    onaccent: str
    a: str
    asoft: str
    ona: str
    b: str
    bsoft: str
    onb: str
    ok: str
    oksoft: str
    warn: str
    warnsoft: str
    err: str
    errsoft: str
    mask: str
    hatch: str
    res: str


LIGHT = Palette(
    name="light",
    bg="#F1F3F5",
    surface="#FFFFFF",
    sunken="#F7F8FA",
    hover="#EDF0F3",
    line="#DCE1E7",
    line2="#848D99",
    ink="#14181E",
    ink2="#434C59",
    ink3="#5C6673",
    accent="#0B6F6C",
    accentsoft="#DCEFED",
    onaccent="#FFFFFF",
    a="#5746C0",
    asoft="#ECE9FB",
    ona="#FFFFFF",
    b="#A84B08",
    bsoft="#FCEBDD",
    onb="#FFFFFF",
    ok="#1A7340",
    oksoft="#E2F3E8",
    warn="#855300",
    warnsoft="#FFF3D6",
    err="#B3261E",
    errsoft="#FCE9E7",
    mask="#ECEFF2",
    hatch="#C9D0D8",
    res="#2F3A47",
)
DARK = Palette(
    name="dark",
    bg="#0D1115",
    surface="#151A20",
    sunken="#10151A",
    hover="#212932",
    line="#2C3540",
    line2="#6F7B89",
    ink="#E9EDF1",
    ink2="#B6BFCA",
    ink3="#929DAB",
    accent="#45CBBF",
    accentsoft="#123737",
    onaccent="#05211E",
    a="#AEA3FF",
    asoft="#2A2650",
    ona="#15121F",
    b="#F2A15F",
    bsoft="#43290F",
    onb="#1F1206",
    ok="#63D093",
    oksoft="#12311F",
    warn="#F0B94A",
    warnsoft="#35290F",
    err="#FF9188",
    errsoft="#401A17",
    mask="#12171C",
    hatch="#2A333D",
    res="#C2CBD5",
)
