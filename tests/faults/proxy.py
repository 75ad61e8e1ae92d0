"""The network before a far side, with its bad days: cut, mute, refusing, or breaking off at random."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading

PIECE = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: the other end sees its connection reset, as when a network device forgets it."""


_Pair = tuple[socket.socket, socket.socket]


class FaultProxy:
    """Passes bytes on between 127.0.0.1:`port` and the far side's port, unless told otherwise. Any thread may tell it."""

    def __init__(self, target: int) -> None:
        self.cuts = 0
        self.refused = 0
        self._target = target
        self._lock = threading.Lock()
        self._pairs: dict[_Pair, int] = {}
        """Each connection with how many of its two directions still flow."""
        self._flows = threading.Event()
        self._flows.set()
        self._refusing = False
        self._breaking: tuple[random.Random, float, int] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name=f"proxy to {target}", daemon=True).start()

    # --- what may go wrong -----------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Cut every connection that is open; new ones work."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._end(pair)

    def refuse(self) -> None:
        """Cut every connection, and each new one at once."""
        self._refusing = True
        self.cut()

    def hold(self) -> None:
        """Hold back whatever is said, in both directions; it arrives late, once all is `well` again."""
        self._flows.clear()

    def break_off(self, seed: int, share: float, within: int) -> None:
        """Cut so large a share of the new connections, each after some number of bytes below `within`."""
        self._breaking = random.Random(seed), share, within

    def well(self) -> None:
        """Pass everything on again."""
        self._refusing, self._breaking = False, None
        self._flows.set()

    def stop(self) -> None:
        self.refuse()
        self.well()
        self._listener.close()

    # --- how bytes flow --------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                self.refused += 1
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            pair = (near, far)
            with self._lock:
                self._pairs[pair] = 2
            left = self._bytes_left()
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pass, args=(pair, source, sink, left), daemon=True).start()

    def _bytes_left(self) -> list[float]:
        """Return after how many bytes this connection breaks off, shared by its two directions."""
        if self._breaking is not None:
            dice, share, within = self._breaking
            if dice.random() < share:
                return [dice.randrange(within)]
        return [float("inf")]

    def _pass(self, pair: _Pair, source: socket.socket, sink: socket.socket, left: list[float]) -> None:
        try:
            while piece := source.recv(PIECE):
                self._flows.wait()
                left[0] -= len(piece)
                if left[0] < 0:
                    break
                sink.sendall(piece)
            else:
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
                self._one_way_is_done(pair)
                return
        except OSError:
            pass  # the one end or the other is gone: so is the whole
        self._end(pair)

    def _one_way_is_done(self, pair: _Pair) -> None:
        with self._lock:
            if pair not in self._pairs:
                return
            self._pairs[pair] -= 1
            if self._pairs[pair]:
                return
            del self._pairs[pair]
        for one in pair:
            one.close()

    def _end(self, pair: _Pair) -> None:
        with self._lock:
            if self._pairs.pop(pair, None) is None:
                return
            self.cuts += 1
        for one in pair:
            _reset(one)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # Wakes the thread that reads from it, which closing alone doesn't.
        one.shutdown(socket.SHUT_RDWR)
    one.close()
