"""The job queue, kept in PostgreSQL: what happens without a request."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import procrastinate
import structlog
from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection, OperationalError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mapservice.accounts.api_keys import service as api_keys
from mapservice.accounts.people import service as people
from mapservice.accounts.second_factor import service as second_factor
from mapservice.contributions.bursts import service as bursts
from mapservice.contributions.bursts.queries import Seen
from mapservice.contributions.conversations import service as conversations
from mapservice.contributions.conversations.inbox import ReplyInbox
from mapservice.contributions.conversations.inbox import read_replies as read_inbox
from mapservice.contributions.needs import service as needs
from mapservice.contributions.supports import service as supports
from mapservice.db.address import connection_parameters
from mapservice.db.engine import make_engine
from mapservice.events import letters as event_letters
from mapservice.events import message_letters as event_message_letters
from mapservice.events import registration_service as event_registrations
from mapservice.events import service as events
from mapservice.events.incoming.intake import INTAKES
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups import message_letters as group_letters
from mapservice.groups import message_service as group_messages
from mapservice.groups import service as groups
from mapservice.imports import upload_work as imports
from mapservice.imports.sources import decisions as sweep_decisions
from mapservice.imports.sources import service as sources
from mapservice.imports.sources.harvest import fetcher_of
from mapservice.mail import service as mail
from mapservice.mail.transport import transport_of
from mapservice.media import service as photos
from mapservice.media.storage import store_of
from mapservice.notifications.push import service as push
from mapservice.notifications.push.encryption import vapid_key
from mapservice.notifications.push.transport import PushTransport, refuse
from mapservice.notifications.subscriptions import service as subscriptions
from mapservice.notifications.subscriptions.model import day_to_tell
from mapservice.notifications.weekly_digest import service as weekly_digest
from mapservice.operations.backup.erasures import tell_backups
from mapservice.outgoing.guarded_client import FetchLimits, GuardedClient
from mapservice.outgoing.public_hosts import stand_ins
from mapservice.outgoing.way_out import WayOut
from mapservice.publishing.activitypub import keys as federation_keys
from mapservice.publishing.activitypub import service as federation
from mapservice.publishing.activitypub.remote import sending_client_of
from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import BundleFormat
from mapservice.publishing.exports.service import TASK as MAKE_EXPORTS
from mapservice.publishing.packages.writing import maker as package_maker
from mapservice.publishing.reports import schedule_service
from mapservice.publishing.reports.making import maker as report_maker
from mapservice.rollups import service as rollups
from mapservice.settings import Settings
from mapservice.tiles.basemap.service import Basemap

log = structlog.get_logger()

PATIENCE = 5  # seconds, for a connection
# Statements of the queue itself take milliseconds. Longer than its pool lets anybody wait.
SILENT_SECONDS = 15
AGAIN_SECONDS = 1
# By whatever clock: our own may have been a day fast, and the job would wait for that day.
AT_ONCE = datetime.fromtimestamp(0, UTC)
CLOCK_STEP_SECONDS = 30  # a clock that is off by less loses no minute's jobs
FAILED_HOURS = 30 * 24  # that a failed job is kept; docs/operations.md says so
MOST_ATTEMPTS = 5  # a job that ends its worker each time must not do so for ever
# Its statement met a database that had just come back or was about to go: a sweep of each minute is
# long for a link that somebody waits for. After 1, 3, 5 and 7 seconds.
SOON_AGAIN = procrastinate.RetryStrategy(
    max_attempts=4, wait=1, linear_wait=2, retry_exceptions=(DBAPIError,)
)


def make_jobs(settings: Settings) -> App:
    """The queue's application with every task; opens nothing until it is run."""
    # Its pool soon says that the database is away; `_work` then begins again.
    connector = PsycopgConnector(
        kwargs=connection_parameters(settings.database_url),
        timeout=PATIENCE,
        reconnect_timeout=PATIENCE,
    )
    app = App(connector=connector)
    engine = make_engine(settings.database_url, pool_size=8)

    # The lock keeps a second compaction from queueing behind one that takes longer than a minute.
    @app.periodic(cron="* * * * *")
    @app.task(name="compact_rollups", queueing_lock="compact_rollups", pass_context=False)
    def compact_rollups(timestamp: int) -> int:
        """Each minute: reads stay fast as deltas stay few."""
        del timestamp
        rollups.prune_spot_changes(engine)
        return rollups.compact(engine)

    @app.periodic(cron="47 3 * * *")
    @app.task(name="sort_rollups", queueing_lock="sort_rollups", pass_context=False)
    def sort_rollups(timestamp: int) -> bool:
        """Each night: months that bulks have scattered are read faster in order."""
        del timestamp
        return rollups.sort_series(engine)

    makers = _makers(settings)

    @app.task(name=MAKE_EXPORTS)
    def make_exports() -> int:
        """Deferred in the transaction that orders an export."""
        return making.make_waiting(engine, settings.home, makers)

    @app.periodic(cron="* * * * *")
    @app.task(name="tidy_exports", queueing_lock="tidy_exports", pass_context=False)
    def tidy_exports(timestamp: int) -> None:
        """Each minute: deletes expired exports, resumes those that a dead worker left."""
        del timestamp
        making.tidy(engine, settings.home, settings.export_max_bytes)

    seen: dict[UUID, Seen] = {}

    @app.periodic(cron="* * * * *")
    @app.task(name="watch_supports", queueing_lock="watch_supports", pass_context=False)
    def watch_supports(timestamp: int) -> int:
        """Each minute: bursts of supports that no single one could show."""
        del timestamp
        return bursts.watch(engine, seen)

    @app.periodic(cron="* * * * *")
    @app.task(name="retry_stalled", queueing_lock="retry_stalled", pass_context=False)
    async def retry_stalled(timestamp: int) -> None:
        """Each minute: jobs of a worker that was killed or lost its database.

        Every task may be repeated.
        """
        del timestamp
        for job in await app.job_manager.get_stalled_jobs():
            try:
                if job.attempts < MOST_ATTEMPTS:
                    await app.job_manager.retry_job(job, retry_at=AT_ONCE)
                    continue
            except procrastinate.exceptions.ConnectorException as error:
                words = str(error.__cause__ or error)
                log.info("job_waits_already", task=job.task_name, error=words)
            failed = procrastinate.jobs.Status.FAILED
            await app.job_manager.finish_job(job, failed, delete_job=True)

    _add_imports(app, engine, settings)
    _add_sending(app, engine, settings)

    @app.periodic(cron="17 3 * * *")
    @app.task(name="forget_people", queueing_lock="forget_people", pass_context=False)
    def forget_people(timestamp: int) -> None:
        """Each night: deletes what is past its time."""
        del timestamp
        people.purge(engine)
        mail.forget(engine)
        supports.forget_networks(engine)
        needs.forget(engine)
        conversations.forget(engine)
        group_messages.forget(engine)
        subscriptions.forget(engine)
        api_keys.forget(engine)
        federation.forget(engine)

    _add_upkeep(app, engine, settings)
    _add_photo_tasks(app, engine, settings)
    _add_event_tasks(app, engine, settings)

    # By day, by the clock in Paris; those who cannot be written to yet are tried again later.

    @app.periodic(cron="4 * * * *")
    @app.task(name="tell_followers", queueing_lock="tell_followers", pass_context=False)
    def tell_followers(timestamp: int) -> int:
        """By day: the digests that are not written yet."""
        del timestamp
        day = day_to_tell(datetime.now(UTC))
        return subscriptions.tell(engine, settings, day) if day else 0

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
        """By day, from the first of a month on: orders its reports, and mails those made."""
        del timestamp
        day = day_to_tell(datetime.now(UTC))
        if day:
            schedule_service.run(engine, settings, day)

    return app


