from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def generate() -> Any:
    specification = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_generated_parts_of_the_docs_are_current() -> None:
    # A process of its own: it opens an engine, and this one may have another open.
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"run: python docs/generate.py\n{done.stdout}{done.stderr}"


def test_every_generated_part_stands_in_a_page() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    for name in generate().PARTS:
        assert f"<!-- generated: {name} -->" in text


def test_every_column_of_every_view_is_described() -> None:
    text = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_filter_in_the_page_on_search_is_accepted() -> None:
    from trackstream_api.search.grammar import parse_filter
    from trackstream_api.search.vocabulary import EXPERIMENTS, RUNS

    runs, experiments = (ROOT / "docs" / "search.md").read_text(encoding="utf-8").split("## Experiments\n")
    for vocabulary, part in ((RUNS, runs), (EXPERIMENTS, experiments)):
        blocks = re.findall(r"```text\n(.*?)```", part, re.DOTALL)
        filters = [line for block in blocks for line in block.splitlines() if "trackstream" not in line]
        found = [parse_filter(line, vocabulary) for line in filters if not line.startswith((" ", "Error"))]
        assert len(found) > 3
        assert all(found)


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
