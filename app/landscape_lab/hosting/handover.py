"""A line between two processes of one machine, over which open connections are handed.

A connection goes as its file descriptor (`SCM_RIGHTS`), with what has been read of it already.
After that the receiver alone speaks to the browser, and the process that accepted it has no more to
do with it.
"""

import asyncio
import collections
import os
import socket
import struct
from collections.abc import Callable

LENGTH = struct.Struct("!I")
LARGEST = 2**20
"""Bytes of one message, at most: a request's head has 64 KiB at most."""

CHUNK = 2**16
MOST_DESCRIPTORS = 64

possible = hasattr(socket, "send_fds")
"""Whether this system can hand connections to another process; Windows cannot."""


class Line:
    """One end of the line; sends and receives messages, each with a file descriptor or without."""

    def __init__(
        self,
        end: socket.socket,
        received: Callable[[bytes, int | None], None],
        lost: Callable[[], None],
    ) -> None:
        """Start listening, on the running event loop.

        Args:
            end: one of the two sockets of `socket.socketpair`; belongs to the line from now on.
            received: called with each message and its descriptor, which is the receiver's to close.
            lost: called once, when the other process is gone.
        """
        self._channel, self._received, self._lost = end, received, lost
        self._loop = asyncio.get_running_loop()
        self._waiting: collections.deque[tuple[bytearray, int | None]] = collections.deque()
        self._read, self._descriptors = bytearray(), collections.deque[int]()
        end.settimeout(0)
        self._loop.add_reader(end, self._on_readable)

    def send(self, message: bytes, descriptor: int | None = None) -> None:
        """Send a message soon; its descriptor is closed here, at once if the line is cut."""
        if self._channel.fileno() < 0:
            if descriptor is not None:
                os.close(descriptor)
            return
        carries = b"\1" if descriptor is not None else b"\0"
        self._waiting.append((bytearray(LENGTH.pack(len(message)) + carries + message), descriptor))
        self._flush()

    def close(self) -> None:
        """Give up the line, with all that waits on it."""
        if self._channel.fileno() < 0:
            return
        self._loop.remove_reader(self._channel)
        self._loop.remove_writer(self._channel)
        self._channel.close()
        for descriptor in (*(fd for _, fd in self._waiting), *self._descriptors):
            if descriptor is not None:
                os.close(descriptor)
        self._waiting.clear()
        self._descriptors.clear()

    def _flush(self) -> None:
        try:
            while self._waiting:
                data, descriptor = self._waiting[0]
                sent = (
                    self._channel.send(data)
                    if descriptor is None
                    else socket.send_fds(self._channel, [data], [descriptor])
                )
                if descriptor is not None:
                    os.close(descriptor)
                del data[:sent]
                self._waiting[0] = (data, None)  # the descriptor goes with the first byte
                if not data:
                    self._waiting.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._flush)
        except OSError:
            self._end()
        else:
            self._loop.remove_writer(self._channel)

    def _on_readable(self) -> None:
        try:
            data, descriptors, *_ = (
                socket.recv_fds(self._channel, CHUNK, MOST_DESCRIPTORS)
                if possible
                else (self._channel.recv(CHUNK), [])
            )
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._descriptors.extend(descriptors)
        self._read += data
        if not data:
            self._end()
            return
        while message := self._next():
            self._received(*message)

    def _next(self) -> tuple[bytes, int | None] | None:
        start = LENGTH.size + 1
        if len(self._read) < start:
            return None
        (length,) = LENGTH.unpack_from(self._read)
        if length > LARGEST:
            self._end()
            return None
        if len(self._read) < start + length:
            return None
        carries = self._read[LENGTH.size]
        message = bytes(self._read[start : start + length])
        del self._read[: start + length]
        return message, self._descriptors.popleft() if carries else None

    def _end(self) -> None:
        if self._channel.fileno() >= 0:
            self.close()
            self._lost()
