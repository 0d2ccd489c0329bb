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

_AFTER = 3.0  # seconds after a page has its kernel, when it is itself there, until the next one is started
_WAIT, _HEARD = 30.0, 3.0  # and how long a kernel may take to start, and to answer when it has started
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
    """Keeps one kernel ready; a page gets it with its own environment, and the next one is started when the page is done.

    A page is sent while its kernel is still on its way: it is promised one (`promise`), and has its number in its head already.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        notebook = getattr(self.parent, "notebook_path", None)
        self._name = Path(notebook).stem if notebook else next(iter(EXPLORERS))
        self._last: dict[str, str] = {}  # what the last page's kernel was told
        self._waiting: _Waiting | None = None
        self._given_to_pages: dict[str, asyncio.Task[Any]] = {}
        IOLoop.current().add_callback(self.prepare)

    def prepare(self) -> None:
        """Start the next page's kernel, where none waits: of the default name, in the pages' own folder."""
        if self._waiting is None:
            kernel_id, env = str(uuid.uuid4()), os.environ | self._last
            self._waiting = _Waiting(kernel_id, env, asyncio.get_running_loop().create_task(self._started(kernel_id, env)))

    async def _started(self, kernel_id: str, env: Mapping[str, str]) -> Any:
        await self._start(kernel_id=kernel_id, kernel_name=self.default_kernel_name, path="", env=dict(env))
        client = self._there(kernel_id).client()
        client.start_channels()
        await client.wait_for_ready(timeout=_WAIT)
        name = _notebook_at(env.get("VOILA_REQUEST_URL", "")) or self._name
        if name in EXPLORERS:
            await _executed(client, _REHEARSAL.format(name), _WAIT)
        return client

    def promise(self) -> str:
        """The number of the kernel of the page that this task sends: of the one that waits, ready or not, or of a new one."""
        waiting, self._waiting = self._waiting, None
        promised = _Promise(waiting.kernel_id if waiting else str(uuid.uuid4()), waiting)
        _PROMISED.set(promised)
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
        """A kernel; where it was just promised what it is awaited by, as Voilà does while it sends the page."""
        return self._given_to_pages.pop(kernel_id, None) or self._there(kernel_id)

    def _there(self, kernel_id: str) -> Any:
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
            if not (promised.waiting and self._is_ours(asked) and await self._is_told(promised.waiting, env)):
                if kernel_id in self:
                    await self.shutdown_kernel(kernel_id, now=True)  # type: ignore[no-untyped-call]
                await self._start(kernel_id=kernel_id, **asked)
        except Exception:
            if page is not None:
                page.cancel()  # Voilà would wait for ever: the page ends here, and says that it is not whole
            raise
        asyncio.get_running_loop().call_later(_AFTER, self.prepare)
        return self._there(kernel_id)

    def _is_ours(self, asked: Mapping[str, Any]) -> bool:
        """Whether a kernel such as waits here was asked for."""
        return (asked.get("kernel_name"), asked.get("path")) == (self.default_kernel_name, "")

    async def _is_told(self, waiting: _Waiting, env: Mapping[str, str]) -> bool:
        """Whether it lives, and has heard what its page's environment has that its own has not."""
        more = json.dumps({name: value for name, value in env.items() if waiting.env.get(name) != value})
        with contextlib.suppress(Exception):  # whatever became of it
            client, kernel = await waiting.client, self._there(waiting.kernel_id)
            if await kernel.is_alive():
                await _executed(client, f"import os, json; os.environ.update(json.loads({more!r})); del os, json", _HEARD)
                client.stop_channels()
                return True
        return False

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """The one that waits for its page is idle, and nobody is connected: it stays, unless it came to nothing."""
        waiting = self._waiting
        if waiting is None or waiting.kernel_id != kernel_id or (waiting.client.done() and waiting.client.exception()):
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
