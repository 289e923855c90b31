"""How far the projectors are, how much comes in, what is away: live."""

from __future__ import annotations

from nicegui import ui

# Its module is in a page's import map only once this class is known.
_NEEDED = (ui.echart,)


class SystemPulse(ui.element, component="system_pulse.js"):
    """Asks `/api/v1/status` every two seconds while the page is looked at."""
