"""The job queue, kept in PostgreSQL: what happens without a request."""

import asyncio
import contextlib
import signal
from datetime import UTC, datetime
from uuid import UUID

import procrastinate
import structlog
from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection, OperationalError
from sqlalchemy import Engine

from mapservice.accounts.api_keys import service as tokens
from mapservice.accounts.people import service as people
from mapservice.contributions.bursts import service as trust
from mapservice.contributions.bursts.queries import Seen
from mapservice.contributions.supports import service as supports
from mapservice.db.engine import NETWORK, make_engine
from mapservice.mail import service as mail
from mapservice.mail.transport import transport_of
from mapservice.notifications.subscriptions import service as following
from mapservice.notifications.subscriptions.model import day_to_tell
from mapservice.notifications.weekly_digest import service as weekly_digest
from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import BundleFormat
from mapservice.publishing.exports.service import TASK as MAKE_EXPORTS
from mapservice.publishing.reports import schedule_service
from mapservice.publishing.reports.making import maker as report_maker
from mapservice.rollups import service as activity
from mapservice.settings import Settings

log = structlog.get_logger()

PATIENCE = 5  # seconds, for a connection
AGAIN_SECONDS = 1
MOST_ATTEMPTS = 5  # a job that ends its worker each time must not do so for ever


def make_jobs(settings: Settings) -> App:
    """The queue's application with every task; opens nothing until it is run."""
    app = _queue(settings.database_url)
    engine = make_engine(settings.database_url, pool_size=6)

    # The lock lets no second compaction queue up behind one that takes longer than a minute.
    @app.periodic(cron="* * * * *")
    @app.task(name="compact_rollups", queueing_lock="compact_rollups", pass_context=False)
    def compact_rollups(timestamp: int) -> int:
        """Each minute: reads stay fast as deltas stay few."""
        del timestamp
        return activity.compact(engine)

    makers = {BundleFormat.REPORT: report_maker(settings.site_name)}

    @app.task(name=MAKE_EXPORTS)
    def make_exports() -> int:
        """Whoever asks for an export defers this, in the same transaction."""
        return making.make_waiting(engine, settings.home, makers)

    @app.periodic(cron="* * * * *")
    @app.task(name="tidy_exports", queueing_lock="tidy_exports", pass_context=False)
    def tidy_exports(timestamp: int) -> None:
        """Each minute: what expired goes, what a dead worker left is taken up again."""
        del timestamp
        making.tidy(engine, settings.home, settings.export_max_bytes)

    seen: dict[UUID, Seen] = {}

    @app.periodic(cron="* * * * *")
    @app.task(name="watch_supports", queueing_lock="watch_supports", pass_context=False)
    def watch_supports(timestamp: int) -> int:
        """Each minute: bursts of supports that no single one could show."""
        del timestamp
        return trust.watch(engine, seen)

    _add_retry(app)
    _add_mail(app, engine, settings)
    _add_digests(app, engine, settings)
    return app


def _queue(database_url: str) -> App:
    """Its pool soon says that the database is away; `_work_on` then begins again."""
    connector = PsycopgConnector(
        conninfo=database_url,
        kwargs={"connect_timeout": PATIENCE, **NETWORK},
        timeout=PATIENCE,
        reconnect_timeout=PATIENCE,
    )
    return App(connector=connector)


def _add_retry(app: App) -> None:
    @app.periodic(cron="* * * * *")
    @app.task(name="retry_stalled", queueing_lock="retry_stalled", pass_context=False)
    async def retry_stalled(timestamp: int) -> None:
        """Each minute: jobs of a worker that has no pulse any more."""
        del timestamp
        await _retry_stalled(app)