def _makers(settings: Settings) -> dict[BundleFormat, making.Maker]:
    """What makes archives, by their kinds."""
    return {
        BundleFormat.REPORT: report_maker(settings.site_name, Basemap.of_settings(settings)),
        BundleFormat.PACKAGE: package_maker(settings.site_name, store_of(settings)),
    }


def _add_sending(app: App, engine: Engine, settings: Settings) -> None:
    """The tasks that empty the outboxes, of mail and of notifications."""
    # Mail has no locks of the queue: one held by a worker that was killed would stop all mail.
    transport = transport_of(settings)
    # Who writes the words of mails that are to say what is true when they are sent.
    renderers = {
        event_registrations.RENDERER: event_letters.renderer(settings),
        group_messages.RENDERER: group_letters.renderer(settings),
        group_messages.EVENT_RENDERER: event_message_letters.renderer(settings),
    }

    @app.task(name="send_mail", retry=SOON_AGAIN)
    def send_mail() -> None:
        """Deferred when a mail is written; takes turns with other jobs while there is more."""
        if mail.send_due(engine, transport, renderers=renderers):
            send_mail.defer()

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep_mail", queueing_lock="sweep_mail", pass_context=False)
    def sweep_mail(timestamp: int) -> None:
        """Each minute: mails that were refused, and those that a worker left behind."""
        del timestamp
        send_mail()

    _add_inbox(app, engine, settings)
    _add_federation(app, engine, settings)

    key = vapid_key(settings)
    send = PushTransport.of(key, settings) if key else refuse

    @app.task(name="send_push", retry=SOON_AGAIN)
    def send_push() -> None:
        """Deferred when a notification is written. Without a key mails go instead."""
        if push.send_due(engine, send):
            send_push.defer()

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep_push", queueing_lock="sweep_push", pass_context=False)
    def sweep_push(timestamp: int) -> None:
        """Each minute: notifications that were refused, and those that a worker left behind."""
        del timestamp
        send_push()


