"""What a sweep tries next, through optuna itself."""

from __future__ import annotations

import pytest

from trackstream.projects.sweeps.sampler import SAMPLERS, SamplerName, Suggestions
from trackstream.projects.sweeps.search_space import parse_space
from trackstream_schemas.errors import InvalidInput

SPACE = parse_space({"x": "-1:1", "y": "log:1e-3:10", "n": "int:0:4"})


def loss(values: dict[str, str]) -> float:
    return (float(values["x"]) - 0.3) ** 2 + float(values["y"]) + int(values["n"])


def tried(suggestions: Suggestions, numbers: range, failing: int = -1) -> list[dict[str, str]]:
    """Try one after the other and return what was tried."""
    found = []
    for number in numbers:
        asked, values = suggestions.ask(number)
        suggestions.tell(asked, None if number == failing else loss(values))
        found.append(values)
    return found


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_sweep_that_is_resumed_goes_on_as_it_would_have(sampler: SamplerName) -> None:
    whole = tried(Suggestions(SPACE, sampler, 7, maximize=False), range(20), failing=3)
    resumed = Suggestions(SPACE, sampler, 7, maximize=False)
    for number, values in enumerate(whole[:12]):
        resumed.add(values, None if number == 3 else loss(values))
    assert tried(resumed, range(12, 20)) == whole[12:]
    assert whole != tried(Suggestions(SPACE, sampler, 8, maximize=False), range(20), failing=3)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "grid"])
def test_values_are_of_the_space_and_come_nearer_to_the_best(sampler: SamplerName) -> None:
    found = tried(Suggestions(SPACE, sampler, 1, maximize=False), range(40))
    assert all(-1 <= float(one["x"]) <= 1 for one in found)
    assert all(1e-3 <= float(one["y"]) <= 10 for one in found)
    assert {one["n"] for one in found} <= {"0", "1", "2", "3", "4"}
    assert min(map(loss, found)) < 1


def test_a_grid_is_tried_in_order_and_ends() -> None:
    space = parse_space({"n": "int:1:3", "o": "choice:a,b"})
    suggestions = Suggestions(space, "grid", 0, maximize=True)
    assert suggestions.count(None, 20) == 6
    assert suggestions.count(4, 20) == 4
    found = [suggestions.ask(number)[1] for number in (4, 0, 5)]
    assert found == [{"n": "3", "o": "a"}, {"n": "1", "o": "a"}, {"n": "3", "o": "b"}]


def test_what_a_sampler_cannot_do() -> None:
    with pytest.raises(InvalidInput, match="at least two parameters that are ranges"):
        Suggestions(parse_space({"x": "0:1", "o": "choice:a,b"}), "cmaes", 0, maximize=False)
    with pytest.raises(InvalidInput, match="one of tpe"):
        Suggestions(SPACE, "best", 0, maximize=False)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="values of a trial"):
        Suggestions(SPACE, "tpe", 0, maximize=False).add({"x": "2", "y": "1", "n": "1"}, 1.0)
