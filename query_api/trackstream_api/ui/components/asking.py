"""Dialogs that ask before something is done, and say in place what was refused."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


@contextmanager
def asking(
    title: str, act: str, do: Callable[[], Awaitable[object]], *, danger: bool = False
) -> Iterator[ui.dialog]:
    """Build a dialog around the fields that the body makes; its button `act` awaits `do` and closes it.

    What the API refuses is said in the dialog, which stays. Escape, or a click beside it, closes it.
    """
    with ui.dialog() as dialog:
        dialog.props["aria-label"] = title
        form = tag("form", "", "ts-dialog q-card")
        with form:
            tag("h2", title, "ts-heading")
            yield dialog
            refusal = tag("p", "", "ts-wrong ts-dialog-refusal", role="alert")
            with tag("div", "", "ts-row ts-dialog-acts"):
                tag("div", "", "ts-grow")
                close = tag("button", "Cancel", "ts-button", type="button")
                tag("button", act, "ts-button is-main" + (" is-danger" if danger else ""), type="submit")
    close.on("click", dialog.close, [])

    async def submit() -> None:
        refusal.text = ""  # type: ignore[attr-defined]
        try:
            await do()
        except ApiFailure as failure:
            refusal.text = failure.message  # type: ignore[attr-defined]
            return
        dialog.close()

    form.on("submit.prevent", submit, [])


def act_button(
    words: str,
    do: Callable[[], object],
    *,
    icon: str = "",
    forbidden: str = "",
    main: bool = False,
    danger: bool = False,
    title: str = "",
) -> ui.element:
    """Return a button; `forbidden` says why it cannot be pressed now, as while a past moment is shown."""
    classes = "ts-button" + (" is-main" if main else "") + (" is-danger" if danger else "")
    button = tag(
        "button",
        "",
        classes,
        type="button",
        disabled=bool(forbidden),
        title=forbidden or title or None,
    )
    with button:
        if icon:
            ui.icon(icon).props("aria-hidden=true")
        tag("span", words)
    if not forbidden:
        button.on("click", do, [])
    return button


IN_THE_PAST = "Nothing is changed while a past moment is shown: go back to now first"
"""Why acts are forbidden then."""
