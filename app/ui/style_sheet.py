"""The style sheet of Qt's own widgets, built from a palette.

Hooks for code, set with `setProperty` before the widget is first shown:
`QPushButton[kind]`: "primary", "quiet", "danger", "link" or "strip" (in the job strip); without it outlined.
`QLabel[role]`: "secondary", "caption", "accent", "ok" or "error"; `QFrame[role]`: "panel", "well", "bar" or "rule".
No font is named here: a style sheet that names one overrides every `setFont`.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from app.ui.palettes import Palette

_CHECK = "M4 10.5l4 4 8-9"
_CHEVRON_DOWN = "M5 8l5 5 5-5"
_CHEVRON_UP = "M5 12l5-5 5 5"

_SHEET = Template("""
QToolTip { background: $surface; color: $ink; border: 1px solid $line2; padding: 4px 6px; }
QMainWindow, QDialog { background: $bg; }
QLabel { background: transparent; color: $ink; }
QLabel[role="secondary"] { color: $ink2; }
QLabel[role="caption"] { color: $ink3; }
QLabel[role="accent"] { color: $accent; }
QLabel[role="ok"] { color: $ok; }
QLabel[role="error"] { color: $err; }
QLabel:disabled { color: $ink3; }
QFrame[role="panel"] { background: $surface; border: 1px solid $line; border-radius: 8px; }
QFrame[role="well"] { background: $sunken; border: 1px solid $line; border-radius: 6px; }
QFrame[role="bar"] { background: $surface; border: none; }
QFrame[role="rule"] { background: $line; border: none; }
QScrollArea { background: transparent; border: none; }
QScrollArea:focus { border: 2px solid $accent; border-radius: 6px; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollArea > QWidget > QWidget[role="page"] { background: transparent; }

QPushButton { background: $surface; color: $ink; border: 1px solid $line2; border-radius: 6px;
  padding: 0 11px; min-height: 26px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $line; }
QPushButton:checked { background: $accentsoft; color: $accent; border-color: $accent; }
QPushButton:focus { border: 2px solid $accent; padding: 0 10px; min-height: 24px; }
QPushButton:disabled { background: $sunken; color: $ink3; border-color: $line; }
QPushButton[kind="primary"] { background: $accent; color: $onaccent; border-color: $accent; }
QPushButton[kind="primary"]:hover { background: $accenthover; border-color: $accenthover; }
QPushButton[kind="primary"]:focus { border: 2px solid $ink; }
QPushButton[kind="primary"]:disabled { background: $sunken; color: $ink3; border: 1px solid $line; }
QPushButton[kind="quiet"] { background: transparent; color: $ink2; border-color: transparent; }
QPushButton[kind="quiet"]:hover { background: $hover; color: $ink; }
QPushButton[kind="quiet"]:focus { border-color: $accent; }
QPushButton[kind="quiet"]:disabled { color: $ink3; }
QPushButton[kind="strip"] { background: transparent; color: $ink2; border-color: transparent; min-height: 22px;
  padding: 0 6px; }
QPushButton[kind="strip"]:hover { background: $hover; color: $ink; }
QPushButton[kind="strip"]:focus { border: 2px solid $accent; min-height: 20px; padding: 0 5px; }
QPushButton[kind="link"] { background: transparent; color: $accent; border-color: transparent; min-height: 22px;
  padding: 0 2px; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 2px solid $accent; min-height: 20px; padding: 0 1px; }
QPushButton[kind="link"]:disabled { color: $ink3; }
QPushButton[kind="danger"] { color: $err; border-color: $err; }
QPushButton[kind="danger"]:hover { background: $errsoft; }
QPushButton::menu-indicator { image: url($chevron); subcontrol-position: right center; right: 6px;
  width: 14px; height: 14px; }
QPushButton[segment] { color: $ink2; border-radius: 0; padding: 0 8px; min-width: 34px; }
QPushButton[segment="middle"], QPushButton[segment="last"] { border-left-width: 0; }
QPushButton[segment="first"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QPushButton[segment="last"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px; }
QPushButton[segment]:checked { background: $accentsoft; color: $accent; border-color: $line2; }
QPushButton[segment]:focus { border: 2px solid $accent; padding: 0 7px; min-height: 24px; }

QToolButton { background: transparent; color: $ink2; border: 1px solid transparent; border-radius: 6px;
  padding: 3px; min-width: 18px; min-height: 18px; }
QToolButton:hover { background: $hover; color: $ink; }
QToolButton:pressed { background: $line; }
QToolButton:checked { background: $accentsoft; color: $accent; }
QToolButton:focus { border: 2px solid $accent; padding: 2px; }
QToolButton:disabled { color: $ink3; }
QToolButton::menu-indicator { image: none; }
QToolButton[popupMode="1"] { padding-right: 18px; }
QToolButton[popupMode="1"]:focus { padding-right: 17px; }
QToolButton::menu-button { border: none; border-radius: 6px; width: 16px; }
QToolButton::menu-button:hover { background: $line; }
QToolButton::menu-arrow { image: url($chevron); width: 12px; height: 12px; }

QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox { background: $surface; color: $ink;
  border: 1px solid $line2; border-radius: 6px; selection-background-color: $accent; selection-color: $onaccent; }
QLineEdit, QAbstractSpinBox { padding: 0 7px; min-height: 26px; }
QPlainTextEdit, QTextEdit { padding: 5px; }
QLineEdit:focus, QAbstractSpinBox:focus { border: 2px solid $accent; padding: 0 6px; min-height: 24px; }
QLineEdit[off="true"] { color: $ink3; }
QLineEdit[compact="true"] { min-height: 22px; padding: 0 6px; }
QLineEdit[compact="true"]:focus { min-height: 20px; padding: 0 5px; }
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid $accent; padding: 4px; }
QLineEdit:disabled, QPlainTextEdit:disabled, QTextEdit:disabled, QAbstractSpinBox:disabled {
  background: $sunken; color: $ink3; border-color: $line; }
QLineEdit:read-only { background: $sunken; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none; width: 18px; background: transparent; }
QAbstractSpinBox::up-arrow { image: url($chevron_up); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url($chevron); width: 10px; height: 10px; }
QComboBox { background: $surface; color: $ink; border: 1px solid $line2; border-radius: 6px; padding: 0 9px;
  min-height: 26px; }
QComboBox:hover { background: $hover; }
QComboBox:focus { border: 2px solid $accent; padding: 0 8px; min-height: 24px; }
QComboBox:disabled { background: $sunken; color: $ink3; border-color: $line; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($chevron); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $surface; color: $ink; border: 1px solid $line2; outline: none;
  selection-background-color: $accentsoft; selection-color: $ink; }

QCheckBox, QRadioButton { color: $ink2; spacing: 7px; min-height: 24px; background: transparent; }
QCheckBox:disabled, QRadioButton:disabled { color: $ink3; }
QCheckBox::indicator, QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $line2;
  background: $surface; }
