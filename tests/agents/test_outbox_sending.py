"""Records that are sent while more of them are made keep their order, and nothing of them is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.outbox import Outbox, Record, Sending


class Line:
    """What was sent, call by call; a call ends when it is let go."""

    def __init__(self, open_: bool = True) -> None:
        self.calls: list[list[int]] = []
        self.ended = 0
        self.open = asyncio.Event()
        if open_:
            self.open.set()

    async def send(self, records: Sequence[Record]) -> list[Record]:
        self.calls.append([int(record.value) for record in records])
        await self.open.wait()
        self.ended += 1
        return [record for record in records if record.topic == "large"]


def record(number: int, topic: str = "t") -> Record:
    return Record(topic, None, b"%d" % number)


async def test_what_was_begun_travels_while_more_is_made_and_the_rest_follows_in_order() -> None:
    line = Line(open_=False)
    sending = Sending(line.send)
    sending.add([record(1), record(2)])
    sending.begin()
    await asyncio.sleep(0)
    sending.add([record(3)])
    sending.begin()  # the first are still on their way: nothing may pass them
    await asyncio.sleep(0)
    assert line.calls == [[1, 2]]
    line.open.set()
    await sending.end()
    assert (line.calls, line.ended) == ([[1, 2], [3]], 2)


async def test_what_the_broker_refuses_is_told_of_every_part() -> None:
    line = Line()
    sending = Sending(line.send)
    for number in range(3):
        sending.add([record(number, "large"), record(number + 10)])
        sending.begin()
        await asyncio.sleep(0)
    await sending.end()
    assert [int(each.value) for each in sending.refused] == [0, 1, 2]


async def test_a_maker_that_fails_takes_back_what_is_not_sent_and_leaves_no_task() -> None:
    line = Line(open_=False)

    class Closed(Outbox):
        send = line.send  # type: ignore[assignment]

    async def made() -> None:
        async with Closed("unused:1").sending() as sending:
            sending.add([record(1)])
            sending.begin()
            await asyncio.sleep(0)
            sending.add([record(2)])
            raise RuntimeError("the maker failed")

    with pytest.raises(RuntimeError, match="the maker"):
        await made()
    assert (line.calls, line.ended) == ([[1]], 0)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "sending"] == []


async def test_a_sender_that_fails_is_not_overheard() -> None:
    async def fails(records: Sequence[Record]) -> list[Record]:
        raise PermissionError("no right to write")

    sending = Sending(fails)
    sending.add([record(1)])
    sending.begin()
    await asyncio.sleep(0)
    with pytest.raises(PermissionError):
        await sending.end()


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=20))
async def test_every_record_is_sent_once_and_in_order(steps: list[tuple[int, bool, bool]]) -> None:
    line, made = Line(), 0
    sending = Sending(line.send)
    for more, begin, turn in steps:
        sending.add([record(made + number) for number in range(more)])
        made += more
        if begin:
            sending.begin()
        if turn:
            await asyncio.sleep(0)
    await sending.end()
    assert [number for call in line.calls for number in call] == list(range(made))
