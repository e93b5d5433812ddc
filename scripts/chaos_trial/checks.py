"""What must hold in the end, each with its figures: compared with the database and the letters."""

import os
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from scripts.chaos_trial.ledger import Ledger, possible
from scripts.chaos_trial.post_office import PostOffice
from scripts.chaos_trial.site import PROGRAMS, Site
from scripts.chaos_trial.writers import LINK

# A mail that was under way when its worker died is tried again after 2, 4, 8 … minutes.
MAIL_SECONDS = 600.0
# Jobs of a dead worker are begun again within two minutes; then they take their turn.
JOB_SECONDS = 180.0
MINUTELY_SECONDS = 130.0
LOOK_SECONDS = 1.0
SHOWN = 5

TITLES = """
SELECT CAST(initiative AS text), array_agg(title ORDER BY number)
  FROM initiative_revision GROUP BY initiative"""
SHOWN_TITLES = """
SELECT CAST(initiative.id AS text), initiative.title, person.email
  FROM initiative
  JOIN proposal ON proposal.initiative = initiative.id
  JOIN person ON person.id = proposal.person"""
SUPPORTS = """
SELECT person.email, CAST(support.initiative AS text)
  FROM support JOIN person ON person.id = support.person
 WHERE support.withdrawn_at IS NULL"""
MAILS = "SELECT message_id, state, recipient FROM delivery"
UNSENT = "SELECT count(*) FROM delivery WHERE state <> 'sent'"
OPEN_JOBS = "SELECT id FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
FAILED_JOBS = """
SELECT task_name, count(*) FROM procrastinate_jobs
 WHERE status NOT IN ('todo', 'doing') GROUP BY task_name ORDER BY task_name"""
MINUTELY = "SELECT task_name, max(id) FROM procrastinate_periodic_defers GROUP BY task_name"
MINUTELY_TASKS = ("compact_rollups", "retry_stalled", "sweep_mail", "tidy_exports")
KINDS = (
    "proposals",
    "edits",
    "supports",
    "withdrawals",
    "requests for a mail",
    "confirmations by mail",
)


