"""What a sweep is to do, as its run keeps it for whoever resumes it."""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream.projects import command_line
from trackstream.projects.environments.environment import cache_directory
from trackstream.projects.environments.tools import Tools
from trackstream.projects.project_file import load_project
from trackstream.projects.request import Request
from trackstream.projects.sources import source
from trackstream.projects.sweeps.sampler import SAMPLERS, Suggestions
from trackstream.projects.sweeps.search_space import parse_space
from trackstream_schemas import validate
from trackstream_schemas.errors import Conflict, InvalidInput
from trackstream_schemas.ids import new_id
from trackstream_schemas.secret_texts import REDACTED, without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.sweeps.sampler import SamplerName
    from trackstream.projects.sweeps.search_space import Space

PLAN_TAG = "trackstream.sweep"
USUAL_TRIALS = 20
MAX_PARALLEL = 256
MAX_TRIALS = 10_000
_LARGEST_SEED = 2**32


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep as asked for, with the values of fixed parameters that may be secret."""

    uri: str
    parameters: Mapping[str, str]
    """What to try, as written; see `search_space`."""
    metric: str
    entry_point: str = "main"
    version: str | None = None
    maximize: bool = False
    trials: int | None = None
    """How many; None: all of a grid, else USUAL_TRIALS."""
    parallel: int = 1
    sampler: SamplerName = "tpe"
    seed: int = field(default_factory=lambda: secrets.randbelow(_LARGEST_SEED))
    backend: str = "local"
    backend_config: Mapping[str, Any] = field(default_factory=dict)
    env_manager: str | None = None
    docker_args: Mapping[str, str] = field(default_factory=dict)
    storage_dir: str | None = None

    def space(self) -> Space:
        """Return what is tried. Raises InvalidInput."""
        return parse_space(self.parameters)

    def suggestions(self) -> Suggestions:
        """Return what suggests values, new. Raises InvalidInput, EnvironmentFailed without optuna."""
        return Suggestions(self.space(), self.sampler, self.seed, maximize=self.maximize)

    def check(self) -> None:
        """Raise InvalidInput for the first thing that cannot be right."""
        validate.key(self.metric, "metric")
        if self.sampler not in SAMPLERS:
            raise InvalidInput("sampler", self.sampler, f"one of {', '.join(SAMPLERS)}")
        for name, number, most in (
            ("trials", self.trials, MAX_TRIALS),
            ("parallel", self.parallel, MAX_PARALLEL),
        ):
            if number is not None and not 1 <= number <= most:
                raise InvalidInput(name, number, f"a number from 1 to {most}")
        if not 0 <= self.seed < _LARGEST_SEED:
            raise InvalidInput("seed", self.seed, "a whole number from 0 to 2**32 - 1")
        for values in self.space().corners():
            self.request("", "", values).check()
            validate.tag_value(json.dumps(values), "values of a trial")

    def request(self, run_id: str, experiment_id: str, values: Mapping[str, str], user: str = "") -> Request:
        """Return the launch of one trial."""
        return Request(
            new_id(),
            run_id,
            experiment_id,
            self.uri,
            self.entry_point,
            self.version,
            dict(values),
            self.backend,
            self.backend_config,
            self.env_manager,
            self.docker_args,
            self.storage_dir,
            user_id=user,
        )

    def as_tag(self) -> str:
        """Return it as its run keeps it: without secrets. Raises InvalidInput where it is too large."""
        kept = {
            **asdict(self),
            "uri": without_credentials(self.uri),
            "parameters": self.space().texts(),
        }
        return validate.tag_value(json.dumps(kept, ensure_ascii=False), PLAN_TAG)


def of_tag(text: str, given: Mapping[str, str], run_id: str) -> Plan:
    """Return the plan that a run keeps; `given` has the secrets that it does not.

    Raises InvalidInput for a secret that is missing and a parameter that is given though it is known, and
    Conflict for a run that is no sweep.
    """
    try:
        plan = Plan(**json.loads(text))
        missing = [name for name, value in plan.parameters.items() if value == REDACTED]
    except (ValueError, TypeError, AttributeError) as error:
        raise Conflict(f"run {run_id} is not the run of a sweep that this version can resume") from error
    for name in missing:
        if name not in given:
            right = f"the value, which was not recorded: -P {name}=…"
            raise InvalidInput(f"parameter {name}", None, right)
    known = [name for name in given if name not in missing]
    if known:
        right = "only secrets beside --resume: the rest is as it was"
        raise InvalidInput(f"parameter {known[0]}", given[known[0]], right)
    return replace(plan, parameters={**plan.parameters, **{name: f"fixed:{given[name]}" for name in missing}})


def settled_on_files(plan: Plan) -> tuple[Plan, list[str]]:
    """Return the plan for one commit, with what to warn of, once the project was read and fits the space.

    A branch may move while a sweep goes on, so all trials take the commit that it is now. Raises what is
    wrong with the project or with values at the ends of the space.
    """
    parsed = source.parse_uri(plan.uri)
    with tempfile.TemporaryDirectory(prefix="trackstream-") as place:
        found = source.fetch(
            parsed, plan.version, Path(place, "project"), cache_directory() / "projects", Tools()
        )
        project = load_project(found.directory, found.root)
        entry_point = project.entry_point(plan.entry_point)
        space = plan.space()
        parameters = dict(plan.parameters)
        for values in space.corners():
            checked = command_line.arguments(entry_point, values, cwd=Path.cwd(), project=project.directory)
            for one in entry_point.parameters:
                if one.type == "path" and one.name in space.fixed:
                    # It must mean the same from elsewhere.
                    parameters[one.name] = f"fixed:{checked.declared[one.name]}"
        plan = replace(plan, parameters=parameters)
        notes = command_line.notes_of(entry_point, dict.fromkeys([*space.searched, *space.fixed], ""))
    if parsed.kind == "git" or plan.version is not None:
        plan = replace(plan, version=found.commit)
    if parsed.kind != "git" and "://" not in parsed.location:
        inner = f"#{parsed.subdirectory}" if parsed.subdirectory else ""
        plan = replace(plan, uri=f"{parsed.location}{inner}")
    return plan, notes
