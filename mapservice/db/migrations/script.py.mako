"""${message}"""

from mapservice.db.migrate import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    run_sql("migrations/${up_revision}_${message}.sql")
