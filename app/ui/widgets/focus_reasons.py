"""When the focus ring is drawn: focus that came by the keyboard needs to be seen, a click shows itself."""

from __future__ import annotations

from PySide6.QtCore import Qt

KEYBOARD_REASONS = frozenset(
    {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason}
)
