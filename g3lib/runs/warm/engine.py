"""papermill's engine `g3`: a warm kernel, and a saved notebook that says where a kernel died or its time was up.

`papermill --engine g3 …` uses it as any engine. What papermill itself forgets is recorded in the cell: a kernel that dies and a
cell that runs out of time leave an error output there (papermill saves such a notebook with every cell `completed`), and the
cells after it stay `pending`.

papermill loads this module by its entry point while it is itself imported: whoever needs it imports papermill first.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from papermill.log import logger
from papermill.utils import remove_args
from traitlets import Float, Instance, Int

from g3lib.runs.warm.client import KERNELS, Child, why_impossible
from g3lib.runs.warm.ending import INJECTED, Ending
from g3lib.runs.warm.provisioner import NAME

_LONGEST_SOCKET = 100  # bytes that a socket's path may have, the number at its end not counted
MOST_OUTPUT = 20 << 20  # characters that a report may write (an MB of plain letters); a page of more opens nowhere


class WarmKernelManager(AsyncKernelManager):
    """Starts warm kernels, and talks to each over sockets in a folder of its own (on loopback where they cannot be had)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        beside = Path(os.environ.get(KERNELS, "")).parent
        if beside.is_absolute() and beside.is_dir():  # gone with the template, even where we are killed
            self._folder = Path(tempfile.mkdtemp(prefix="k-", dir=beside))
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="g3-kernel-"))
        self.connection_file = str(self._folder / "connection.json")
        if not why_impossible() and len(bytes(self._folder / "k")) <= _LONGEST_SOCKET:
            self.transport, self.ip = "ipc", str(self._folder / "k")
            self.transport_encryption = "disabled"  # the folder is ours alone (0700)

    async def _async_finish_shutdown(self, waittime: Any = None, pollinterval: float = 0.005, restart: bool = False) -> None:
        # upstream looks every tenth of a second, of a report that takes one
        await super()._async_finish_shutdown(waittime, pollinterval, restart)

    @property
    def kernel_spec(self) -> KernelSpec | None:
        """The kernel's specification, which asks for our provisioner where it names none."""
        spec = super().kernel_spec
        if spec is not None and spec.language == "python":
            spec.metadata.setdefault("kernel_provisioner", {"provisioner_name": NAME})
        return spec

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)

    cleanup_resources = _async_cleanup_resources  # upstream binds the public name to its own coroutine


