"""From an entry point and the values given for its parameters to a command for the shell.

Whatever a value holds, it is one argument of the program: quoted, and never an option. Source of the rules:
mlflow.projects._project_spec.EntryPoint.compute_command.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trackstream.projects.errors import ParameterMissing
from trackstream.projects.near_names import did_you_mean, near
from trackstream.projects.shell_template import HOLE, NotSafe, filled
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import names_a_secret, redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream.projects.project_file import EntryPoint, Parameter

MAX_VALUE = validate.MAX_PARAM_VALUE
_EXTRA_NAME = re.compile(r"[A-Za-z_][\w.\-]{0,249}", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:/.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values by name, all of the entry point's parameters first; those that it does not know come last."""

    declared: Mapping[str, str]
    extra: Mapping[str, str]

    @property
    def all(self) -> dict[str, str]:
        """Every value by name."""
        return {**self.declared, **self.extra}


def check_given(given: Mapping[str, str]) -> None:
    """Raise InvalidInput for a name or value that no entry point takes."""
    for name, value in given.items():
        if not _EXTRA_NAME.fullmatch(name):
            right = "a name of letters, digits, underscores, dashes and dots that begins with a letter"
            raise InvalidInput("parameter name", name, right)
        validate.text(value, f"parameter {name}", MAX_VALUE)


def arguments(
    entry_point: EntryPoint,
    given: Mapping[str, str],
    *,
    cwd: Path,
    project: Path,
    download: Callable[[str, int], Path] | None = None,
) -> Arguments:
    """Return the values that the program gets.

    Relative paths that were given are those of `cwd`, defaults those of `project`. `download` brings the
    content of a URI here for a `path`; its second argument is the parameter's number. Without it a URI stays.
    Raises InvalidInput for the first value that is missing or not of its type, and for a command that they
    cannot stand in.
    """
    check_given(given)
    missing = [one.name for one in entry_point.parameters if one.default is None and one.name not in given]
    if missing:
        unknown = [name for name in given if name not in {one.name for one in entry_point.parameters}]
        right = f"a value, as in -P {missing[0]}=…{_instead_of(missing[0], unknown)}"
        raise ParameterMissing(f"parameter {missing[0]} of {entry_point.name}", right)
    declared: dict[str, str] = {}
    for number, parameter in enumerate(entry_point.parameters):
        if parameter.name in given:
            declared[parameter.name] = _value(parameter, given[parameter.name], cwd, number, download)
        else:
            assert parameter.default is not None
            declared[parameter.name] = _value(parameter, parameter.default, project, number, download)
    extra = {name: value for name, value in given.items() if name not in declared}
    for name, value in extra.items():
        _refuse_option(name, value)
    found = Arguments(declared, extra)
    command_of(entry_point, found)
    return found


def notes_of(entry_point: EntryPoint, given: Mapping[str, str]) -> list[str]:
    """Return what to tell of values that are passed on though their names look like slips of the pen."""
    declared = [one.name for one in entry_point.parameters]
    return [
        f"parameter {name} is not declared by {entry_point.name} and is passed on as --{name}"
        f"{did_you_mean(name, declared)}"
        for name in given
        if name not in declared and near(name, declared)
    ]


def command_of(entry_point: EntryPoint, values: Arguments) -> str:
    """Return the command with all values in it. Raises InvalidInput where one of them would not be safe."""
    template, names = template_of(entry_point.command)
    # A line break at the end, as a YAML block has it, would cut off what is appended.
    ended = template if template.rstrip().endswith("\\") else template.rstrip()
    template = " ".join([ended, *(f"--{name} {HOLE}" for name in values.extra)])
    try:
        return filled(template, [*(values.declared[name] for name in names), *values.extra.values()])
    except NotSafe as error:
        raise InvalidInput(f"command of {entry_point.name}", entry_point.command, str(error)) from error


def template_of(command: str) -> tuple[str, list[str]]:
    """Return a command with a HOLE for each value, and the names of the values. Raises ValueError."""
    parts: list[str] = []
    names: list[str] = []
    for literal, name, _, _ in Formatter().parse(command):
        parts.append(literal)
        if name is not None:
            parts.append(HOLE)
            names.append(name)
    return "".join(parts), names


def shown_command_of(entry_point: EntryPoint, values: Arguments) -> str:
    """Return the command as it may be recorded: without secrets."""
    return command_of(entry_point, Arguments(redacted(values.declared), redacted(values.extra)))


def _value(
    parameter: Parameter, text: str, base: Path, number: int, download: Callable[[str, int], Path] | None
) -> str:
    field, shown = f"parameter {parameter.name}", _shown(parameter.name, text)
    match parameter.type:
        case "int":
            if not re.fullmatch(r"[+-]?\d+", text.strip(), re.ASCII):
                raise InvalidInput(field, shown, "a whole number")
            return text.strip()
        case "float":
            try:
                float(text)
            except ValueError:
                raise InvalidInput(field, shown, "a number") from None
            return text.strip()
        case "uri":
            if not _URI.fullmatch(text):
                raise InvalidInput(field, shown, "a URI, such as s3://bucket/key or file:///data")
            return text
        case "path":
            return _path(parameter.name, text, base, number, download)
        case _:
            _refuse_option(parameter.name, text)
            return text


def _path(name: str, text: str, base: Path, number: int, download: Callable[[str, int], Path] | None) -> str:
    if _URI.fullmatch(text):
        parts = urlsplit(text)
        if parts.scheme != "file":
            return text if download is None else str(download(text, number))
        local = Path(unquote(parts.path))
    else:
        local = Path(text).expanduser()
    path = base.absolute() / local
    if not text or not path.exists():
        there = "" if names_a_secret(name) else f"; there is no {path}"
        right = f"a file or directory that exists{there}"
        raise InvalidInput(f"parameter {name}", _shown(name, text), right)
    # Not resolved: what a link is called may matter to the program.
    return str(path.absolute())


def _shown(name: str, value: str) -> str:
    """Return a value as an error may show it: errors are recorded."""
    return redacted({name: value})[name]


def _instead_of(missing: str, unknown: list[str]) -> str:
    close = near(missing, unknown)
    return f"; {close[0]!r} was given, did you mean {missing!r}?" if close else ""


def _refuse_option(name: str, value: str) -> None:
    if not value.startswith("-") or value == "-":
        return
    try:
        number = float(value)
    except ValueError:
        right = "a value that does not begin with a dash, since the program would take it for an option"
        raise InvalidInput(f"parameter {name}", _shown(name, value), right) from None
    if math.isnan(number):
        raise InvalidInput(f"parameter {name}", _shown(name, value), "a number")