def _add_mail(app: App, engine: Engine, settings: Settings) -> None:
    """Without locks of the queue: one held by a worker that was killed would stop all mail."""
    transport = transport_of(settings)

    @app.task(name="send_mail")
    def send_mail() -> None:
        """Woken by whoever writes a mail; takes turns with other jobs while there is more."""
        if mail.send_due(engine, transport):
            send_mail.defer()

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep_mail", queueing_lock="sweep_mail", pass_context=False)
    def sweep_mail(timestamp: int) -> None:
        """Each minute: what was refused, and what a worker left behind."""
        del timestamp
        send_mail()

    @app.periodic(cron="17 3 * * *")
    @app.task(name="forget_people", queueing_lock="forget_people", pass_context=False)
    def forget_people(timestamp: int) -> None:
        """Each night: what has had its time."""
        del timestamp
        people.purge(engine)
        mail.forget(engine)
        supports.forget_networks(engine)
        following.forget(engine)
        tokens.forget(engine)


def _add_digests(app: App, engine: Engine, settings: Settings) -> None:
    """What is written by day, by the clock in Paris; who could not be dealt with is, later."""

    @app.periodic(cron="4 * * * *")
    @app.task(name="tell_followers", queueing_lock="tell_followers", pass_context=False)
    def tell_followers(timestamp: int) -> int:
        """By day: the digests that are not written yet."""
        del timestamp
        day = day_to_tell(datetime.now(UTC))
        return following.tell(engine, settings, day) if day else 0

    @app.periodic(cron="9 * * * *")
    @app.task(name="tell_coordinators", queueing_lock="tell_coordinators", pass_context=False)
    def tell_coordinators(timestamp: int) -> int:
        """By day, from Monday on: the weekly digests that are not written yet."""
        del timestamp
        day = day_to_tell(datetime.now(UTC))
        return weekly_digest.tell(engine, settings, day) if day else 0

    # Often, as only a few reports may wait at once.
    @app.periodic(cron="*/2 * * * *")
    @app.task(name="send_reports", queueing_lock="send_reports", pass_context=False)
    def send_reports(timestamp: int) -> None:
        """By day, from the first of a month on: orders its reports, and tells of those made."""
        del timestamp
        day = day_to_tell(datetime.now(UTC))
        if day:
            schedule_service.run(engine, settings, day)


def run_worker(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, finishing what it has begun; outlives its database."""
    app = make_jobs(settings)
    if not settings.smtp_url:
        print(f"MAPSERVICE_SMTP_URL is not set: mails are written to {settings.home / 'mail'}")
    asyncio.run(_work_until_stopped(app, settings.database_url))


async def _work_until_stopped(app: App, database_url: str) -> None:
    """The first signal asks for an end, the second one ends the process at once."""
    loop, work = asyncio.get_running_loop(), asyncio.ensure_future(_work_on(app, database_url))

    def stop(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _work_on(app: App, database_url: str) -> None:
    """Begins again, on new connections, whenever the database was away."""
    while True:
        await _wait_for_database(database_url)
        try:
            async with app.open_async():
                await app.run_worker_async(
                    concurrency=2,  # one for exports, one at a time; one for all that is short
                    delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL,
                    install_signal_handlers=False,
                )
            # It ends by itself when what it does beside its jobs has failed: listening, its pulse.
            log.warning("worker_begins_again")
        except (procrastinate.exceptions.ConnectorException, OperationalError) as error:
            log.warning("worker_begins_again", error=str(error.__cause__ or error))
        await asyncio.sleep(AGAIN_SECONDS)


async def _wait_for_database(database_url: str) -> None:
    """A pool would try ever more seldom; a job that waits is to wait seconds, not minutes."""
    told = False
    while True:
        try:
            async with await AsyncConnection.connect(database_url, connect_timeout=PATIENCE):
                return
        except OperationalError as error:
            if not told:
                log.warning("worker_waits_for_database", error=str(error).partition("\n")[0])
            told = True
            await asyncio.sleep(AGAIN_SECONDS)


async def _retry_stalled(app: App) -> None:
    """What a worker had begun that was killed, or lost its database: every task may be repeated."""
    for job in await app.job_manager.get_stalled_jobs():
        try:
            if job.attempts < MOST_ATTEMPTS:
                await app.job_manager.retry_job(job)
                continue
        except procrastinate.exceptions.ConnectorException as error:
            log.info("job_waits_already", task=job.task_name, error=str(error.__cause__ or error))
        await app.job_manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=True)
