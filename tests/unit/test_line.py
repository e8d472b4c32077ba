"""Where calls wait that came too often: each has its own moment, none before the server's hint."""

from inventory_client.backoff import PAUSE_MAX_S, Line

HINT_S = 0.2
FAR_S = 1_000.0


def test_calls_refused_together_come_back_one_after_another() -> None:
    line = Line()
    pauses = [line.pause_s(HINT_S, 0, FAR_S) for _ in range(60)]
    for place, pause_s in enumerate(pauses):
        assert HINT_S * (place + 1) - 0.1 <= pause_s <= HINT_S * (place + 2)
    assert min(pauses) >= HINT_S


def test_the_jitter_grows_with_each_time_and_has_an_end() -> None:
    for times, most_s in ((0, HINT_S), (2, 4 * HINT_S), (50, PAUSE_MAX_S)):
        pauses = [Line().pause_s(HINT_S, times, FAR_S) for _ in range(200)]
        assert min(pauses) >= HINT_S
        assert most_s / 2 < max(pauses) <= HINT_S + most_s


def test_who_would_come_too_late_takes_no_place() -> None:
    line = Line()
    for _ in range(10):
        line.pause_s(HINT_S, 0, FAR_S)
    assert [line.pause_s(HINT_S, 0, 1.0) >= 1.0 for _ in range(5)] == [True] * 5
    assert line.pause_s(HINT_S, 0, FAR_S) <= 12 * HINT_S
    assert Line().pause_s(HINT_S, 50, 1.0) < 1.0


def test_without_a_hint_there_is_a_pause_too() -> None:
    assert Line().pause_s(None, 0, FAR_S) > 0
