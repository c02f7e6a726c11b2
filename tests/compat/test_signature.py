"""Peers that send the Levin signature alone."""

from __future__ import annotations

from pathlib import Path

from monerotraffic import compat
from support import craft
from support.pipeline import (
    later,
    read,
)


def test_signatures_alone(tmp_path: Path) -> None:
    """Alone means that nothing else is in the segment; of a stream that ends with it there is no
    message.
    """
    handshake = craft.request(1001, craft.handshake_request())
    begun = craft.Connection(client=("192.0.2.9", 4001)).open()
    begun.send(craft.CLIENT, handshake, cuts=[8])
    begun.close()
    left = later(begun, client=("192.0.2.8", 4002)).open()
    left.send(craft.CLIENT, craft.SIGNATURE)
    left.close()
    six = later(left, client=("2001:db8::7", 4003), server=("2001:db8::10", 18080)).open()
    six.send(craft.CLIENT, handshake, cuts=[8])
    six.close()
    behind = later(six, client=("192.0.2.6", 4004)).open()
    behind.send(craft.CLIENT, handshake + craft.request(1007), cuts=[len(handshake) + 8])
    behind.close()
    other = later(behind, client=("192.0.2.5", 4005)).open()
    other.send(craft.CLIENT, handshake, cuts=[9])
    other.send(craft.CLIENT, b"12345678")
    other.close()
    answer = later(other, client=("192.0.2.4", 4006), server=("192.0.2.3", 18080)).open()
    answer.send(craft.CLIENT, handshake)
    answer.send(craft.SERVER, craft.response(1001, craft.handshake_response()), cuts=[8])
    answer.close()
    traffic = read(tmp_path, begun, left, six, behind, other, answer)
    assert compat.signature_only(traffic).tolist() == [
        "192.0.2.3",
        "192.0.2.8",
        "192.0.2.9",
        "2001:db8::7",
    ]
