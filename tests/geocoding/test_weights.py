"""The geocoder's numbers stand in one file, each with its origin."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapservice.geocoding import weights

ROOM = Path(weights.__file__).parent
ORIGIN = re.compile(r"trial cases|measured|judgement|convention", re.IGNORECASE)
# None and all of it, and the 2 of Dice's coefficient.
NO_WEIGHTS = (0.0, 1.0, 2.0)


@pytest.mark.parametrize("path", sorted((ROOM / "matching").glob("*.py")), ids=lambda p: p.name)
def test_no_weight_hides_in_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    hidden = {
        f"{node.value} in line {node.lineno}"
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, float)
        and node.value not in NO_WEIGHTS
    }
    assert hidden == set()


def test_each_weight_has_an_origin() -> None:
    untold = [name for name, comments in _weights() if not ORIGIN.search(comments)]
    assert untold == []


def test_each_weight_is_used() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted(ROOM.rglob("*.py"))
        if path.name != "weights.py"
    )
    unused = [name for name, _ in _weights() if code.count(name) < 2]
    assert unused == []


def _weights() -> Iterator[tuple[str, str]]:
    """Each weight with the comments of its section that stand before it."""
    source = (ROOM / "weights.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            before = lines[: node.lineno - 1]
            section = max(i for i, line in enumerate(before) if line.startswith("# ---"))
            comments = [line for line in before[section + 1 :] if line.startswith("#")]
            yield node.targets[0].id, " ".join(comments)
