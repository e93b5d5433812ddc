"""People who write: they propose, confirm by mail, edit, support and change their minds."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from scripts.chaos_trial.ledger import Ledger
from scripts.chaos_trial.post_office import Letter, PostOffice
from scripts.chaos_trial.visitor import Answer, Form, Visitor

# INSEE codes; the page must understand the name as this commune before it takes a proposal.
COMMUNES = (("35238", "Rennes"), ("14118", "Caen"), ("29019", "Brest"), ("44109", "Nantes"))
THEMES = ("environnement", "alimentation", "mobilite", "habitat", "culture")
LINK = re.compile(r"/confirmer/([\w-]+)")
INITIATIVE = re.compile(r"/initiatives/([0-9a-f-]{36})")
SENT = "/connexion/envoyee"
SIGN_IN_WORDS = "vous connecter"
MOST_WAITING = 6  # letters that a writer waits for before it asks for another
PEOPLE = 5  # that a writer goes on writing as
SLOWEST = 0.6  # seconds between two writes of one writer, at most


@dataclass(slots=True)
class Person:
    """One mailbox and one browser; `own` are their initiatives, `backed` those they support."""

    email: str
    browser: Visitor
    own: list[str] = field(default_factory=list)
    backed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Waiting:
    """A link that will come by mail; `tried` once a confirmation of it got no certain answer."""

    person: Person
    words: str
    kind: str
    subject: str = ""
    tried: bool = False


@dataclass(eq=False, repr=False)
class Writer(threading.Thread):
    """One at a time of its people does one thing."""

    number: int
    port: int
    seed: int
    ledger: Ledger
    office: PostOffice
    stopping: threading.Event

    def __post_init__(self) -> None:
        super().__init__(name=f"writer {self.number}", daemon=True)
        self.dice = Random(f"writer {self.seed} {self.number}")
        self.people: deque[Person] = deque(maxlen=PEOPLE)
        self.waiting: list[Waiting] = []
        self.made = self.worded = 0
        self.used: set[str] = set()

    def run(self) -> None:
        """Until it is asked to stop; what it did not expect ends the trial as a failure."""
        try:
            while not self.stopping.is_set():
                self._act()
                time.sleep(self.dice.random() * SLOWEST)
        except Exception as error:
            self.ledger.errors.append(f"{self.name}: {error!r}")

    def _act(self) -> None:
        for one in self.waiting:
            letter = self._letter(one)
            if letter:
                self._confirm(one, letter)
                return
        verbs: list[tuple[Callable[[], None], int]] = []
        if len(self.waiting) < MOST_WAITING:
            verbs += [(self._propose, 3), (self._support_by_mail, 2)]
        if self.people:
            verbs += [(self._edit, 4), (self._support, 6)]
            verbs += [(self._sign_in, 1)] if len(self.waiting) < MOST_WAITING else []
        if verbs:
            self.dice.choices([verb for verb, _ in verbs], [weight for _, weight in verbs])[0]()

    # --- by mail ------------------------------------------------------------------------------

    def _propose(self) -> None:
        person, title = self._new_person(), self._new_words("Un four à pain")
        code, name = self.dice.choice(COMMUNES)
        form = self._form(person, "/proposer", "/proposer")
        if form is None:
            return
        typed = {
            "title": title,
            "theme": self.dice.choice(THEMES),
            "place": name,
            "choice": f"commune:{code}",
            "choice_for": name,
            "understood": f"commune:{code}",
            "email": person.email,
            "action": "send",
        }
        answer = self._post(person, form, typed)
        self._expect_letter(answer, Waiting(person, title, "proposal"))

    def _support_by_mail(self) -> None:
        known = self.ledger.some_initiatives()
        if not known:
            return
        person, identifier = self._new_person(), self.dice.choice(known)
        path = f"/initiatives/{identifier}/soutenir"
        form = self._form(person, path, path)
        if form:
            answer = self._post(person, form, {"email": person.email})
            self._expect_letter(answer, Waiting(person, "Confirmez", "support", identifier))

    def _sign_in(self) -> None:
        """In another browser, of which nothing more comes than that it is signed in."""
        person = self.dice.choice(self.people)
        other = Person(person.email, Visitor(self.port, person.browser.network))
        form = self._form(other, "/connexion", "/connexion")
        if form:
            answer = self._post(other, form, {"email": other.email})
            self._expect_letter(answer, Waiting(other, SIGN_IN_WORDS, "sign in"))

    def _expect_letter(self, answer: Answer, waiting: Waiting) -> None:
        if answer.status == 303 and answer.location == SENT:
            self.ledger.note_letter(waiting.person.email, waiting.words)
            self.waiting.append(waiting)

    def _letter(self, waiting: Waiting) -> Letter | None:
        for letter in self.office.of(waiting.person.email):
            if waiting.words in letter.subject and letter.message_id not in self.used:
                return letter
        return None

    def _confirm(self, waiting: Waiting, letter: Letter) -> None:
        person = waiting.person
        found = LINK.search(letter.text)
        if found is None:
            self.ledger.errors.append(f"a letter without a link: {letter.subject}")
            self._leave(waiting, letter)
            return
        path = found[0]
        page, forms = person.browser.forms(path)
        self.ledger.answered(page)
        if page.is_unknown:
            return
        if not forms:
            # A link that was tried may have been used up, its answer lost on the way.
            if not waiting.tried:
                self.ledger.dead_links.append(f"{waiting.words}: {page.status}")
            self._leave(waiting, letter)
            return
        answer = self._post(person, next(one for one in forms if one.action == path), {})
        done = answer.status == 303
        if waiting.kind == "support":
            self.ledger.note_support(person.email, waiting.subject, answer, wanted=True, done=done)
        if done:
            self._leave(waiting, letter)
            self._confirmed(waiting, answer)
        elif answer.is_unknown:
            waiting.tried = True
        elif answer.status != 403:  # a form that expired is opened again
            self.ledger.dead_links.append(f"{waiting.words}: {answer.status}")
            self._leave(waiting, letter)

    def _leave(self, waiting: Waiting, letter: Letter) -> None:
        self.waiting.remove(waiting)
        self.used.add(letter.message_id)

    def _confirmed(self, waiting: Waiting, answer: Answer) -> None:
        person = waiting.person
        with self.ledger.open() as ledger:
            ledger.signed_in[person.email] = person.browser
            ledger.acknowledged["confirmations by mail"] += 1
        if waiting.kind == "proposal":
            made = INITIATIVE.search(answer.location)
            if made is None:
                self.ledger.errors.append(f"a proposal confirmed without its page: {answer}")
                return
            person.own.append(made[1])
            self.ledger.note_proposal(made[1], waiting.words, person.email)
        if waiting.kind != "sign in":
            self.people.append(person)

    # --- signed in ----------------------------------------------------------------------------

    def _edit(self) -> None:
        authors = [person for person in self.people if person.own]
        if not authors:
            return
        person = self.dice.choice(authors)
        identifier, title = self.dice.choice(person.own), self._new_words("Un verger partagé")
        path = f"/initiatives/{identifier}/modifier"
        form = self._form(person, path, path)
        if form:
            understood = {"understood": form.fields.get("choice", "")}
            answer = self._post(person, form, {"title": title, "action": "send", **understood})
            self.ledger.note_edit(identifier, title, answer, done=answer.status == 303)

    def _support(self) -> None:
        """Or its end, where they support it already: one of three is taken back."""
        person, known = self.dice.choice(self.people), self.ledger.some_initiatives()
        if not known:
            return
        again = person.backed and self.dice.random() < 0.33
        identifier = self.dice.choice(person.backed if again else known[-30:])
        path = f"/initiatives/{identifier}"
        page, forms = person.browser.forms(f"{path}/soutenir")
        self.ledger.answered(page)
        for form in forms:
            wanted = form.action == f"{path}/soutenir"
            if wanted or form.action == f"{path}/soutien/retirer":
                answer = self._post(person, form, {})
                word = "fait=compte" if wanted else "fait=retire"
                done = answer.status == 303 and word in answer.location
                self.ledger.note_support(person.email, identifier, answer, wanted=wanted, done=done)
                if done and wanted:
                    person.backed.append(identifier)
                return

    # --- what all do --------------------------------------------------------------------------

    def _form(self, person: Person, path: str, action: str) -> Form | None:
        page, forms = person.browser.forms(path)
        self.ledger.answered(page)
        return next((one for one in forms if one.action == action), None)

    def _post(self, person: Person, form: Form, typed: dict[str, str]) -> Answer:
        answer = person.browser.post(form.action, {**form.fields, **typed})
        self.ledger.answered(answer)
        return answer

    def _new_person(self) -> Person:
        """In a network of their own: limits hold floods back, and these are people."""
        self.made += 1
        email = f"w{self.number}-{self.made}@example.org"
        network = f"10.{self.number}.{self.made // 250}.{self.made % 250 + 1}"
        return Person(email, Visitor(self.port, network))

    def _new_words(self, beginning: str) -> str:
        self.worded += 1
        return f"{beginning} {self.number}-{self.worded}"
