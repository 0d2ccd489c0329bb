"""The kernels of pages: one is started before it is asked for, so that a visitor does not wait until his is ready."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop

_AFTER = 3.0  # seconds after a page has taken the one that was ready, when it is itself ready
_WAIT, _HEARD = 30.0, 3.0  # and how long a kernel may take to start, and to answer when it has started


class ReadyKernels(AsyncMappingKernelManager):
    """Keeps one kernel ready; a page gets it with its own environment, and the next one is started when the page is done."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._ready: asyncio.Task[tuple[str, Any]] | None = None
        notebook = getattr(self.parent, "notebook_path", None)
        self._name = Path(notebook).stem if notebook else "subsidy"
        IOLoop.current().add_callback(self.prepare)

    def prepare(self) -> None:
        """Start the next page's kernel, where none is ready: of the default name, in the pages' own folder."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_task(self._started())

    async def _started(self) -> tuple[str, Any]:
        own: Any = super()  # half typed upstream, as what follows
        kernel_id = await own.start_kernel(kernel_name=self.default_kernel_name, path="", env=dict(os.environ))
        kernel: Any = self.get_kernel(kernel_id)
        client = kernel.client()
        client.start_channels()
        await client.wait_for_ready(timeout=_WAIT)
        rehearsal = f"import g3lib.explore; g3lib.explore.rehearse({self._name!r}); del g3lib"
        await _executed(client, rehearsal, _WAIT)
        return kernel_id, client

    async def start_kernel(self, *, kernel_id: str | None = None, path: Any = None, **kwargs: Any) -> str:  # type: ignore[override]
        """A kernel: the one that is ready, where it is as asked for, else a new one."""
        found = None
        if kernel_id is None and (kwargs.get("kernel_name"), path) == (self.default_kernel_name, ""):
            found = await self._taken(kwargs.get("env") or {})
        asyncio.get_running_loop().call_later(_AFTER, self.prepare)
        return found or await super().start_kernel(kernel_id=kernel_id, path=path, **kwargs)

    async def _taken(self, env: dict[str, str]) -> str | None:
        """The one that is ready, told what a page's kernel has to know; None where there is none, or it has ended."""
        ready, self._ready = self._ready, None
        if ready is None:
            return None
        with contextlib.suppress(Exception):  # whatever became of it: the page gets a new one
            kernel_id, client = await ready
            kernel: Any = self.get_kernel(kernel_id)
            if not await kernel.is_alive():
                return None
            own = {name: value for name, value in env.items() if os.environ.get(name) != value}
            told = json.dumps(own)  # Voilà's names are an enumeration's members: as JSON they are words
            await _executed(client, f"import os, json; os.environ.update(json.loads({told!r})); del os, json", _HEARD)
            client.stop_channels()
            return str(kernel_id)
        return None

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """The one that waits for its page is idle, and nobody is connected: it stays."""
        ready = self._ready
        if ready is None or not ready.done() or ready.exception() or ready.result()[0] != kernel_id:
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]


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
