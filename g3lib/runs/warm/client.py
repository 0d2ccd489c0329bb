"""The owner's side of a template: starting it, asking it for a child, hearing how the child ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from g3lib.errors import G3Error
from g3lib.runs.edition import library_now

_PREFIX = "g3-warm-"
MEMORY = "G3_MEMORY_MB"  # the variable that says how much memory a kernel may take beside what it starts with
# the variables that name the sockets of templates that somebody else keeps, and their value where there is none and whoever
# should know has been told
KERNELS, WORKERS, NONE = "G3_WARM", "G3_WARM_WORKERS", "none"
_SOCKET, _LOCK, _LIBRARY = "s", "lock", "library"
LOST = -9  # SIGKILL: the exit code of a child whose template is gone


class TemplateGone(G3Error):
    """There is no template to fork from: it never came up, or it was killed."""


def why_impossible() -> str:
    """Why nothing can be forked from a template here; empty where it can.

    Only Linux: Windows has no fork, macOS forbids much of what follows one, and neither tells a child that its parent died.
    """
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} does not let a prepared process be forked safely"
    return "" if hasattr(socket, "recv_fds") else "this Python passes no descriptors between processes"


class Child:
    """A process forked from a template: like `subprocess.Popen`, but its parent is the template.

    Attributes:
        pid: its number, and that of its process group.
        returncode: its exit code, None while it lives; negative the signal that ended it.
        lost: its template was killed, and it with it.
        peak_kb: the most memory that was resident, the pages shared with the template counted, in KiB; 0 while it lives.
    """

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection, self.pid = connection, pid
        self.returncode: int | None = None
        self.peak_kb, self.lost = 0, False

    def fileno(self) -> int:
        """Readable when the child has ended."""
        return self._connection.fileno()

    def poll(self) -> int | None:
        """The exit code, None while it lives."""
        return self._heard(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once there is one.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        if (code := self._heard(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def _heard(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                message = self._connection.recv(4096)
            except (BlockingIOError, TimeoutError):
                return None
            except OSError:
                message = b""
            told = json.loads(message) if message else {"exit": LOST, "peak_kb": 0}
            self.lost = not message
            self.returncode, self.peak_kb = told["exit"], told["peak_kb"]
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the child alone."""
        with contextlib.suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and what it started."""
        if self.poll() is not None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # it leads no group in its first moments
            self.send_signal(signal.SIGKILL)


def fork(path: str, request: Mapping[str, Any], fds: Sequence[int] = (), timeout: float = 60.0) -> Child:
    """Ask the template at a socket for a child.

    Args:
        path: the template's socket.
        request: `env` and `cwd` of the child, and what its role needs.
        fds: descriptors that it gets.
        timeout: seconds; the first child waits for the template's imports.

    Raises:
        TemplateGone: nobody answers.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], list(fds))
        message = connection.recv(4096)
        if not message:
            raise TemplateGone("it ended while it was asked for a process")
        return Child(connection, json.loads(message)["pid"])
    except (OSError, TemplateGone) as error:
        connection.close()
        raise TemplateGone(f"The template at {path} does not answer: {error}") from error


def is_current(path: str) -> bool:
    """Whether the template at a socket has the library in memory that is there now."""
    try:
        return (Path(path).parent / _LIBRARY).read_text(encoding="ascii") == library_now()
    except OSError:
        return False


class Template:
    """A template process of this owner; it ends with the owner, however that ends.

    Args:
        role: `kernels` or `workers` (see `roles`).
        modules: of kernels, which of the library they find imported; none: all that reports need.

    Raises:
        TemplateGone: there can be none here (`why_impossible`), or there is no room for it.
    """

    def __init__(self, role: str, modules: Sequence[str] = ()) -> None:
        if why := why_impossible():
            raise TemplateGone(why)
        self.role, self.modules = role, modules
        _sweep()
        try:
            made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
            self._held = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            _lock(self._held)
            self.folder = made.rename(made.with_name(made.name[1:]))  # under this name only with its lock held: see `_sweep`
            (self.folder / _LIBRARY).write_text(library_now(), encoding="ascii")
            self._start()
        except OSError as error:
            raise TemplateGone(f"the prepared process cannot be started: {error}") from error

    @property
    def path(self) -> str:
        """Its socket."""
        return str(self.folder / _SOCKET)

    @property
    def is_current(self) -> bool:
        """Whether it lives and has the library in memory that is there now."""
        return self.process.poll() is None and is_current(self.path)

    @property
    def has_children(self) -> bool:
        """Whether something that was forked from it lives."""
        import psutil

        try:
            return bool(psutil.Process(self.process.pid).children())
        except psutil.Error:
            return False

    def _start(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        read, self._alive = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.path)
            listener.listen(64)
            number = listener.fileno()
            self.process = subprocess.Popen(
                # -P: no module of the folder we are in stands before an installed one
                [sys.executable, "-P", "-c", "from g3lib.runs.warm.template import main; main()",
                 self.role, str(number), *self.modules],
                stdin=read, pass_fds=(number, self._held), start_new_session=True,
            )  # fmt: skip
        os.close(read)

    def fork(self, request: Mapping[str, Any], fds: Sequence[int] = (), timeout: float = 60.0) -> Child:
        """A child of it (see `fork`)."""
        return fork(self.path, request, fds, timeout)

    def restart(self) -> None:
        """Begin again, at the same socket, once the process is gone."""
        os.close(self._alive)
        self.process.wait()
        self._start()

    def close(self, at_once: bool = False) -> None:
        """End it and all that was forked from it; `at_once` where nothing was, and it may still be importing."""
        if self._held < 0:
            return
        os.close(self._alive)
        if at_once:
            self.process.kill()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._held)
        self._held = -1


def _lock(file: int) -> None:
    import fcntl  # Windows has none, and no template

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sweep() -> None:
    """Remove the folders of templates that were killed together with their owner: nobody holds their lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                continue
            held = os.open(folder / _LOCK, os.O_RDWR)
            try:
                _lock(held)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
