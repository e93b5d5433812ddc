"""What the OpenAPI document says is what the service does: many requests made from it."""

from collections import Counter
from functools import partial
from typing import Any, TypeAlias

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import sampled_from
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.ogc.web import Service

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
AnyCase: TypeAlias = Case[Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Pages as long as the document allows would take most of the time, and say nothing more.
LONGEST_PAGE = 20
EXAMPLES = 12
# What some parameters may say, where they are drawn at all; None leaves them as they were drawn.
SENSIBLE: list[dict[str, str] | None] = [
    None,
    {
        "bbox": "-3,47,1,49",
        "datetime": "2024-01-01T00:00:00Z/..",
        "filter": "S_INTERSECTS(geometry, BBOX(-3,47,1,49)) AND NOT (region IS NULL)",
        "filter-lang": "cql2-text",
        "near": "-1.68,48.11",
        "q": "jardin",
        "radius": "50000",
        "since": "2024-02-01",
        "territory": "region:53",
        "until": "2025-06-30",
    },
    {
        "bbox": "170,-60,-20,70",
        "created_at": "2025-06-01T12:00:00Z",
        "datetime": "2025-03-01",
        "filter": '{"op":"=","args":[{"property":"population"},0]}',
        "filter-lang": "cql2-json",
        "near": "55.45,-20.88",
        "population": "1000",
        "q": "atelier or fête",
        "radius": "1",
        "since": "2025-01-01",
        "territory": "epci:243500139,commune:75056",
        "until": "2025-12-31",
        "updated_at": "2025-06-01",
    },
]

repeatable = partial(
    settings,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def described(ogc: Service) -> BaseSchema:
    """The document that the service gives, and the service behind it."""
    schema = schemathesis.openapi.from_dict(ogc.get("/api").json)
    schema.config.update(base_url=ogc.root)
    return schema


@pytest.mark.long
def test_answers_are_those_that_are_declared(ogc: Service, described: BaseSchema) -> None:
    refuted: dict[str, str] = {}
    statuses: Counter[int] = Counter()
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        try:
            asked_at_random(ogc, operation, statuses)
        except FailureGroup as failures:
            refuted[operation.label] = str(failures)
    assert refuted == {}
    assert {200, 400, 404} <= statuses.keys() <= {200, 204, 400, 404}


@pytest.mark.long
def test_what_the_declarations_forbid_is_refused(described: BaseSchema) -> None:
    refuted: dict[str, str] = {}
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        try:
            asked_wrongly(operation)
        except FailureGroup as failures:
            refuted[operation.label] = str(failures)
    assert refuted == {}


def asked_wrongly(operation: Operation) -> None:
    """Requests that the declaration forbids, the same ones each time. Raises FailureGroup."""

    @repeatable(max_examples=EXAMPLES // 2)
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case: AnyCase) -> None:
        case.call_and_validate(checks=[*CHECKS, negative_data_rejection])

    ask()


def asked_at_random(ogc: Service, operation: Operation, statuses: Counter[int]) -> None:
    """Requests that the declaration allows, the same ones each time. Raises FailureGroup.

    Texts at random are mostly refused, so two of three requests have texts that mean something.
    """

    @repeatable(max_examples=EXAMPLES)
    @given(case=operation.as_strategy(), sensible=sampled_from(SENSIBLE))
    def ask(case: AnyCase, sensible: dict[str, str] | None) -> None:
        if sensible:
            case.query |= {name: text for name, text in sensible.items() if name in case.query}
            for name, needed in (("radius", "near"), ("filter", "filter-lang")):
                case.query |= {needed: sensible[needed]} if name in case.query else {}
            case.path_parameters |= _existing(ogc, case)
        limit = case.query.get("limit")
        if isinstance(limit, int) and limit > LONGEST_PAGE:
            case.query["limit"] = LONGEST_PAGE
        statuses[case.call_and_validate(checks=CHECKS).status_code] += 1

    ask()


def _existing(ogc: Service, case: AnyCase) -> dict[str, Any]:
    """Values of the path's variables that lead to an item, or to a tile of the matrix."""
    named = case.path_parameters
    if "featureId" in named:
        (first,) = ogc.items(case.path.split("/")[2], limit="1").json["features"]
        return {"featureId": first["id"]}
    if "tileMatrix" in named:
        zoom = named["tileMatrix"]
        return {name: named[name] % 2**zoom for name in ("tileRow", "tileCol")}
    return {}