def _add_federation(app: App, engine: Engine, settings: Settings) -> None:
    """What other servers are told; nothing while MAPSERVICE_FEDERATION is off."""
    client, is_on = sending_client_of(settings), settings.federation == 1

    @app.task(name="send_activities", retry=SOON_AGAIN)
    def send_activities() -> None:
        """Deferred when something public changes, or an activity is written."""
        if is_on and federation.work(engine, client, federation_keys.box_of(settings)):
            federation.ask_for_turn(engine)

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep_activities", queueing_lock="sweep_activities", pass_context=False)
    def sweep_activities(timestamp: int) -> None:
        """Each minute: what was refused or left behind; and what the setting says."""
        del timestamp
        federation_keys.switch(engine, is_on=is_on)
        send_activities()

    @app.periodic(cron="37 3 * * *")
    @app.task(name="renew_federation_key", queueing_lock="renew_federation", pass_context=False)
    def renew_federation_key(timestamp: int) -> None:
        """Each night: what we sign with is encrypted with the present key of the service."""
        del timestamp
        box = federation_keys.box_of(settings)
        if is_on and box is not None:
            federation_keys.renew(engine, box)


def _add_imports(app: App, engine: Engine, settings: Settings) -> None:
    # Built with the first file; as large as in a process that answers.
    geocoders = GeocoderCache(AddressProvider.of_settings(settings))
    bounds = FetchLimits(body_bytes=settings.max_upload_bytes)
    client = GuardedClient(
        stand_ins(settings.source_hosts), bounds, WayOut.parse(settings.outgoing_proxy)
    )

    @app.task(name="run_imports")
    def run_imports() -> int:
        """Deferred when somebody sends a file, or says what is to become of it."""
        return imports.work(engine, settings.home, geocoders.current, client)

    @app.periodic(cron="* * * * *")
    @app.task(name="tidy_imports", queueing_lock="tidy_imports", pass_context=False)
    def tidy_imports(timestamp: int) -> None:
        """Each minute: files of a dead worker, and those sent a day ago."""
        del timestamp
        imports.tidy(engine, settings.home)

    fetcher = fetcher_of(settings)

    @app.task(name="sweep_sources")
    def sweep_sources() -> None:
        """One source that is due; takes turns with other jobs while there are more."""
        now = datetime.now(UTC)
        if sources.sweep_next(engine, settings.home, geocoders.current, fetcher, now, INTAKES):
            sweep_sources.defer()

    @app.periodic(cron="7 2 * * *")
    @app.task(name="sweep_due_sources", queueing_lock="sweep_due_sources", pass_context=False)
    def sweep_due_sources(timestamp: int) -> None:
        """Each night: sources whose time has come."""
        del timestamp
        sweep_decisions.tidy(engine, settings.home)
        sweep_sources()


def _add_inbox(app: App, engine: Engine, settings: Settings) -> None:
    inbox = ReplyInbox.of(settings)

    @app.periodic(cron="* * * * *")
    @app.task(name="read_replies", queueing_lock="read_replies", pass_context=False)
    def read_replies(timestamp: int) -> None:
        """Each minute: replies by mail, where an inbox is set."""
        del timestamp
        if inbox:
            read_inbox(engine, inbox, mail.letterhead(settings))


