"""Conventions that hold the house together, each as a test."""

import ast
import io
import re
import statistics
import tokenize
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from importlinter.cli import lint_imports_command

from mapservice.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
HOUSE = REPOSITORY / "mapservice"
SOURCES = sorted(HOUSE.rglob("*.py"))
# Not to be cut in two to please a number: beyond these somebody should look.
LONGEST_FUNCTION = 120
LONGEST_FILE = 1500

# Where Flask may be: the edge itself, routes, and what carries a thing of a room to the edge.
CARRIERS = (
    "author_pages|bearer|case_forms|template_words|commune_field|live_map|message_form|middleware"
    "|pages|params|permissions"
    "|session|uploads"
)
AT_THE_EDGE = rf"app\.py|web/.+|([\w/]+/)?((\w+_)?routes|{CARRIERS})\.py"
# Which files may import a library whose place is fixed.
RESERVED = {
    "flask": AT_THE_EDGE,
    "flask_babel": AT_THE_EDGE,
    "werkzeug": AT_THE_EDGE,
    "folium": r"static_maps/folium_map\.py",
    "click": r"cli/.+",
    "rich": r"cli/.+",
    "procrastinate": r"jobs\.py|db/migrations/versions/\w+\.py",
    "alembic": r"db/.+",
}


def test_imports_point_down_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    done = CliRunner().invoke(lint_imports_command, ["--no-cache"])
    assert (done.exit_code, done.output[-300:]) == (0, done.output[-300:])


def test_libraries_with_a_place_of_their_own_stay_there() -> None:
    strays = [
        f"{path.relative_to(HOUSE)} imports {library}"
        for path in SOURCES
        for library in _imported(path) & RESERVED.keys()
        if not re.fullmatch(RESERVED[library], path.relative_to(HOUSE).as_posix())
    ]
    assert strays == []


def test_routes_are_where_the_blueprints_are() -> None:
    with_blueprint = {
        path.relative_to(HOUSE).as_posix() for path in SOURCES if _defines(path, "blueprint")
    }
    assert {name for name in with_blueprint if not name.startswith("web/")} == {
        path.relative_to(HOUSE).as_posix()
        for path in SOURCES
        if re.fullmatch(r"(\w+_)?routes\.py", path.name)
    }


def test_model_classes_are_frozen_or_closed_vocabularies() -> None:
    loose = [
        f"{path.relative_to(HOUSE)}: {node.name}"
        for path in SOURCES
        if path.name == "model.py"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not _is_plain_value(node)
    ]
    assert loose == []


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base", "core"}
    assert [path for path in SOURCES if path.stem in vague or path.parent.name in vague] == []


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(HOUSE)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    too_long = {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION}
    assert too_long == {}
    assert statistics.median(lengths.values()) < 10


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(HOUSE)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_check_is_silenced_and_nothing_is_left_to_do() -> None:
    silenced = [
        f"{path.relative_to(REPOSITORY)}:{token.start[0]}: {token.string}"
        for path in [*SOURCES, *(REPOSITORY / "tests").rglob("*.py")]
        for token in _comments(path)
        if re.search(r"noqa|type:\s*ignore|pragma:|TODO|FIXME|XXX", token.string)
    ]
    assert silenced == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        path.relative_to(HOUSE).as_posix()
        for path in SOURCES
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_file_names_a_folder_of_this_machine() -> None:
    assert [
        path for path in SOURCES if re.search(r"['\"]/(work|home|root)/", path.read_text())
    ] == []


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    documented = _documented()
    for spec in fields(Settings):
        row = documented.get(f"MAPSERVICE_{spec.name.upper()}")
        assert row == (str(spec.default), spec.metadata["help"]), spec.name


def test_every_variable_read_is_documented() -> None:
    reads = re.compile(r"environ(?:\.get\(|\[)\s*\"(\w+)\"")
    system = {"PATH"}
    read = {name for path in SOURCES for name in reads.findall(path.read_text())}
    assert read - system <= _documented().keys()
    assert read >= {"HOST", "PORT", "MAPSERVICE_ASSETS"}


def test_no_documented_setting_is_of_the_past() -> None:
    settings = {f"MAPSERVICE_{spec.name.upper()}" for spec in fields(Settings)}
    of_tests = [REPOSITORY / "tests" / "conftest.py", REPOSITORY / "scripts" / "test"]
    texts = "".join(path.read_text() for path in [*SOURCES, *of_tests])
    assert {name for name in _documented() if name not in settings and name not in texts} == set()


def _documented() -> dict[str, tuple[str, str]]:
    text = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\| (.*) \|$", text, re.MULTILINE)
    return {name: (default.strip().strip("`"), meaning) for name, default, meaning in rows}


def _imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def _defines(path: Path, name: str) -> bool:
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        for node in ast.parse(path.read_text()).body
    )


def _is_plain_value(node: ast.ClassDef) -> bool:
    """Frozen, a closed vocabulary, or no more than a shape that others have."""
    named = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return bool(named & {"StrEnum", "Protocol"}) or any(
        "frozen=True" in ast.unparse(one) for one in node.decorator_list
    )


def _comments(path: Path) -> Iterator[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return (token for token in tokens if token.type == tokenize.COMMENT)
