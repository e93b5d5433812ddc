"""One trial: the service, its writers, the faults, and the verdict."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from scripts.chaos_trial import checks, faults, report
from scripts.chaos_trial.checks import Check
from scripts.chaos_trial.ledger import Ledger
from scripts.chaos_trial.options import Options
from scripts.chaos_trial.post_office import PostOffice
from scripts.chaos_trial.report import Recovery
from scripts.chaos_trial.schedule import Fault, schedule
from scripts.chaos_trial.site import NotStarted, Site, serving
from scripts.chaos_trial.visitor import Visitor
from scripts.chaos_trial.writers import SENT, SIGN_IN_WORDS, Writer

WRITERS = 4
PATIENCE = 120.0  # seconds after which the site is taken for lost
# Pages must be answered without a break for so long: what was killed is not missed at once.
STEADY_SECONDS = 2.0
LOOK_SECONDS = 0.1
FIRST_WRITES = 12  # proposals that there are before the first fault
REST_SECONDS = 2.0  # at most, between two faults


@dataclass
class Trial:
    """`probes` counts the letters that the trial itself asked for."""

    options: Options
    site: Site
    office: PostOffice
    ledger: Ledger = field(default_factory=Ledger)
    stopping: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)
    probes: int = 0

    def run(self) -> bool:
        """Whether all held."""
        left_out = {
            fault: why
            for fault, why in faults.left_out(self.site).items()
            if fault in self.options.only
        }
        kinds = [fault for fault in self.options.only if fault not in left_out]
        with self._writing():
            planned = schedule(self.options.faults, self.options.seed, kinds)
            recoveries = list(self._strike_all(planned))
        self.ledger.phase = "the end"
        if self.site.days:
            self.site.set_clock(0)
        self._tell("Waiting for what is still to happen")
        held = [
            report.recovery(recoveries, self.options.within),
            Check(
                "every fault struck",
                f"{len(recoveries)} of {len(planned)}",
                self._missed(planned, recoveries),
            ),
            Check("the trial itself", "no surprise", self.ledger.errors),
        ]
        held += checks.all_of(self.site, self.ledger, self.office)
        for lines in (
            report.table_of_answers(self.ledger.answers),
            report.table_of_faults(recoveries, left_out),
            report.table_of_checks(held),
        ):
            print("", *lines, sep="\n", flush=True)
        return all(check.holds for check in held)

    def _missed(self, planned: list[Fault], recoveries: list[Recovery]) -> list[str]:
        return [str(fault) for fault in planned[len(recoveries) :]]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Four people at it."""
        options = self.options
        writers = [
            Writer(number, self.site.port, options.seed, self.ledger, self.office, self.stopping)
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        end = time.monotonic() + PATIENCE
        while len(self.ledger.proposals) < FIRST_WRITES and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        try:
            yield
        finally:
            self.stopping.set()
            for writer in writers:
                writer.join()

    def _strike_all(self, planned: list[Fault]) -> Iterator[Recovery]:
        """Ends early where the site does not come back."""
        dice = Random(f"trial {self.options.seed}")
        for number, fault in enumerate(planned, 1):
            self.ledger.phase = str(fault)
            target = faults.StrikeTarget(self.site, dice, self.options.away)
            try:
                strike = faults.STRIKES[fault](target)
            except TimeoutError as error:
                self.ledger.errors.append(f"{fault}: {error}")
                return
            self.ledger.silent[str(fault)] += strike.silent
            pages = self._pages(strike)
            mail = self._mail(strike.over) if pages is not None else None
            recovery = Recovery(fault, pages, mail, strike.words)
            late = "" if recovery.in_time(self.options.within) else "  TOO LATE"
            self._tell(f"{number}/{len(planned)} {report.line_of(recovery)}{late}")
            yield recovery
            if pages is None or self.site.process.poll() is not None:
                return
            time.sleep(dice.random() * REST_SECONDS)

    def _pages(self, strike: faults.Strike) -> float | None:
        """Seconds until the first answer of a series without a break."""
        first = 0.0
        while (now := time.monotonic()) < strike.over + PATIENCE:
            if not (self.site.answers() and strike.succeeded()):
                first = 0.0
            elif not first:
                first = time.monotonic()
            elif now - first >= STEADY_SECONDS:
                return max(0.0, first - strike.over)
            time.sleep(LOOK_SECONDS)
        return None

    def _mail(self, since: float) -> float | None:
        """Seconds until a mail has come that somebody asked for once pages were answered again."""
        self.probes += 1
        email = f"probe-{self.probes}@example.org"
        network = f"10.254.{self.probes // 250}.{self.probes % 250 + 1}"
        browser = Visitor(self.site.port, network, patience=10)
        asked = False
        while time.monotonic() < since + PATIENCE:
            if not asked:
                _, forms = browser.forms("/connexion")
                form = next((one for one in forms if one.action == "/connexion"), None)
                if form:
                    answer = browser.post(form.action, {**form.fields, "email": email})
                    asked = answer.location == SENT
                    if asked:
                        self.ledger.note_letter(email, SIGN_IN_WORDS)
            letters = self.office.of(email)
            if asked and letters:
                return max(0.0, letters[0].moment - since)
            time.sleep(LOOK_SECONDS)
        return None

    def _tell(self, words: str) -> None:
        print(f"[{time.monotonic() - self.begun:4.0f} s] {words}", flush=True)


def run(options: Options) -> bool:
    """Whether all held."""
    with tempfile.TemporaryDirectory(prefix="mapservice-chaos-logs-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        print("A cluster and a service of their own, with all territories …", flush=True)
        try:
            with (
                PostOffice(options.seed) as office,
                serving(office.url, folder, options.territories) as site,
            ):
                return Trial(options, site, office, begun=begun).run()
        except NotStarted as error:
            print(f"The service does not start:\n{error}", flush=True)
            return False
