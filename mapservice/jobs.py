"""The job queue, kept in PostgreSQL: what happens without a request."""

import procrastinate
from procrastinate import App, PsycopgConnector

from mapservice.activity import service as activity
from mapservice.db.engine import make_engine
from mapservice.settings import Settings


def make_jobs(settings: Settings) -> App:
    """The queue's application with every task; opens nothing until it is run."""
    app = App(connector=PsycopgConnector(conninfo=settings.database_url))
    engine = make_engine(settings.database_url, pool_size=2)

    # The lock lets no second compaction queue up behind one that takes longer than a minute.
    @app.periodic(cron="* * * * *")
    @app.task(name="compact_rollups", queueing_lock="compact_rollups", pass_context=False)
    def compact_rollups(timestamp: int) -> int:
        """Each minute: reads stay fast as deltas stay few."""
        del timestamp
        return activity.compact(engine)

    return app


def run_worker(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, finishing what it has begun."""
    app = make_jobs(settings)
    with app.open():
        app.run_worker(delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL)
