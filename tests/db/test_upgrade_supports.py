"""A database of schema 0021 comes to confirmed supports with all that it had."""

from sqlalchemy import Engine, text

from mapservice.db import migrate
from mapservice.rollups.queries import differences
from mapservice.rollups.service import compact

FILL = (
    """INSERT INTO person (email, email_key, confirmed_at, erased_at)
       VALUES ('a@example.org', 'a@example.org', now(), NULL)""",
    """INSERT INTO initiative (title, theme, scale, status, precision, supporters, source_platform,
                               created_at, updated_at)
       SELECT title, 'culture', 'commune', 'published', 'none', brought, platform,
              '2024-05-01', '2024-05-02'
         FROM (VALUES ('told', 40, 'elsewhere'), ('backed', 0, ''), ('both', 7, 'elsewhere'))
              AS made (title, brought, platform)""",
    """INSERT INTO support (initiative, person)
       SELECT initiative.id, person.id FROM initiative CROSS JOIN person
        WHERE title IN ('backed', 'both')""",
    # Of somebody who erased their account under the former rule.
    """INSERT INTO support (initiative, mailbox)
       SELECT id, sha256(uuid_send(id)) FROM initiative WHERE title IN ('backed', 'told')""",
)


def test_what_a_source_told_stands_apart_and_who_was_erased_is_gone(old_engine: Engine) -> None:
    with old_engine.begin() as connection:
        for statement in FILL:
            connection.execute(text(statement))
        before = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    compact(old_engine)
    migrate.migrate(old_engine)
    with old_engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT title, supporters, source_supporters, updated_at < :before AS untouched,"
                " changed_at > :before AS told FROM initiative ORDER BY title"
            ),
            {"before": before},
        ).all()
        assert [row[:3] for row in rows] == [("backed", 1, None), ("both", 1, 7), ("told", 0, 40)]
        assert [row.told for row in rows] == [True, True, True]
        assert [row.untouched for row in rows] == [True, True, True]
        assert differences(connection) == []
    compact(old_engine)
    with old_engine.connect() as connection:
        assert differences(connection) == []
        country = "SELECT sum(supporters) FROM rollup WHERE level = 'country' AND theme = ''"
        last = connection.execute(text(f"{country} AND month = '-infinity'")).scalar_one()
        assert last == 2
