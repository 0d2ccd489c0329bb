"""The kernels of pages: one is started before it is asked for, and opens what the last page asked for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop

from g3lib.explore import EXPLORERS

_AFTER = 3.0  # seconds after a page has its kernel until the next one is started; most pages are whole by then
_LOST = 30.0  # and after a kernel was promised to a page that never took it up (it was of no notebook)
_WAIT, _HEARD = 30.0, 3.0  # how long a kernel may take to start, and to answer when it has started
_REHEARSAL = "from g3lib.explore import opener, rehearsing; rehearsing.rehearse(opener({!r})); del opener, rehearsing"


@dataclass(frozen=True)
class _Waiting:
    """A kernel that waits for its page; `client` is there when it has started and has rehearsed."""

    kernel_id: str
    env: Mapping[str, str]
    client: asyncio.Task[Any]


@dataclass(frozen=True)
class _Promise:
    """The kernel that a page will have: its number, and the one that waits, if one does."""

    kernel_id: str
    waiting: _Waiting | None


_PROMISED: ContextVar[_Promise | None] = ContextVar("promised", default=None)  # to the page that this task sends


class ReadyKernels(AsyncMappingKernelManager):
    """Keeps one kernel ready; a page gets it with its own environment, and a little later the next one is started.

    A page is sent while its kernel is still on its way: it is promised one (`promise`), and has its number in its head already.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        notebook = getattr(self.parent, "notebook_path", None)
        self._name = Path(notebook).stem if notebook else next(iter(EXPLORERS))
        self._last: dict[str, str] = {}  # what the last page's kernel was told
        self._waiting: _Waiting | None = None
        self._given_to_pages: dict[str, asyncio.Task[Any]] = {}
        self._is_closed = False
        IOLoop.current().add_callback(self.prepare)

    def prepare(self) -> None:
        """Start the next page's kernel, where none waits: of the default name, in the pages' own folder."""
        if self._waiting is None and not self._is_closed:
            kernel_id, env = str(uuid.uuid4()), os.environ | self._last
            self._waiting = _Waiting(kernel_id, env, asyncio.get_running_loop().create_task(self._started(kernel_id, env)))

    async def _started(self, kernel_id: str, env: Mapping[str, str]) -> Any:
        await self._start(kernel_id=kernel_id, kernel_name=self.default_kernel_name, path="", env=dict(env))
        client = await self._answering(kernel_id)
        name = _notebook_at(env.get("VOILA_REQUEST_URL", "")) or self._name
        if name in EXPLORERS:
            try:
                await _executed(client, _REHEARSAL.format(name), _WAIT)
            except BaseException:
                client.stop_channels()
                raise
        return client

    async def _answering(self, kernel_id: str) -> Any:
        """A client of a kernel that has answered.

        Raises:
            RuntimeError: it has ended, or does not answer.
        """
        client = self._kernel(kernel_id).client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=_WAIT)
        except BaseException:
            client.stop_channels()
            raise
        return client

    def promise(self) -> str:
        """The number of the kernel of the page that this task sends: of the one that waits, ready or not, or of a new one."""
        waiting, self._waiting = self._waiting, None
        promised = _Promise(waiting.kernel_id if waiting else str(uuid.uuid4()), waiting)
        _PROMISED.set(promised)
        asyncio.get_running_loop().call_later(_LOST, self.prepare)
        return promised.kernel_id

    async def start_kernel(self, *, kernel_id: str | None = None, path: Any = None, **kwargs: Any) -> str:  # type: ignore[override]
        """A kernel's number; of one that was promised at once, and whoever then asks for the kernel (`get_kernel`) awaits it."""
        promised = _PROMISED.get()
        if promised is None or kernel_id is not None:
            return str(await self._start(kernel_id=kernel_id, path=path, **kwargs))
        _PROMISED.set(None)
        given = self._given(promised, {"path": path, **kwargs}, asyncio.current_task())
        self._given_to_pages[promised.kernel_id] = asyncio.create_task(given)
        return promised.kernel_id

    def get_kernel(self, kernel_id: str) -> Any:
        """A kernel; once, of one that was promised, what it is awaited by.

        Voilà's page asks for it as soon as `start_kernel` returns, before any other task runs, and awaits what it gets when it
        has sent the page's head.
        """
        return self._given_to_pages.pop(kernel_id, None) or self._kernel(kernel_id)

    def _kernel(self, kernel_id: str) -> Any:
        return super().get_kernel(kernel_id)

    async def _start(self, **asked: Any) -> Any:
        own: Any = super()  # half typed upstream
        return await own.start_kernel(**asked)

    async def _given(self, promised: _Promise, asked: dict[str, Any], page: asyncio.Task[Any] | None) -> Any:
        """The kernel that waited, told what a page's has to know; a new one, where none did or it is not to be had."""
        env: dict[str, str] = json.loads(json.dumps(asked.get("env") or {}))  # Voilà's names are an enumeration's members
        self._last = {name: value for name, value in env.items() if os.environ.get(name) != value}
        kernel_id = promised.kernel_id
        try:
            if not (promised.waiting and await self._is_told(promised.waiting, asked, env)):
                if kernel_id in self:
                    await self.shutdown_kernel(kernel_id, now=True)  # type: ignore[no-untyped-call]
                await self._start(kernel_id=kernel_id, **asked)
                (await self._answering(kernel_id)).stop_channels()
        except Exception as error:
            self.log.error("A page's kernel could not be started: %s", error)
            if page is not None:
                page.cancel()  # Voilà would wait for ever: the page ends here, and says that it is not whole
            raise
        asyncio.get_running_loop().call_later(_AFTER, self.prepare)
        return self._kernel(kernel_id)

    async def _is_told(self, waiting: _Waiting, asked: Mapping[str, Any], env: Mapping[str, str]) -> bool:
        """Whether it is such as was asked for, lives, and has heard what its page's environment has that its own has not."""
        more = json.dumps({name: value for name, value in env.items() if waiting.env.get(name) != value})
        client = None
        try:
            client = await waiting.client  # also where another is wanted: two are not started under one number
            if (asked.get("kernel_name"), asked.get("path")) != (self.default_kernel_name, ""):
                return False
            if not await self._kernel(waiting.kernel_id).is_alive():
                return False
            await _executed(client, f"import os, json; os.environ.update(json.loads({more!r})); del os, json", _HEARD)
        except Exception:  # whatever became of it
            return False
        finally:
            if client is not None:
                client.stop_channels()
        return True

    async def shutdown_all(self, now: bool = False) -> None:  # type: ignore[override]
        """End all; none is started after it."""
        self._is_closed = True
        if self._waiting is not None:
            self._waiting.client.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                (await self._waiting.client).stop_channels()
        # what never came up is nobody's by now: asked to end, it is not found, and the others are left
        for kernel_id in [one for one in self._pending_kernels if one not in self]:
            del self._pending_kernels[kernel_id]
        own: Any = super()
        await own.shutdown_all(now=now)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """The one that waits for its page is idle, and nobody is connected: it stays, unless it came to nothing."""
        waiting = self._waiting
        came_to_nothing = waiting and waiting.client.done() and (waiting.client.cancelled() or waiting.client.exception())
        if waiting is None or waiting.kernel_id != kernel_id or came_to_nothing:
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]


def _notebook_at(address: str) -> str:
    """The name of the notebook that a page's address names; empty where it names none."""
    path = Path(unquote(urlsplit(address).path))
    return path.stem if path.suffix == ".ipynb" else ""


async def _executed(client: Any, code: str, seconds: float) -> None:
    """Execute it and wait until that is done: other replies (to who asked whether the kernel is there) may come before.

    Raises:
        RuntimeError: it failed; queue.Empty: nothing was heard in time.
    """
    asked = client.execute(code, silent=True, store_history=False)
    while True:
        reply = await client.get_shell_msg(timeout=seconds)
        if reply["parent_header"].get("msg_id") == asked:
            break
    if reply["content"]["status"] != "ok":
        raise RuntimeError(reply["content"].get("evalue", ""))