def _add_upkeep(app: App, engine: Engine, settings: Settings) -> None:
    """What an operator counts on: failed jobs go, erasures reach backups, keys are renewed."""

    @app.periodic(cron="27 3 * * *")
    @app.task(name="forget_failed_jobs", queueing_lock="forget_failed_jobs", pass_context=False)
    async def forget_failed_jobs(timestamp: int) -> None:
        """Each night: failed jobs that an operator has had a month to look at."""
        del timestamp
        await app.job_manager.delete_old_jobs(FAILED_HOURS, include_failed=True)

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="renew_second_factors", queueing_lock="renew_factors", pass_context=False)
    def renew_second_factors(timestamp: int) -> int:
        """Each five minutes: what a former key encrypted is encrypted with the present one."""
        del timestamp
        box = federation_keys.box_of(settings)
        return second_factor.renew(engine, box) if box is not None else 0

    @app.periodic(cron="* * * * *")
    @app.task(name="tell_backups_of_erasures", queueing_lock="tell_backups", pass_context=False)
    def tell_backups_of_erasures(timestamp: int) -> int:
        """Each minute: erasures that could not be written to a backup at once."""
        del timestamp
        return tell_backups(engine)


def _add_photo_tasks(app: App, engine: Engine, settings: Settings) -> None:
    store = store_of(settings)

    @app.periodic(cron="* * * * *")
    @app.task(name="tidy_photos", queueing_lock="tidy_photos", pass_context=False)
    def tidy_photos(timestamp: int) -> None:
        """Each minute: photos past their time, and the files of those that were deleted."""
        del timestamp
        photos.tidy(engine, store)

    @app.periodic(cron="41 3 * * *")
    @app.task(name="sweep_photos", queueing_lock="sweep_photos", pass_context=False)
    def sweep_photos(timestamp: int) -> int:
        """Each night: files older than a day that no photo has."""
        del timestamp
        return len(photos.sweep(engine, store))


def _add_event_tasks(app: App, engine: Engine, settings: Settings) -> None:
    """Seats and reminders by the minute, dates by the day."""
    sender = mail.letterhead(settings).sender

    @app.periodic(cron="* * * * *")
    @app.task(name="offer_seats", queueing_lock="offer_seats", pass_context=False)
    def offer_seats(timestamp: int) -> int:
        """Each minute: seats on offer that nobody took go to who waits next."""
        del timestamp
        return event_registrations.settle_due(engine, sender, datetime.now(UTC))

    @app.periodic(cron="* * * * *")
    @app.task(name="tell_requests", queueing_lock="tell_requests", pass_context=False)
    def tell_requests(timestamp: int) -> int:
        """Each minute: organisers hear that people ask to come."""
        del timestamp
        return event_registrations.tell_requests(engine, sender, datetime.now(UTC))

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="remind_of_events", queueing_lock="remind_of_events", pass_context=False)
    def remind_of_events(timestamp: int) -> int:
        """Every five minutes: reminders of what begins within a day."""
        del timestamp
        return event_registrations.remind(engine, sender, datetime.now(UTC))

    @app.periodic(cron="13 * * * *")
    @app.task(name="finish_events", queueing_lock="finish_events", pass_context=False)
    def finish_events(timestamp: int) -> int:
        """Each hour: what is over is done."""
        del timestamp
        return events.finish(engine, datetime.now(UTC))

    @app.periodic(cron="29 2 * * *")
    @app.task(name="extend_events", queueing_lock="extend_events", pass_context=False)
    def extend_events(timestamp: int) -> None:
        """Each night: occurrences that have come within twelve months; answers past their time."""
        del timestamp
        events.extend(engine, datetime.now(UTC))
        event_registrations.forget(engine, datetime.now(UTC))

    @app.periodic(cron="43 2 * * *")
    @app.task(name="hand_over_groups", queueing_lock="hand_over_groups", pass_context=False)
    def hand_over_groups(timestamp: int) -> int:
        """Each night: groups without an organiser that nobody took over go to moderators."""
        del timestamp
        return groups.hand_over(engine, datetime.now(UTC))

    @app.periodic(cron="* * * * *")
    @app.task(name="tell_groups", queueing_lock="tell_groups", pass_context=False)
    def tell_groups(timestamp: int) -> int:
        """Each minute: messages to groups and about events that are mails of their own."""
        del timestamp
        return group_messages.tell(engine, sender)


