"""Whatever quotes an author puts around a value, no shell reads the value."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstream.projects.shell_template import HOLE, NotSafe, check, filled

if TYPE_CHECKING:
    from pathlib import Path

SHOW = "printf '%s\\0'"
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
hostile = st.text(st.sampled_from("'\"\\$(){}`;&|<>#!*~= \n\tab0,[]-"), max_size=12)
literals = st.sampled_from(
    [("a", "a"), (" b", " b"), ("=", "="), ("/", "/"), ("\\\\", "\\"), ("\\$", "$"), ("$?", "0"), ("", "")]
)
SHELLS = ("sh", "bash")


def printed(shell: str, command: str, cwd: Path | None = None) -> list[str]:
    done = subprocess.run([shell, "-c", command], capture_output=True, check=True, cwd=cwd)
    return done.stdout.decode().split("\0")[:-1]


@st.composite
def arguments(draw: st.DrawFn) -> tuple[str, list[str], str]:
    """A template of one argument, its values, and what the program must get."""
    template, wanted, values = "''", "", []
    for _ in range(draw(st.integers(1, 4))):
        quote = draw(st.sampled_from(["", "'", '"']))
        inner = ""
        for _ in range(draw(st.integers(1, 3))):
            if draw(st.booleans()):
                values.append(draw(texts | hostile))
                inner += HOLE
                wanted += values[-1]
                continue
            written, read = draw(literals)
            if quote == "'" or (quote == "" and " " in written):
                written = read = "x"
            inner += written
            wanted += read
        template += quote + inner + quote
    return template, values, wanted


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, deadline=None)
@given(found=arguments())
def test_the_program_gets_exactly_the_values(shell: str, found: tuple[str, list[str], str]) -> None:
    template, values, wanted = found
    command = filled(f"{SHOW} {template} # as it was", values)
    assert printed(shell, command) == [wanted]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "value",
    [
        "$(touch pwned)",
        "`touch pwned`",
        "';touch pwned;'",
        '";touch pwned;"',
        "\\';touch pwned;#",
        "x\ntouch pwned\n",
        "a,b",
        "2",
        "A=1",
        "${HOME}",
        "it's",
        "\\",
        "",
    ],
)
@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{show} \x00", "{}"),
        ("{show} '\x00'", "{}"),
        ('{show} "\x00"', "{}"),
        ("{show} --name='\x00'", "--name={}"),
        ('{show} --name="a/\x00.csv"', "--name=a/{}.csv"),
        ('x=y; {show} "$x\x00"', "y{}"),
        ('{show} "\\"\x00\\""', '"{}"'),
        ("{show} {{a,\x00}}", "a"),
        ("true 2>&1 && (cd . ; {show} \x00)", "{}"),
        ("x=$(echo 1); {show} $x\x00", "1{}"),
        ("{show} \x00>&1", "{}"),
        ("sh -c '{show_inner} \"$1\"' sh \x00", "{}"),
    ],
)
def test_hostile_values(shell: str, value: str, template: str, wanted: str, tmp_path: Path) -> None:
    template = template.replace("{show_inner}", "printf %s\\\\0").replace("{show}", SHOW)
    template = template.replace("{{", "{").replace("}}", "}")
    found = printed(shell, filled(template, [value]), tmp_path)
    if "{a," in template:
        # Braces are an expansion in bash alone; the value is a text in both.
        assert found == (["a", value] if shell == "bash" else ["{a," + value + "}"])
    else:
        assert found == [wanted.replace("{}", value)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "template",
    [
        "echo $(cat \x00)",
        'echo "$(cat "\x00")"',
        "echo `cat \x00`",
        "echo ${x:-\x00}",
        'echo "${x:-\x00}"',
        "echo $((1+\x00))",
        "(( \x00 ))",
        "echo $[\x00]",
        "cat <<EOF\n\x00\nEOF",
        "cat <<EOF\nx\nEOF\necho \x00",
        "echo x # \x00",
        "echo \\\x00",
        'echo "\\\x00"',
        "echo $\x00",
        'echo "$\x00"',
        "echo $'\x00'",
        "echo $(case a in a) echo;; esac) '\x00'",
        "bash -c 'echo \x00'",
        'sh -ec "echo \x00"',
        "bash -o pipefail -c 'echo \x00'",
        "/usr/bin/env bash -c 'echo \x00'",
        "python -c 'print(\"\x00\")'",
        "Rscript -e 'f(\"\x00\")'",
        "eval echo \x00",
        "A=1 exec eval \x00",
        "if true; then eval \x00; fi",
        "trap \x00 EXIT",
        "let \x00",
        "[[ \x00 -eq 1 ]]",
        "[[ a == b && \x00 -eq 1 ]]",
        "test -v \x00",
        "echo >&\x00",
        "echo \\>& eval \x00",
        "echo 2>& 'x\x00'",
        "a[\x00]=1",
        "echo '\x00",
        'echo "\x00',
    ],
)
def test_what_is_not_followed_is_refused(template: str) -> None:
    with pytest.raises(NotSafe):
        check(template)


@pytest.mark.parametrize(
    "template",
    [
        "python train.py \x00 --alpha \x00",
        "python main.py eval \x00",
        "python train.py -c conf/\x00.yaml -e 'env \x00'",
        "bash run.sh -c x\x00",
        "bash -c \x00",
        "export A=\x00; python train.py",
        "A=\x00 python train.py > \x00 2>&1",
        "python train.py \x00 | tee log.txt",
        "for x in \x00 b; do echo $x; done",
        '[[ -n "$HOME" ]] && python train.py \x00',
        "python a.py --jobs $(nproc) --out ${DIR:-out} \x00",
        "python train.py \\\n  --alpha \x00 \\\n  --beta \x00",
        "# it's a comment\npython train.py \x00",
        "cat <<< \x00",
        "cat < \x00",
    ],
)
def test_what_authors_write_is_taken(template: str) -> None:
    check(template)


def test_plain_values_are_not_quoted() -> None:
    assert filled("x \x00 '\x00' --b \x00", ["0.5", "a/b", "runs:/1"]) == "x 0.5 'a/b' --b runs:/1"
