"""`mapservice review`: the same verbs from a terminal."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from mapservice.cli.main import cli
from mapservice.errors import InvalidInput, StateConflict
from tests.moderation.places.conftest import PLOUHA, kept

Run = Callable[..., Result]


@pytest.fixture
def run(doubts: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MAPSERVICE_DATABASE_URL", database_url)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["review", *arguments])

    return run


def test_the_list_shows_what_waits(run: Run, doubts: Engine) -> None:
    done = run("list")
    assert done.exit_code == 0
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[1] for line in lines] == [
        "Saint-Denis",
        "35550",
        "35000 Rennes",
        "79000 Niort",
        "Zzyzx",
    ]
    assert lines[0][0] == str(kept(doubts, "homonyms").id)
    assert lines[2][2:] == ["point_elsewhere", "35238 Rennes"]
    assert "5 waiting" in done.stderr


@pytest.mark.parametrize(
    ("territory", "count"), [("departement:35", 2), ("none", 1), ("region:84", 0)]
)
def test_the_list_can_be_narrowed(run: Run, territory: str, count: int) -> None:
    assert len(run("list", "--territory", territory).stdout.splitlines()) == count


def test_a_decision_and_its_withdrawal(run: Run, doubts: Engine) -> None:
    case = str(kept(doubts, "nothing").id)
    done = run("decide", case, "--commune", PLOUHA, "--by", "Ana", "--note", "au téléphone")
    assert (done.exit_code, done.stdout) == (0, "decided: commune 22222\n")
    row = kept(doubts, "nothing")
    assert (row.commune, row.decided_by, row.decision["note"]) == (PLOUHA, "Ana", "au téléphone")
    assert isinstance(run("decide", case, "--unknown", "--by", "Ben").exception, StateConflict)
    assert run("reopen", case, "--by", "Ben").exit_code == 0
    assert kept(doubts, "nothing").review == "waiting"


def test_a_decision_is_one_answer_by_somebody(run: Run, doubts: Engine) -> None:
    case = str(kept(doubts, "nothing").id)
    assert isinstance(run("decide", case, "--by", "Ana").exception, InvalidInput)
    two = run("decide", case, "--by", "Ana", "--unknown", "--commune", PLOUHA)
    assert isinstance(two.exception, InvalidInput)
    assert run("decide", case, "--commune", PLOUHA).exit_code == 2
    assert isinstance(
        run("decide", case, "--commune", "00000", "--by", "Ana").exception, InvalidInput
    )


def test_a_rerun_says_what_it_did(run: Run) -> None:
    assert run("rerun").stdout == "0 resolved, 5 still wait\n"
