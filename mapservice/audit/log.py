"""The log of decisions: lines are added, none is ever changed."""

from sqlalchemy import Connection, text

from mapservice.audit.model import DecisionRecord


def keep(connection: Connection, line: DecisionRecord) -> None:
    bound = {name: getattr(line, name) for name in DecisionRecord.__dataclass_fields__}
    connection.execute(text(KEEP), bound)


KEEP = """
INSERT INTO decision
       (initiative, event_series, local_group, revision, verdict, reason, decided_by,
        decided_by_person, target, report)
VALUES (:initiative, :event_series, :local_group, :revision, :verdict, :reason, :by,
        :person, :target, :report)"""