QCheckBox::indicator { border-radius: 4px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { background: $hover; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($check); }
QRadioButton::indicator:checked { background: $accent; border: 4px solid $surface; width: 8px; height: 8px; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { background: $sunken; border-color: $line; }

QMenu { background: $surface; color: $ink; border: 1px solid $line2; padding: 4px; }
QMenu::item { padding: 5px 20px 5px 10px; border-radius: 4px; }
QMenu::item:selected { background: $accentsoft; color: $ink; }
QMenu::item:disabled { color: $ink3; }
QMenu::separator { height: 1px; background: $line; margin: 4px; }

QListView:focus, QTreeView:focus, QTableView:focus { border: 2px solid $accent; }
QAbstractItemView { background: $surface; color: $ink; border: 2px solid transparent;
  alternate-background-color: $sunken; gridline-color: $line; selection-background-color: $accentsoft;
  selection-color: $ink; }
QAbstractItemView::item:hover { background: $hover; }
QAbstractItemView::item:selected { background: $accentsoft; color: $ink; }
QTreeView::item { padding: 3px 0; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $ink3; border: none; border-bottom: 1px solid $line;
  padding: 4px 8px; }
QTableCornerButton::section { background: $surface; border: none; }

QProgressBar { background: $line; border: none; border-radius: 3px; min-height: 6px; max-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $line; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line2; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $ink3; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


def build_style_sheet(palette: Palette, images: Path) -> str:
    """The sheet for a palette; the few pictures it names are written to the folder `images`."""
    values = {key: str(value) for key, value in vars(palette).items()}
    values["accenthover"] = _mixed(palette.accent, palette.ink, 0.15)
    values["check"] = _write_image(images, f"check-{palette.name}", _CHECK, palette.onaccent, 2.6)
    values["chevron"] = _write_image(images, f"down-{palette.name}", _CHEVRON_DOWN, palette.ink2, 1.8)
    values["chevron_up"] = _write_image(images, f"up-{palette.name}", _CHEVRON_UP, palette.ink2, 1.8)
    return _SHEET.substitute(values)


def _write_image(folder: Path, name: str, path: str, colour: str, width: float) -> str:
    """Write one stroked path as SVG, because style sheets cannot tint a picture; give back its address."""
    file = folder / f"{name}.svg"
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 20 20"><path d="{path}" '
        f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/></svg>',
        encoding="utf-8",
    )
    return file.as_posix()


def _mixed(colour: str, other: str, share: float) -> str:
    """`colour` with a share of `other`, mixed in sRGB."""
    mixed = (round(int(colour[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)