class WarmClient(PapermillNotebookClient):
    """papermill's client, which records how a kernel ended and does not wait where there is nothing to wait for."""

    ending = Instance(Ending)
    most_output = Int(MOST_OUTPUT)
    seconds = Float(0.0)  # that all cells together may take; 0: as long as they like

    def execute(self, **kwargs: Any) -> NotebookNode:
        """Execute the cells; a kernel that died or hangs is asked nothing afterwards."""
        self.reset_execution_trackers()
        self.written, self.has_left = 0, False
        self.on_cell_executed = self._heard  # nbclient's own name for the moment after a cell
        self.until = time.monotonic() + self.seconds
        if self.seconds:
            self.timeout_func = lambda _: max(1, math.ceil(self.until - time.monotonic()))
        with self.setup_kernel(**kwargs):
            process = self.km.provisioner.process  # the provisioner forgets it when it has ended
            try:
                self.papermill_execute_cells()
                if self.shutdown_kernel != "immediate":
                    self._ask_last()
            finally:
                self.ending.peak_kb = _peak_kb(process)
        if isinstance(process, Child):
            self.ending.peak_kb, self.ending.lost = process.peak_kb, process.lost
        return self.nb

    def _ask_last(self) -> None:
        """What a notebook says of its language and its widgets; only a kernel that lives can tell."""
        try:
            told = self.wait_for_reply(self.kc.kernel_info())
        except DeadKernelError as error:  # after its last cell, by a thread or a signal
            last = max(i for i, cell in enumerate(self.nb.cells) if cell.cell_type == "code")
            self._ended("dead kernel", last, error, "DeadKernelError", f"The kernel died after this cell: {self._how_it_died()}.")
            return
        self.nb.metadata["language_info"] = told["content"]["language_info"]
        self.set_widgets_metadata()

    def _heard(self, execute_reply: dict[str, Any], **_: Any) -> None:
        """A cell that says quit or exit ends its kernel in a moment, and whether the next one still runs is chance."""
        if any(one.get("source") == "ask_exit" for one in execute_reply["content"].get("payload", ())):
            self.has_left = True
            raise DeadKernelError("Kernel died")

    def papermill_execute_cells(self) -> None:
        """Execute each cell; the one where it ends says why."""
        for index, cell in enumerate(self.nb.cells):
            try:
                self.nb_man.cell_start(cell, index)
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                self._ended("failed", index, error)
                break
            except DeadKernelError as error:
                if self.written > self.most_output:
                    said = f"The notebook wrote more than {self.most_output >> 20} MB."
                    self._ended("failed", index, error, "OutputTooLong", said)
                else:
                    said = f"The kernel died in this cell: {self._how_it_died()}."
                    self._ended("dead kernel", index, error, "DeadKernelError", said)
                break
            except CellTimeoutError as error:
                self._ended("timeout", index, error, "CellTimeoutError", f"The time was up in this cell: {self._how_long(error)}")
                break
            finally:
                self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)

    def _ended(self, state: str, index: int, error: Exception, name: str = "", text: str = "") -> None:
        own = [cell for cell in self.nb.cells[: index + 1] if INJECTED not in cell.metadata.get("tags", ())]
        self.ending.state, self.ending.cell = state, len(own)
        if name:
            self.shutdown_kernel = "immediate"  # nobody there to ask, or nobody who listens
            cell = self.nb.cells[index]
            cell.outputs.append(new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"]))
        self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=error)

    def _how_long(self, error: Exception) -> str:
        return f"the report took longer than {self.seconds:g} s" if self.seconds else _first_line(error)

    def _how_it_died(self) -> str:
        if self.has_left:
            return "it ended itself, by quit or exit"
        code = self.km.provisioner.process.poll() if self.km.provisioner.process else None
        if code is None:
            return "nobody knows how"
        if code >= 0:
            return f"it ended itself with exit code {code}"
        killed = signal.Signals(-code).name
        return f"killed by {killed}" + (", often a sign that memory ran out" if killed == "SIGKILL" else "")

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take in what the kernel says; one that writes without end is ended."""
        content = msg["content"]
        self.written += len(content.get("text") or "") if msg["msg_type"] == "stream" else _length(content.get("data"))
        if self.written > self.most_output:
            self.km.provisioner.process.kill()
            return None
        return super().process_message(msg, cell, cell_index)

    async def async_start_new_kernel_client(self) -> Any:
        """As upstream, without its wait for silence (0.2 s) once the kernel has answered on both channels.

        What came before the first cell is of no cell, and nbclient passes it over by its parent.
        """
        self.kc = self.km.client()
        # what the kernel has not bound yet is tried again after a tenth of a second, unless it is told otherwise
        self.kc.context.setsockopt(zmq.RECONNECT_IVL, 5)
        try:
            self.kc.start_channels(hb=False)  # whether it lives is asked of its process
            until = time.monotonic() + (self.startup_timeout or float("inf"))
            while not await self._answers():
                if not await self.km.is_alive():
                    raise RuntimeError("Kernel died before replying to kernel_info")
                if time.monotonic() > until:
                    raise RuntimeError(f"Kernel didn't respond in {self.startup_timeout} seconds")
        except Exception:
            await self._async_cleanup_kernel()
            raise
        self.kc.allow_stdin = False
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    async def _answers(self) -> bool:
        self.kc.kernel_info()
        with suppress(Empty):
            reply = await self.kc.shell_channel.get_msg(timeout=1)
            if reply["msg_type"] == "kernel_info_reply":
                await self.kc.iopub_channel.get_msg(timeout=0.2)
                self.kc._handle_kernel_info_reply(reply)
                return True
        return False


class WarmEngine(NBClientEngine):
    """papermill's own engine with a warm kernel."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, log_output: bool = False, stdout_file: Any = None, stderr_file: Any = None,
        start_timeout: int = 60, execution_timeout: int | None = None, ending: Ending | None = None, seconds: float = 0.0,
        environment: Mapping[str, str] | None = None, **kwargs: Any,
    ) -> NotebookNode:  # fmt: skip
        """As upstream.

        Args:
            nb_man, kernel_name, log_output, stdout_file, stderr_file, start_timeout, execution_timeout, kwargs: papermill's.
            ending: is told how the kernel ended.
            seconds: all cells together may take; 0: as long as they like (papermill's `execution_timeout` is each cell's).
            environment: the kernel's whole environment; this process's where none is given.
        """
        passed = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        passed.setdefault("iopub_timeout", 60)  # upstream's 4 s are too few where many reports run at once
        client = WarmClient(
            nb_man, kernel_manager_class=WarmKernelManager, kernel_name=kernel_name, log=logger, log_output=log_output,
            stdout_file=stdout_file, stderr_file=stderr_file, startup_timeout=start_timeout,
            timeout=execution_timeout or kwargs.get("timeout"), ending=ending or Ending(), seconds=float(seconds), **passed,
        )  # fmt: skip
        return client.execute(**({} if environment is None else {"env": dict(environment)}))


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _length(data: dict[str, Any] | None) -> int:
    return sum(len(value) for value in (data or {}).values() if isinstance(value, str))


def _peak_kb(process: Any) -> int:
    """The most memory that a living process had resident, KiB; 0 where the system does not say."""
    with suppress(OSError, AttributeError, StopIteration, ValueError):
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return 0
