"""No more kernels than there are places, and none whose page has gone."""

import asyncio
import json
from pathlib import Path

import pytest
from tornado.web import Finish, HTTPError

from landscape_lab.hosting import limits, server
from landscape_lab.hosting.limits import BoundedKernels
from landscape_lab.hosting.page_opening import OPENING

pytestmark = pytest.mark.timeout(120)

PAGE = {"env": {"VOILA_PREHEAT": "False"}}
HEATED = {"env": {"VOILA_PREHEAT": "True"}}
"""What Voila says of a kernel when it starts one for a page, or in advance."""


@pytest.fixture
def manager(tmp_path):
    """How a manager of kernels is asked for; all its kernels end with the test."""

    def run(work, **options):
        async def all_of_it():
            made = BoundedKernels(connection_dir=str(tmp_path), root_dir=str(tmp_path), **options)
            try:
                await work(made)
            finally:
                await made.shutdown_all(now=True)

        asyncio.run(all_of_it())

    return run


async def outcomes(manager, number, **options):
    """The kernels that were started of so many asked for at once; the others were refused."""
    asked = [manager.start_kernel(kernel_name="python3", **options) for _ in range(number)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, HTTPError)]
    assert {(error.status_code, error.log_message) for error in refused} <= {
        (503, f"all places are taken ({manager.places})")
    }
    started = [answer for answer in answers if isinstance(answer, str)]
    assert len(started) + len(refused) == number
    return started


async def opened(manager):
    """A page that has been sent, and its kernel."""
    opening = manager.admit()
    OPENING.set(opening)
    kernel = await manager.start_kernel(kernel_name="python3", **PAGE)
    await manager.end_due()
    assert kernel in manager  # while it is being sent there is time
    manager.sent(opening)
    return kernel


def test_of_five_kernels_asked_for_at_once_two_are_started_and_an_ended_one_frees_its_place(
    manager,
):
    async def work(made):
        first, _ = await outcomes(made, 5)
        assert made.taken == 2
        assert await outcomes(made, 1) == []
        await made.shutdown_kernel(first)
        assert len(await outcomes(made, 2)) == 1
        assert made.taken == 2

    manager(work, places=2)


def test_a_kernel_that_does_not_start_frees_its_place(manager):
    async def work(made):
        with pytest.raises(Exception, match="no_such_kernel"):
            await made.start_kernel(kernel_name="no_such_kernel")
        assert len(await outcomes(made, 1)) == 1

    manager(work, places=1)


def test_an_admitted_page_has_a_place_before_its_kernel_starts(manager):
    async def work(made):
        opening = made.admit()
        assert (made.taken, made.room) == (1, 0)
        assert await outcomes(made, 1) == []
        OPENING.set(opening)
        assert len(await outcomes(made, 1, **PAGE)) == 1
        assert (made.taken, made.room) == (1, 0)
        made.sent(opening)
        never = made.admit()
        made.abort(never)
        assert (made.taken, made.room) == (1, 0)

    manager(work, places=1)


def test_a_page_that_does_not_connect_loses_its_kernel(manager):
    async def work(made):
        kernel = await opened(made)
        await made.end_due()
        assert kernel not in made

    manager(work, places=1, opening=0.0)


def test_a_page_has_time_to_connect_and_more_if_it_asks_about_its_kernel(manager):
    async def work(made):
        kernel = await opened(made)
        await made.end_due()
        assert kernel in made
        made.opening = 0.0
        slow = await opened(made)
        assert made.kernel_model(slow)["id"] == slow
        await made.end_due()
        assert made.list_kernel_ids() == [kernel, slow]

    manager(work, places=2)


def test_asking_about_a_kernel_does_not_keep_it_for_ever(manager, monkeypatch):
    async def work(made):
        monkeypatch.setattr(limits, "STARTING", 0.0)
        kernel = await opened(made)
        assert made.kernel_model(kernel)["id"] == kernel
        await made.end_due()
        assert kernel not in made

    manager(work, places=1, opening=0.0)


def test_a_page_whose_connection_broke_can_connect_again_but_not_for_ever(manager):
    async def work(made):
        kernel = await opened(made)
        for _ in range(2):
            made.notify_connect(kernel)
            await made.end_due()
            made.notify_disconnect(kernel)
            await made.end_due()
            assert kernel in made
        made.kernel_model(kernel)
        made.notify_connect(kernel)
        made.lost = 0.0
        await made.end_due()
        made.notify_disconnect(kernel)
        await made.end_due()
        assert kernel not in made

    manager(work, places=1, opening=0.0)


def test_a_page_that_was_left_says_so_and_ends_soon_if_its_visitor_comes_again(manager):
    async def work(made):
        opening = made.admit()
        OPENING.set(opening)
        kernel = await made.start_kernel(kernel_name="python3", **PAGE)
        made.sent(opening)
        assert opening.left() is None
        made.notify_connect(kernel)
        opening.end()
        await made.end_due()
        assert opening.left() is None  # another page of the same visitor, perhaps
        made.notify_disconnect(kernel)
        assert opening.left() >= 0
        made.notify_connect(kernel)
        assert opening.left() is None
        made.notify_disconnect(kernel)
        await made.end_due()
        assert kernel not in made
        assert opening.left() >= 0

    manager(work, places=1)


@pytest.mark.parametrize("connections", [1, 2])
def test_a_page_that_was_left_loses_its_kernel_unless_another_is_connected(manager, connections):
    async def work(made):
        kernel = await opened(made)
        for _ in range(connections):
            made.notify_connect(kernel)
        made.notify_disconnect(kernel)
        made.leave(kernel)
        await made.end_due()
        assert (kernel in made) == (connections == 2)

    manager(work, places=1, grace=0.0)


def test_a_page_that_is_aborted_while_its_kernel_starts_leaves_none(manager):
    async def work(made):
        opening = made.admit()
        OPENING.set(opening)
        starting = asyncio.ensure_future(made.start_kernel(kernel_name="python3", **PAGE))
        await asyncio.sleep(0)
        made.abort(opening)
        with pytest.raises(Finish):
            await starting
        assert made.taken == 0

    manager(work, places=1)


def test_a_page_that_is_aborted_while_it_is_sent_loses_its_kernel_at_once(manager):
    async def work(made):
        opening = made.admit()
        OPENING.set(opening)
        kernel = await made.start_kernel(kernel_name="python3", **PAGE)
        made.abort(opening)
        made.sent(opening)  # tornado says both
        await made.end_due()
        assert kernel not in made

    manager(work, places=1)


def test_kernels_of_other_programs_are_counted_and_left_alone(manager):
    async def work(made):
        (other,) = await outcomes(made, 1)
        made.notify_connect(other)
        made.notify_disconnect(other)
        made.leave(other)
        await made.end_due()
        assert other in made
        assert await outcomes(made, 1) == []

    manager(work, places=1, opening=0.0, grace=0.0, lost=0.0)


def test_ending_a_kernel_twice_at_once_ends_it_once(manager):
    async def work(made):
        kernel = await opened(made)
        await asyncio.gather(*(made.shutdown_kernel(kernel) for _ in range(3)))
        assert made.taken == 0

    manager(work, places=1)


def test_both_servers_count_their_kernels():
    voila = json.loads((server.SHARE / "voila.json").read_text())
    binder = json.loads(
        (Path(__file__).parents[3] / "binder/jupyter_server_config.json").read_text()
    )
    name = f"{BoundedKernels.__module__}.{BoundedKernels.__qualname__}"
    assert voila["VoilaConfiguration"]["multi_kernel_manager_class"] == name
    assert binder["ServerApp"]["kernel_manager_class"] == name