def run_worker(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, finishing what it has begun; outlives its database."""
    app = make_jobs(settings)
    if not settings.smtp_url:
        print(f"MAPSERVICE_SMTP_URL is not set: mails are written to {settings.home / 'mail'}")

    async def work_until_stopped() -> None:
        """The first signal asks for an end, the second one ends the process at once."""
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(_work(app, settings.database_url))

        def stop(number: signal.Signals) -> None:
            loop.remove_signal_handler(number)
            work.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        with contextlib.suppress(asyncio.CancelledError):
            await work

    asyncio.run(work_until_stopped())


async def _work(app: App, database_url: str) -> None:
    """Begins again, on new connections, whenever the database was away."""
    told, parameters = False, connection_parameters(database_url)
    while True:
        try:
            # A pool would try ever more seldom; a waiting job is to wait seconds, not minutes.
            async with await AsyncConnection.connect(**parameters):
                told = False
        except OperationalError as error:
            if not told:
                log.warning("worker_waits_for_database", error=str(error).partition("\n")[0])
            told = True
            await asyncio.sleep(AGAIN_SECONDS)
            continue
        try:
            async with app.open_async():
                work = app.run_worker_async(
                    concurrency=2,  # one for exports, one at a time; one for all that is short
                    delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL,
                    install_signal_handlers=False,
                )
                watch = asyncio.ensure_future(_leave_silent_server(app, parameters))
                try:
                    await _until_clock_is_set(work)
                finally:
                    watch.cancel()
            # It ends by itself when what it does beside its jobs has failed: listening, its pulse.
            log.warning("worker_begins_again")
        except (procrastinate.exceptions.ConnectorException, OperationalError) as error:
            log.warning("worker_begins_again", error=str(error.__cause__ or error))
        await asyncio.sleep(AGAIN_SECONDS)


async def _leave_silent_server(app: App, parameters: dict[str, Any]) -> None:
    """Ends this process once its server stands still while another one of the address answers.

    Nothing can be finished then: what waits for that server waits for ever. Whoever keeps the
    worker going starts another, on the server that answers; its jobs are begun again there.
    """
    while True:
        asked = asyncio.ensure_future(app.connector.execute_query_one_async("SELECT 1 AS one"))
        asked.add_done_callback(_forget_failure)
        await asyncio.wait((asked,), timeout=SILENT_SECONDS)
        if not asked.done():
            with contextlib.suppress(OperationalError):
                await (await AsyncConnection.connect(**parameters)).close()
                # The same server may have gone on just now.
                await asyncio.wait((asked,), timeout=PATIENCE)
                if not asked.done():
                    log.error("worker_leaves_silent_server")
                    os._exit(1)
        await asyncio.sleep(AGAIN_SECONDS)


def _forget_failure(asked: "asyncio.Future[Any]") -> None:
    """Whatever fails here fails the worker itself, which says so."""
    if not asked.cancelled():
        asked.exception()


async def _until_clock_is_set(work: Coroutine[Any, Any, None]) -> None:
    """Lets the worker work until it ends, or until somebody sets the clock: then it begins again.

    It remembers for which minute each periodic job was begun last. A clock that went back would let
    all of them rest until that minute comes again; one that went forward would begin each for every
    minute that was left out.
    """
    worker = asyncio.ensure_future(work)
    clock = asyncio.ensure_future(_clock_is_set())
    try:
        await asyncio.wait((worker, clock), return_when=asyncio.FIRST_COMPLETED)
        if clock.done():
            log.warning("clock_was_set")
    finally:
        clock.cancel()
        worker.cancel()
        await asyncio.wait((worker,))  # what it has begun, it finishes
    if not worker.cancelled():
        worker.result()


async def _clock_is_set() -> None:
    """Ends once the wall clock has left the monotonic one: it was set, or the machine has slept."""
    offset = time.time() - time.monotonic()
    while abs(time.time() - time.monotonic() - offset) < CLOCK_STEP_SECONDS:
        await asyncio.sleep(AGAIN_SECONDS)
