"""Bytes read from front to back."""

from __future__ import annotations


class Cursor:
    """What is refused, and how, is the reader's."""

    refused: type[Exception]

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise self.refused("cut")
        self.at += count
        return self.data[self.at - count : self.at]
