"""A kernel forked from a template, for whatever starts kernels through jupyter_client: papermill, nbval, JupyterLab.

`JUPYTER_DEFAULT_PROVISIONER_NAME=g3-warm` gives every Python kernel of this environment one; a kernelspec can ask for it by
its `metadata.kernel_provisioner`. Whoever cannot have one (another interpreter, no fork, a template that breaks) gets an
ordinary kernel, and is told so once.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from g3lib.runs.warm.client import KERNELS, NONE, Child, Template, TemplateGone, fork, why_impossible

NAME = "g3-warm"
_LAUNCHER = ["-m", "ipykernel_launcher"]
_NO_HISTORY = "--HistoryManager.hist_file=:memory:"
_log = logging.getLogger("g3lib")


class WarmProvisioner(LocalProvisioner):
    """Starts a kernel as a fork of a template that has the notebooks' imports done."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel; an ordinary one where that is impossible."""
        if _is_ours(cmd):
            try:
                child = await asyncio.get_running_loop().run_in_executor(None, _fork, cmd, kwargs)
            except TemplateGone as error:
                _say_once(str(error))
            else:
                self.process = child  # type: ignore[assignment]  # all of Popen that is asked of it
                self.pid = self.pgid = child.pid
                self.cwd = kwargs.get("cwd") or os.getcwd()
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)

    async def wait(self) -> int | None:
        """The exit code; looked for more often than an ordinary kernel's, which are asked every tenth of a second."""
        if not isinstance(self.process, Child):
            return await super().wait()
        while (code := self.process.poll()) is None:
            await asyncio.sleep(0.01)
        self.process = None
        return code


def _is_ours(cmd: list[str]) -> bool:
    """Whether a command starts an ipykernel of this very environment: nothing else can be forked from our template."""
    if not cmd or [a for a in cmd[1:] if a != "-Xfrozen_modules=off"][:2] != _LAUNCHER:
        return False
    # a virtual environment's interpreter is a link to the one it was made from: the folder tells them apart
    theirs, ours = Path(cmd[0]), Path(sys.executable)
    return (theirs.parent, os.path.realpath(theirs)) == (ours.parent, os.path.realpath(ours))


def _fork(cmd: list[str], kwargs: dict[str, Any]) -> Child:
    arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
    # kernels that go by another name than python3 would share one file of history
    arguments += [] if any("HistoryManager" in a for a in arguments) else [_NO_HISTORY]
    # 1 is no parent to watch: the template does that
    arguments.append("--IPKernelApp.parent_handle=1")
    request = {
        "argv": ["ipykernel_launcher", *arguments],
        "env": dict(kwargs.get("env") or os.environ),
        "cwd": str(kwargs.get("cwd") or os.getcwd()),
    }
    kept = os.environ.get(KERNELS, "")
    if kept == NONE:
        raise TemplateGone("")
    return fork(kept, request) if kept else _OWN.fork(request)


class _Own:
    """This process's template, begun anew when it was killed or the library changed: a restarted kernel must see the new code.

    An older one lives on with the kernels that were forked from it.
    """

    def __init__(self) -> None:
        self.templates: list[Template] = []  # the last one is forked from
        self.broken = ""
        self._turn = threading.Lock()  # several kernels may be started at once, from threads

    def fork(self, request: dict[str, Any]) -> Child:
        with self._turn:
            if why := self.broken or why_impossible():
                raise TemplateGone(why)
            self._close_unused()
            if not self.templates or not self.templates[-1].is_current:
                self.templates.append(Template("kernels"))
                self.broken = "the prepared process does not come up"
                atexit.register(self.close)
            child = self.templates[-1].fork(request)
            self.broken = ""  # it has forked once: when it is killed, another will do as well
            return child

    def _close_unused(self) -> None:
        for template in [t for t in self.templates if not t.is_current and not t.has_children]:
            template.close()
            self.templates.remove(template)

    def close(self) -> None:
        """End them and every kernel that was forked from them."""
        for template in self.templates:
            template.close()
        self.templates = []


_OWN = _Own()


_said: set[str] = set()


def _say_once(why: str) -> None:
    if why and not _said:
        _said.add(why)
        _log.warning("No warm kernels here, ordinary ones instead (slower to start): %s", why)
