"""Reading /api/v1/stream: server-sent events, for as long as it takes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_api.cli.connection import connect_to_log
from trackstream_api.cli.errors import NoAnswer, NoStore, Refused
from trackstream_api.cli.output import say
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trackstream_api.cli.api import Api

PATH = "/api/v1/stream"
_LONGEST_SILENCE = 60.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


class StreamEvent(NamedTuple):
    """One server-sent event."""

    position: str
    """Where the stream stands behind it."""
    name: str
    """Empty for an event of the log; `end` for the last."""
    data: str
    """JSON."""


def parsed(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """Yield the events that these lines make, and one without data whenever the position alone moves on.

    Source: HTML standard, section 9.2.6.
    """
    position = name = data = ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            position = value
        elif field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line:
            yield StreamEvent(position, name, data)
            name = data = ""


def once(api: Api, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the log's events up to its end of now. Raises Unavailable where the stream breaks off."""
    with api.stream(PATH, {**query, "follow": False}, _LONGEST_SILENCE) as answer:
        for event in parsed(answer.iter_lines()):
            if event.name == "end":
                told = json.loads(event.data)
                if told["reason"] != "end":
                    raise Unavailable(f"the stream broke off: {told['message']}")
                return
            if event.data:
                found: dict[str, Any] = json.loads(event.data)
                yield found
    raise NoAnswer(f"{api.where} broke the stream off")


def following(store: str, query: Mapping[str, Any]) -> Iterator[str]:
    """Yield the log's events as JSON for ever, over restarts of the server. Raises what the start does."""
    position: str | None = None
    pause = _FIRST_PAUSE
    while True:
        try:
            with connect_to_log(store) as api:
                wanted = query if position is None else {**query, "since": position}
                with api.stream(PATH, wanted, _LONGEST_SILENCE) as answer:
                    for event in parsed(answer.iter_lines()):
                        position = event.position or position
                        if event.name == "end":
                            trouble = json.loads(event.data)["message"]
                            break
                        if event.data:
                            pause = _FIRST_PAUSE
                            yield event.data
                    else:
                        trouble = f"{api.where} broke the stream off"
        except (Unavailable, NoStore, Refused) as error:
            # A server that comes up answers with 503 for a while; another refusal would come again.
            if position is None or (isinstance(error, Refused) and error.status < 500):
                raise
            trouble = str(error)
        if pause == _FIRST_PAUSE:
            say(f"note: {trouble}; going on where it broke off as soon as that is possible")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
