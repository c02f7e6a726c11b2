"""Captures for the tests of the benchmarks."""

from __future__ import annotations


class Blob:
    """A blob, read from its beginning."""

    def __init__(self, blob: bytes) -> None:
        self.rest = blob

    def take(self, size: int) -> bytes:
        taken, self.rest = self.rest[:size], self.rest[size:]
        assert len(taken) == size
        return taken

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                assert byte or shift == 7  # else a shorter form would have done
                return value

    def outputs(self) -> int:
        """Tagged keys; what they are worth is hidden."""
        count = self.varint()
        for _ in range(count):
            assert self.varint() == 0
            assert self.take(1) == b"\x03"
            self.take(33)
        return count

    def ring_inputs(self) -> int:
        count = self.varint()
        for _ in range(count):
            assert (self.take(1), self.varint(), self.varint()) == (b"\x02", 0, 16)
            offsets = [self.varint() for _ in range(16)]
            assert min(offsets) > 0
            assert sum(offsets) < 150_000_000
            self.take(32)
        return count
