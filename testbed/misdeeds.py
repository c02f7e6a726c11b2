"""What emulated peers do on a connection that no standard node does. Each is an Extra: it is given
the connection, and ends when it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from monerotraffic import epee
from oracle.blobs import read_block, read_transaction
from support import craft
from support.craft import EMPTY, bucket, notification, request
from testbed.peer import Extra, Talk, drain, reset


def every(seconds: float, act: Callable[[Talk], Awaitable[None]], times: int = 1 << 30) -> Extra:
    """Does it again and again."""

    async def extra(talk: Talk) -> None:
        for _ in range(times):
            await asyncio.sleep(seconds)
            await act(talk)

    return extra


def sends(*buckets: bytes) -> Extra:
    async def extra(talk: Talk) -> None:
        for data in buckets:
            await talk.send(data)

    return extra


def sends_raw(data: bytes) -> Extra:
    async def extra(talk: Talk) -> None:
        await talk.raw(data)

    return extra


async def ping(talk: Talk) -> None:
    await talk.ping()


def pings(count: int) -> Extra:
    return sends(*[request(1003)] * count)


# ---- payloads and headers that monerod refuses


async def bad_storage(talk: Talk) -> None:
    """A timed sync whose payload stops within an entry."""
    body = craft.timed_sync_request(talk.sync_data())
    await talk.send(request(1002, body[: len(body) // 2]))


async def epee_types(talk: Talk) -> None:
    """A timed sync whose height has another type, which monerod's reader accepts."""
    sync = talk.sync_data()
    await talk.send(
        request(
            1002,
            craft.timed_sync_request(
                {**sync, "current_height": ("u32", sync["current_height"][1])}
            ),
        )
    )


async def in_levin_fragments(talk: Talk) -> None:
    """A timed sync in Levin fragments."""
    for data in craft.fragments(request(1002, craft.timed_sync_request(talk.sync_data())), 128):
        await talk.send(data)


def of_version(version: int) -> Extra:
    """A timed sync with another protocol version."""

    async def extra(talk: Talk) -> None:
        await talk.send(
            bucket(1002, craft.timed_sync_request(talk.sync_data()), expect=1, version=version)
        )

    return extra


async def coalesced(talk: Talk) -> None:
    """A timed sync and a notification in one segment, as happens to any node."""
    await talk.send(
        request(1002, craft.timed_sync_request(talk.sync_data())), notification(2010, EMPTY)
    )


# ---- connections that are not what they should be


def tcp_only(seconds: float) -> Extra:
    async def opening(talk: Talk) -> None:
        await drain(talk, seconds)

    return opening


async def ping_only(talk: Talk) -> None:
    await talk.ping()
    await talk.receive()


def garbage(data: bytes, with_reset: bool) -> Extra:
    async def opening(talk: Talk) -> None:
        await talk.raw(data)
        await drain(talk, 2)
        if with_reset:
            reset(talk)

    return opening


def partial_handshake(keep: Callable[[int], int], seconds: float) -> Extra:
    """The first bytes of a 1001 request, and then nothing."""

    async def opening(talk: Talk) -> None:
        whole = request(1001, craft.handshake_request(talk.node_data(), talk.sync_data()))
        await talk.raw(whole[: keep(len(whole))])
        await drain(talk, seconds)

    return opening


async def reset_before_answer(talk: Talk) -> None:
    """A RST before the answer is read, but not before monerod accepted the connection: its accept
    loop does not survive that (0.18.4).
    """
    await talk.handshake()
    await asyncio.sleep(0.002)
    reset(talk)


async def half_an_answer(talk: Talk) -> None:
    """Accepts, and sends half of its 1001 response."""
    await talk.receive()
    whole = craft.response(
        1001, craft.handshake_response(talk.peers(), talk.node_data(), talk.sync_data())
    )
    await talk.raw(whole[: len(whole) // 2])
    await drain(talk, 30)


async def no_answer(talk: Talk) -> None:
    """Accepts, and never says anything."""
    await drain(talk, 60)


def quick(seconds: float) -> Extra:
    """A handshake, and gone soon after the answer."""

    async def opening(talk: Talk) -> None:
        await talk.shake_hands()
        await asyncio.sleep(seconds)

    return opening


def oversize(command: int, length: int) -> Extra:
    """A header that announces more than monerod accepts, and a little of it."""

    async def opening(talk: Talk) -> None:
        await talk.shake_hands()
        await talk.raw(bucket(command, bytes(200), expect=1, length=length))
        await drain(talk, 20)

    return opening


async def timed_sync_first(talk: Talk) -> None:
    """1002 before any handshake, which monerod answers."""
    await talk.timed_sync()
    await talk.receive()
    await drain(talk, 3)


# ---- relay


def _block(payload: bytes) -> bytes:
    """Of a 2008."""
    return bytes(epee.loads(payload)["b"]["block"])


def _announcement(payload: bytes, **more: Any) -> bytes:
    """The payload of a 2001 or 2008 for the block of a 2008, with more in its entry."""
    return craft.epee(
        {
            "b": {"block": _block(payload), **more},
            "current_blockchain_height": int(epee.loads(payload)["current_blockchain_height"]),
        }
    )


async def fluffy_with_txs(talk: Talk) -> None:
    """The last block of two transactions or more, announced with one of them."""
    for payload in reversed(talk.world.blocks):
        listed = read_block(_block(payload)).transactions
        carried = [blob for blob in talk.world.blobs if read_transaction(blob).id in listed][:1]
        if len(listed) > 1 and carried:
            await talk.send(notification(2008, _announcement(payload, txs=carried)))
            return


async def new_block(talk: Talk) -> None:
    """The last block as 2001."""
    if talk.world.blocks:
        await talk.send(notification(2001, _announcement(list(talk.world.blocks)[-1])))


async def stem(talk: Talk) -> None:
    """A transaction in the stem phase, from an end that accepted the connection."""
    if talk.world.blobs:
        await talk.send(
            notification(2002, craft.transactions(list(talk.world.blobs)[-1:], fluff=False))
        )


async def unsorted(talk: Talk) -> None:
    """Two transactions in descending order."""
    if len(talk.world.blobs) >= 2:
        await talk.send(notification(2002, craft.transactions(sorted(talk.world.blobs)[-2:][::-1])))


async def repeated(talk: Talk) -> None:
    """A transaction twice."""
    if talk.world.blobs:
        await talk.send(notification(2002, craft.transactions(list(talk.world.blobs)[-1:] * 2)))


# ---- what reaches the P2P port by accident


async def tls_hello(talk: Talk) -> None:
    """A TLS client, which waits for an answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="node")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    await talk.raw(outgoing.read())
    await drain(talk, 15)


async def tls_alert(talk: Talk) -> None:
    """A TLS server that is given a handshake of Levin: a fatal alert, unexpected message."""
    await talk.reader.read(1)
    await talk.raw(bytes.fromhex("15030300020246"))


async def after_proxy_prefix(talk: Talk) -> None:
    """A node behind a load balancer that announces the client first (PROXY protocol)."""
    here, there = talk.one.address, talk.ends["rip"]
    await talk.raw(f"PROXY TCP4 {here} {there} {talk.ends['lport']} 18080\r\n".encode())
    await talk.handshake()
    await drain(talk, 15)
