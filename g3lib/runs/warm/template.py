"""The template: a process that imports once what every report needs, and from which kernels and workers are forked.

It has one Python thread and opens no ZeroMQ context: what is forked from it starts as if it had imported everything itself. A
child belongs to the connection that asked for it. When that connection closes (its owner was killed, say), the child's whole
process group is killed; when the template's own owner goes, every child goes and so does the template; when the template is
killed, the system kills its children (`PR_SET_PDEATHSIG`). So nothing outlives its use.

What children leave behind (a cell that forks) comes to the template as their nearest living subreaper: those of the child's
session end with it, whoever left the session ends with the template.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from g3lib.runs.warm import roles
from g3lib.runs.warm.descendants import adopt_orphans, end_all

MESSAGE = 1 << 20  # bytes: a request carries an environment
_PR_SET_PDEATHSIG = 1

Role = Callable[[dict[str, Any], list[int]], None]


def kill_child(pid: int) -> None:
    """Kill a child that was not waited for yet, and its group where it has one: it leads none in its first moments."""
    kill_group(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """Kill a child's whole process group; a group that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Server:
    """Forks a child for each request, and tells its owner how it ended."""

    def __init__(self, listener: socket.socket, owner: int, become: Role) -> None:
        self.listener, self.owner, self.become = listener, owner, become
        self.children: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.woken, wake = socket.socketpair()
        for end in (self.woken, wake):
            end.setblocking(False)
        self.wake = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wake-up below is written
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self.end())
        self.selector.register(listener, selectors.EVENT_READ, self._accept)
        self.selector.register(self.woken, selectors.EVENT_READ, self._reap)
        self.selector.register(owner, selectors.EVENT_READ, lambda _: self.end())

    def serve(self) -> NoReturn:
        """Until the owner is gone."""
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)

    def end(self) -> NoReturn:
        """Kill what was forked and go; nothing is waited for politely, its owner is gone."""
        try:
            for pid in list(self.children):
                kill_child(pid)
            end_all()
        finally:
            os._exit(0)

    def _accept(self, _: object) -> None:
        connection, _address = self.listener.accept()
        # the folder is the owner's alone (0700); who the system says is calling is asked all the same
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if uid != os.getuid():
            connection.close()
        else:
            self.selector.register(connection, selectors.EVENT_READ, self._asked)

    def _asked(self, connection: socket.socket) -> None:
        try:
            message, fds, _, _ = socket.recv_fds(connection, MESSAGE, 4)
        except OSError:
            message, fds = b"", []
        try:
            request = json.loads(message)
            pid = os.fork()
        except (ValueError, OSError):  # no request; no memory, no more processes: whoever asked hears of it, the others live on
            pid = -1
        if pid == 0:
            self._live(request, fds)
        for fd in fds:
            os.close(fd)
        if pid < 0:
            self._let_go(connection)
            return
        self.children[pid] = connection
        self.selector.modify(connection, selectors.EVENT_READ, self._left)
        self._tell(connection, {"pid": pid})

    def _left(self, connection: socket.socket) -> None:
        """A child's owner said something (only that it is gone has a meaning)."""
        with contextlib.suppress(OSError):
            if connection.recv(MESSAGE):
                return
        for pid, own in list(self.children.items()):
            if own is connection:
                kill_child(pid)
        self._let_go(connection)

    def _let_go(self, connection: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(connection)
        connection.close()

    def _reap(self, _: object) -> None:
        with contextlib.suppress(BlockingIOError):
            self.woken.recv(4096)
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (connection := self.children.pop(pid, None)) is not None:
                kill_group(pid)  # what it left in its session
                self._tell(connection, {"exit": os.waitstatus_to_exitcode(status), "peak_kb": used.ru_maxrss})
                self._let_go(connection)

    @staticmethod
    def _tell(connection: socket.socket, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the owner went at this moment: `_left` hears of it
            connection.send(json.dumps(message).encode())

    def _live(self, request: dict[str, Any], fds: list[int]) -> NoReturn:
        """The child's life; it never returns into the server."""
        code = 1
        try:
            template = os.getppid()
            with contextlib.suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != template:  # it went before the line above
                os._exit(1)
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number, handler in ((signal.SIGCHLD, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL),
                                    (signal.SIGINT, signal.default_int_handler)):  # fmt: skip
                signal.signal(number, handler)
            # Whoever holds an end of a connection keeps its owner from hearing of an end: the listener's, ours, our siblings'.
            # Sockets are closed as such: one that is closed by its number closes it again when it is collected, and the number
            # may be ZeroMQ's by then.
            for key in list(self.selector.get_map().values()):
                held: Any = key.fileobj
                os.close(held) if isinstance(held, int) else held.close()
            self.selector.close()
            self.wake.close()
            os.environ.clear()
            os.environ.update(request["env"])
            os.chdir(request["cwd"])
            self.become(request, fds)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            roles.leave()
            os._exit(code)


def main() -> NoReturn:
    """`python -P -c … ROLE LISTENER MODULE…`: the owner holds the other end of our standard input."""
    role, listener, modules = sys.argv[1], socket.socket(fileno=int(sys.argv[2])), sys.argv[3:]
    adopt_orphans()
    owner = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    become = roles.prepared(role, modules)
    Server(listener, owner, become).serve()
