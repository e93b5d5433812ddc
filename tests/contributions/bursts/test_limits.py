"""The statistics alone: limits on networks, days against what is usual."""

from datetime import UTC, datetime, timedelta

import pytest

from mapservice.contributions.bursts.model import (
    DAY,
    HOLD,
    LOOK,
    REST,
    BurstReasonCode,
    BurstVerdict,
    NetworkSpread,
    NetworkSupports,
    SupportDay,
    UsualDay,
    beyond,
    busiest,
    judge,
    upper_share,
)

NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)


def networks(*sizes: int, released: int = 0) -> tuple[NetworkSupports, ...]:
    return tuple(
        NetworkSupports(bytes([number // 256, number % 256]), size, released)
        for number, size in enumerate(sizes)
    )


def a_day(supports: int, given: int = 0, local: int = 0) -> SupportDay:
    return SupportDay(since=NOON, until=NOON + DAY, supports=supports, given=given, local=local)


def test_one_network_may_hold_what_an_operator_holds_of_a_wave() -> None:
    assert beyond(NetworkSpread(networks(150), base=350), LOOK) == ()
    assert beyond(NetworkSpread(networks(250), base=350), LOOK) != ()
    assert beyond(NetworkSpread(networks(250), base=350), HOLD) != ()


def test_a_town_hall_alone_is_nothing_to_wonder_about() -> None:
    assert beyond(NetworkSpread(networks(30)), LOOK) == ()
    assert beyond(NetworkSpread(networks(80)), LOOK) != ()
    assert beyond(NetworkSpread(networks(80)), HOLD) == ()


def test_many_alike_are_taken_and_a_school_among_them_is_not() -> None:
    spread = NetworkSpread(networks(*[90] * 40, 25), base=400)
    assert {one.fresh for one in beyond(spread, HOLD)} == {90}


def test_while_a_burst_is_open_less_is_enough() -> None:
    assert beyond(NetworkSpread(networks(60)), HOLD) == ()
    assert beyond(NetworkSpread(networks(60)), REST) != ()


def test_as_many_again_may_come_of_what_was_found_right() -> None:
    assert beyond(NetworkSpread(networks(300, released=300)), LOOK) == ()
    assert beyond(NetworkSpread(networks(900, released=300)), HOLD) != ()


def test_a_few_tell_nothing_about_a_share() -> None:
    assert upper_share(0, 0) == 1
    assert upper_share(0, 20) > 0.3
    assert upper_share(0, 200) < 0.05
    assert upper_share(100, 100) == pytest.approx(1)


def test_coming_suddenly_or_from_afar_alone_says_nothing() -> None:
    assert judge(a_day(1000, given=400, local=250), UsualDay()) == (None, {})
    assert judge(a_day(150, given=100, local=0), UsualDay()) == (None, {})


def test_suddenly_from_afar_asks_for_a_person_and_beyond_all_is_held() -> None:
    verdict, reasons = judge(a_day(1000, given=400, local=4), UsualDay())
    assert verdict is BurstVerdict.LOOK
    assert reasons.keys() == {BurstReasonCode.SUDDEN, BurstReasonCode.AWAY}
    assert judge(a_day(5000, given=400, local=4), UsualDay())[0] is BurstVerdict.HOLD


def test_where_supporters_always_come_from_afar_they_may() -> None:
    known = UsualDay(per_day=20, given=2000, local=40)
    assert judge(a_day(1000, given=400, local=8), known) == (None, {})


def test_what_is_usual_is_learnt_from_others_once_there_are_some() -> None:
    assert UsualDay(initiatives=5, good_day=900).best == 200
    assert UsualDay(initiatives=500, good_day=900).best == 900
    assert judge(a_day(5000), UsualDay(initiatives=500, good_day=900)) == (None, {})


def test_the_busiest_day_may_begin_at_any_hour() -> None:
    at = [NOON + timedelta(hours=hours) for hours in (0, 20, 30, 43, 80)]
    counts = (5, 10, 10, 10, 12)
    assert busiest(list(zip(at, counts, strict=True))) == (
        at[3] - timedelta(hours=23),
        at[3] + timedelta(hours=1),
    )
    assert busiest([]) is None
