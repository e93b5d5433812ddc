"""One sweep's way to a source: politely, again where that may help, and within bounds."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog

from mapservice.errors import SourceError
from mapservice.imports.readers.tables import SourceTable
from mapservice.outgoing.guarded_client import (
    MIB,
    FetchedAnswer,
    FetchFailed,
    FetchLimits,
    GuardedClient,
    Validators,
)

log = structlog.get_logger()

Answer = TypeVar("Answer")

ATTEMPTS = 4
FIRST_WAIT = 1.0  # seconds; doubled at each attempt, then half to all of it
LONGEST_WAIT = 120.0  # where a source asks for a longer one, the sweep is given up for this time
SWEEP_SECONDS = 1_800.0
# Of a page, which is parsed whole; of a file, and of all pages together.
PAGE_BYTES, WHOLE_BYTES = 32 * MIB, 512 * MIB
MAX_PAGES = 20_000
SHOWN_OF_ANSWER = 80

_DICE = random.SystemRandom()


@dataclass(slots=True)
class SourceVisit:
    """What a connector asks its source through.

    `address` is the registered one, `key` what the operator has for it ("" for none). `folder` is
    for files, and goes with the visit. `open_table` reads a file of any format as rows. `problems`
    are what a person should know of what came, although it is used.

    A source that tells what changed is asked for that alone, where `since` says from when on, in
    its own words; then `is_delta` is set. `reached` is what the next visit is to get as `since`.
    """

    client: GuardedClient
    address: str
    folder: Path
    open_table: Callable[[Path], SourceTable]
    key: str = ""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    problems: list[str] = field(default_factory=list)
    since: str = ""
    reached: str = ""
    is_delta: bool = False
    _begun: float = -1.0
    _bytes: int = 0
    _requests: int = 0

    def json(
        self, address: str, headers: Mapping[str, str] | None = None, question: bytes | None = None
    ) -> Any:
        """A document, parsed; `question` is sent by POST, as JSON.

        Raises FetchRefused, and FetchFailed where no whole one comes.
        """
        sent = dict(headers or {})
        if question is not None:
            sent["Content-Type"] = "application/json"

        def ask() -> Any:
            limits = FetchLimits(PAGE_BYTES, self._seconds_left())
            answer, body = self.client.get(
                address,
                accept="application/json, */*;q=0.5",
                headers=sent,
                limits=limits,
                question=question,
            )
            self._count(answer)
            try:
                return json.loads(body)
            except (ValueError, RecursionError):
                begins = body[:SHOWN_OF_ANSWER].decode("utf-8", "replace")
                host = urlsplit(address).netloc
                raise FetchFailed(f"{host} gives no JSON, or not all of it: {begins!r}") from None

        return self._again(ask)

    def graphql(self, address: str, query: str, **variables: Any) -> Mapping[str, Any]:
        """The data that a GraphQL service answers to a query by POST.

        Raises SourceError where it names errors: of half of the data nobody knows what is missing.
        """
        question = json.dumps({"query": query, "variables": variables}).encode()
        answer = self.json(address, self.bearer(), question)
        host = urlsplit(address).netloc
        errors = answer.get("errors") if isinstance(answer, Mapping) else None
        if errors:
            first = errors[0] if isinstance(errors, list) else errors
            told = first.get("message", "") if isinstance(first, Mapping) else first
            raise SourceError(f"{host} answers the query with an error: {str(told)[:200]!r}")
        data = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(data, Mapping):
            raise SourceError(f"{host} does not answer as GraphQL does: there is no `data`")
        return data

    def text(self, address: str) -> str:
        """A page as text. Raises FetchRefused and FetchFailed."""

        def ask() -> str:
            limits = FetchLimits(PAGE_BYTES, self._seconds_left())
            answer, body = self.client.get(address, accept="text/html, */*;q=0.5", limits=limits)
            self._count(answer)
            return body.decode("utf-8", "replace")

        return self._again(ask)

    def save(
        self, address: str, name: str, known: Validators | None = None
    ) -> tuple[FetchedAnswer, Path]:
        """A file, saved under this name. Raises FetchRefused and FetchFailed."""
        path = self.folder / name

        def ask() -> FetchedAnswer:
            limits = FetchLimits(WHOLE_BYTES, self._seconds_left())
            with path.open("wb") as target:
                return self.client.fetch(
                    address, target, headers=self.bearer(), known=known, limits=limits
                )

        answer = self._again(ask)
        self._count(answer)
        return answer, path

    def rows(self, address: str, name: str, *needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """The rows of a file in any format that imports read, by their columns.

        `needed`: of each of these names one is a column. Raises SourceError where none is, as then
        it is another file, rows or none.
        """
        _, path = self.save(address, name)
        table = self.open_table(path)
        for names in needed:
            if not any(one in table.columns for one in names):
                seen = ", ".join(table.columns[:10])[:200]
                raise SourceError(f"{name} has no column {' or '.join(names)}, but {seen}")
        self.problems.extend(table.problems)
        for record in table.records():
            if record.rejected:
                raise SourceError(f"{name}: {record.rejected}")
            point = (
                {"lon": f"{record.point[0]}", "lat": f"{record.point[1]}"} if record.point else {}
            )
            yield {**point, **record.values}

    def pages(
        self,
        page_of: Callable[[int, int], Any],
        records_of: Callable[[Any], list[Any]],
        total_of: Callable[[Any], Any],
        id_of: Callable[[Mapping[str, Any]], str],
    ) -> Iterator[Mapping[str, Any]]:
        """The records of all pages, each once, until a page holds none.

        `page_of` gets the number of the page, from 0 on, and how many records came before.
        What the source says of their number is held against what it gave: more than it gave, and
        nobody knows what is missing. Raises SourceError for that, and for a source that gives the
        same page again and again.
        """
        seen: set[str] = set()
        given = unique = 0
        total: Any = None
        for number in range(MAX_PAGES):
            page = page_of(number, given)
            found = records_of(page)
            told = total_of(page)
            total = told if isinstance(told, int) and not isinstance(told, bool) else total
            if not found:
                break
            given += len(found)
            fresh = 0
            for record in found:
                if not isinstance(record, Mapping):
                    raise SourceError("a record is no object")
                identifier = id_of(record)
                if identifier and identifier in seen:
                    continue
                seen.add(identifier)
                fresh += 1
                yield record
            unique += fresh
            if not fresh:
                raise SourceError(f"the source gives the same records again at page {number + 1}")
        else:
            raise SourceError(f"the source has more than {MAX_PAGES} pages")
        if total is not None and total > unique:
            raise SourceError(f"the source says that it has {total} records, and gave {unique}")
        if total is not None and total < unique:
            self.problems.append(f"the source says that it has {total} records: it gave {unique}")

    def with_query(self, **values: str | int | Sequence[str | int]) -> str:
        """The registered address with these parameters, which go before its own of that name.

        A list is said once for each value. A name that Python does not take is given by `**`.
        """
        parts = urlsplit(self.address)
        own = parse_qsl(parts.query, keep_blank_values=True)
        pairs = [(name, value) for name, value in own if name not in values]
        for name, value in values.items():
            several = [value] if isinstance(value, str | int) else value
            pairs += [(name, str(one)) for one in several]
        return urlunsplit(parts._replace(query=urlencode(pairs)))

    def bearer(self) -> dict[str, str]:
        """The key as most sources ask for it (RFC 6750), nothing without one."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _again(self, ask: Callable[[], Answer]) -> Answer:
        wait = FIRST_WAIT
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return ask()
            except FetchFailed as failure:
                asked = failure.wait
                if attempt == ATTEMPTS:
                    raise
                if asked is not None and asked > min(LONGEST_WAIT, self._seconds_left()):
                    raise FetchFailed(
                        f"{failure}, and asks for {asked:.0f} s of patience"
                    ) from None
                pause = wait * _DICE.uniform(0.5, 1.0) if asked is None else asked
                log.info("source_waits", seconds=round(pause, 1), reason=str(failure))
                self.sleep(pause)
                wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _seconds_left(self) -> float:
        now = self.clock()
        if self._begun < 0:
            self._begun = now
        left = SWEEP_SECONDS - (now - self._begun)
        if left <= 0:
            raise SourceError(f"the sweep takes longer than {SWEEP_SECONDS:.0f} s")
        return min(left, FetchLimits().seconds)

    def _count(self, answer: FetchedAnswer) -> None:
        self._bytes += answer.length
        if self._bytes > WHOLE_BYTES:
            raise SourceError(f"the source gives more than {WHOLE_BYTES // MIB} MiB")