class AskedDatabase(Protocol):
    """Where the checks look: the site, or what a test puts in its place."""

    def ask(self, statement: str, *bound: object) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the verdict; `faults` are what does not hold, the first of many."""

    name: str
    words: str
    faults: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        return not self.faults


def all_of(site: Site, ledger: Ledger, office: PostOffice) -> Iterator[Check]:
    """Once the writers have stopped. First waits for what is to happen by itself."""
    looks: dict[str, Callable[[], Check]] = {
        "people wrote": lambda: writes(ledger),
        "jobs of each minute": lambda: minutely_jobs(site),
        "jobs": lambda: jobs(site),
        "mails in the outbox": lambda: outbox(site),
        "proposals": lambda: proposals(site, ledger),
        "edits": lambda: edits(site, ledger),
        "supports": lambda: supports(site, ledger),
        "sessions": lambda: sessions(ledger),
        "mailed links": lambda: links(ledger),
        "mails owed": lambda: owed_mails(ledger, office),
        "Message-IDs": lambda: message_ids(site, office),
        "lives without its database": lambda: alive(ledger),
        "errors of the server": lambda: errors(ledger),
    }
    for name, look in looks.items():
        try:
            yield look()
        except psycopg.Error as error:
            yield Check(name, "cannot be looked at", [str(error)])
    yield command(site, "rollups", "check")
    yield command(site, "doctor")


def outbox(site: AskedDatabase) -> Check:
    """Whatever was under way when a worker died is tried again."""
    begun = time.monotonic()

    def unsent() -> int:
        return int(site.ask(UNSENT)[0][0])

    settle(lambda: unsent() == 0, MAIL_SECONDS)
    words = f"empty after {time.monotonic() - begun:.0f} s"
    return Check("mails in the outbox", words, [f"{unsent()} are not sent"] * bool(unsent()))


def writes(ledger: Ledger) -> Check:
    """A trial in which nobody wrote would hold whatever happened."""
    told = ", ".join(f"{ledger.acknowledged[kind]} {kind}" for kind in KINDS)
    none = [f"no {kind} were acknowledged" for kind in KINDS if not ledger.acknowledged[kind]]
    return Check("people wrote", told, none)


def proposals(site: AskedDatabase, ledger: Ledger) -> Check:
    titles = dict(site.ask(TITLES))
    authors = {row[0]: row[2] for row in site.ask(SHOWN_TITLES)}
    lost = [
        f"{title} of {email}"
        for identifier, (title, email) in ledger.proposals.items()
        if titles.get(identifier, [""])[0] != title or authors.get(identifier) != email
    ]
    twice = Counter(found[0] for found in titles.values())
    lost += [f"{title}: made {count} times" for title, count in twice.items() if count > 1]
    return Check("proposals", f"{len(ledger.proposals)} acknowledged", lost)


def edits(site: AskedDatabase, ledger: Ledger) -> Check:
    titles = dict(site.ask(TITLES))
    shown = {row[0]: row[1] for row in site.ask(SHOWN_TITLES)}
    lost, acknowledged = [], 0
    for identifier, acts in ledger.titles.items():
        kept = titles.get(identifier, [""])
        asked = [act.value for act in acts if act.acknowledged]
        acknowledged += len(asked)
        lost += [f"version {title}" for title in asked if kept.count(title) != 1]
        if kept[-1] not in possible(acts, kept[0]):
            lost.append(f"{identifier} ends with {kept[-1]}")
        if shown.get(identifier) != kept[-1]:
            lost.append(f"{identifier} shows {shown.get(identifier)}, not {kept[-1]}")
    return Check("edits", f"{acknowledged} acknowledged, each a version of its own", lost)


def supports(site: AskedDatabase, ledger: Ledger) -> Check:
    kept = {(row[0], row[1]) for row in site.ask(SUPPORTS)}
    lost, certain = [], 0
    for key, acts in ledger.supports.items():
        may_be = possible(acts, "no")
        certain += len(may_be) == 1
        if ("yes" if key in kept else "no") not in may_be:
            lost.append(f"{key[0]} and {key[1]}: not {may_be}")
    lost += [f"{email} never supported {one}" for email, one in kept - set(ledger.supports)]
    acknowledged = sum(act.acknowledged for acts in ledger.supports.values() for act in acts)
    words = f"{acknowledged} acknowledged with withdrawals, the last word of {certain} certain"
    return Check("supports", words, lost)


def sessions(ledger: Ledger) -> Check:
    lost = [
        email for email, browser in ledger.signed_in.items() if browser.get("/compte").status != 200
    ]
    return Check("sessions", f"{len(ledger.signed_in)} people still signed in", lost)


def alive(ledger: Ledger) -> Check:
    """`/health/live` stays 200 while the database is away; else a supervisor would end all."""
    silent = [f"{count} × no answer: {words}" for words, count in ledger.silent.items() if count]
    return Check("lives without its database", "asked each few seconds", silent)


def errors(ledger: Ledger) -> Check:
    """Docs/operating.md: what cannot be answered is a 503 with Retry-After."""
    told = sum(count for (_, status), count in ledger.answers.items() if status == 503)
    bad = [f"{count} × {words}" for words, count in ledger.bad_errors.items()]
    return Check("errors of the server", f"{told} × 503 with Retry-After, nothing else", bad)


def links(ledger: Ledger) -> Check:
    words = f"{ledger.acknowledged['confirmations by mail']} confirmed"
    return Check("mailed links", words, ledger.dead_links)


def owed_mails(ledger: Ledger, office: PostOffice) -> Check:
    """As many links came as were asked for; requests without an answer may have made more."""
    lost = []
    for (email, words), count in ledger.owed.items():
        came = {letter.text for letter in office.of(email) if words in letter.subject}
        if len(came) < count:
            lost.append(f"{email}: {len(came)} of {count}")
    return Check("mails owed", f"{sum(ledger.owed.values())} sent", lost)


def message_ids(site: AskedDatabase, office: PostOffice) -> Check:
    """A mail tried again has the same Message-ID; what was never committed never leaves."""
    letters = office.all()
    known = {row[0]: row[1] for row in site.ask(MAILS)}
    bad = [f"{name} is {state}" for name, state in known.items() if state != "sent"]
    came = {letter.message_id for letter in letters}
    bad += [f"{name} is sent, and never came" for name in known.keys() - came]
    bad += [f"{name} came, and is not known" for name in came - known.keys()]
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for letter in letters:
        link = LINK.search(letter.text)
        names[letter.recipient, link[0] if link else letter.text].add(letter.message_id)
    bad += [f"{key[0]}: under {len(ids)} Message-IDs" for key, ids in names.items() if len(ids) > 1]
    words = f"{len(came)} mails, {len(letters) - len(came)} of them sent again under their own"
    return Check("Message-IDs", words, bad)


def jobs(site: AskedDatabase) -> Check:
    """Those that wait or are under way now must be done in a while; others come meanwhile."""
    waiting = {row[0] for row in site.ask(OPEN_JOBS)}
    begun = time.monotonic()

    def stuck() -> set[int]:
        return waiting & {row[0] for row in site.ask(OPEN_JOBS)}

    settle(lambda: not stuck(), JOB_SECONDS)
    failed = ", ".join(f"{name} {count}" for name, count in site.ask(FAILED_JOBS)) or "none"
    words = (
        f"{len(waiting)} done in {time.monotonic() - begun:.0f} s; ended with an error: {failed}"
    )
    return Check("jobs", words, [f"job {number} is stuck" for number in sorted(stuck())])


def minutely_jobs(site: AskedDatabase) -> Check:
    """What is due each minute goes on, whatever became of the clock."""
    before = dict(site.ask(MINUTELY))

    def resting() -> list[str]:
        now = dict(site.ask(MINUTELY))
        return [name for name in MINUTELY_TASKS if now.get(name) == before.get(name)]

    settle(lambda: not resting(), MINUTELY_SECONDS)
    rest = [f"{name} was not begun for {MINUTELY_SECONDS:g} s" for name in resting()]
    return Check("jobs of each minute", f"{len(MINUTELY_TASKS)} kinds begun again", rest)


def command(site: Site, *words: str) -> Check:
    """A command of ours, by the machine's own clock."""
    kept = {"MAPSERVICE_HOME": str(site.home), "PATH": os.environ.get("PATH", os.defpath)}
    done = subprocess.run(
        [PROGRAMS / "mapservice", *words],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or [""]
    name = f"mapservice {' '.join(words)}"
    if done.returncode == 0:
        return Check(name, lines[-1])
    return Check(name, f"code {done.returncode}", [*lines[-SHOWN:], *done.stderr.splitlines()])


def settle(done: Callable[[], bool], seconds: float) -> None:
    """Waits, but no longer than this: what is not so by then, the checks say."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
