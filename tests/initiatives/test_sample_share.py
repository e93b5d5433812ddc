"""Pages say of their sample that some or all of it is made up, by what they show."""

from sqlalchemy import Engine, text

from mapservice.initiatives.queries import sample_share
from tests.web.population import Made, insert


def test_what_waits_for_a_moderator_is_none_of_those_shown(engine: Engine) -> None:
    """A proposal that nobody has read yet does not make some of the sample real."""
    sample = Made(commune="35238", title="Un four", source_platform="sample")
    own = Made(commune="35238", title="Un verger", status="pending")
    with engine.begin() as connection:
        assert sample_share(connection) == ""
        insert(connection, [sample])
        assert sample_share(connection) == "all"
        insert(connection, [own])
        assert sample_share(connection) == "all"
        connection.execute(text("UPDATE initiative SET status = 'published'"))
        assert sample_share(connection) == "some"
