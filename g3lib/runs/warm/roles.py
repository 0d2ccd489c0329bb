"""What is forked from a template: a kernel for cells, or a worker that makes reports. What each imports, and how it begins."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from g3lib.runs.imports import without_grammar
from g3lib.runs.warm.client import MEMORY

BACKEND = "module://matplotlib_inline.backend_inline"
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PARTS = ("kpis.html.j2", "lines.html.j2", "comments.html.j2")  # of a report's page, made in its cells
_LATE = re.compile(r"^\s+(?:from (\S+) import|import (\S+))", re.MULTILINE)
# rooms of the library that no notebook imports: the command, and the gate with the library that only it needs
_NOT_IN_CELLS = (
    "g3lib.explore", "g3lib.runs", "g3lib.cli", "g3lib.report.html", "g3lib.report.cleaning", "g3lib.report.index",
    "g3lib.tables.adding", "g3lib.tables.cells", "g3lib.tables.gate", "g3lib.tables.loading", "g3lib.tables.reading",
    "g3lib.tables.sample", "g3lib.tables.schema", "g3lib.tables.shaping",
)  # fmt: skip
# files that a debugger does not step into: those that an ordinary kernel has imported when it begins, not all of the template's
_KERNELS_OWN: list[str] = []


def one_thread() -> None:
    """BLAS on one thread: reports run side by side, and its threads must not be there when we fork."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")


def prepared(role: str, modules: Sequence[str] = ()) -> Callable[[dict[str, Any], list[int]], None]:
    """Import what the role needs; returns what a child does.

    Args:
        role: `kernels` or `workers`.
        modules: of a kernel, which of the library it finds imported, with what they import; none: all that reports need.
    """
    one_thread()
    gc.disable()  # nothing of what is imported is garbage, and collections looked at all of it again and again: 1 s of 5
    become = {"kernels": _kernels, "workers": _workers}[role](modules)
    gc.freeze()  # a collection in a child would write to every object, and the pages would be shared no more
    gc.enable()
    return become


def _kernels(modules: Sequence[str]) -> Callable[[dict[str, Any], list[int]], None]:
    # pyarrow's own allocator sets itself up anew in every fork, for 0.1 s of a report's time
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ["MPLBACKEND"] = BACKEND  # as a kernel sets it; who imports pyplot gets it
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # the debugger's remark on a Python that nobody debugs
    importlib.import_module("ipykernel.kernelapp")
    own = [module for name, module in sys.modules.copy().items() if name.partition(".")[0] != "g3lib"]
    _KERNELS_OWN[:] = [file for module in own if (file := getattr(module, "__file__", None))]
    for module in modules:
        importlib.import_module(module)
    for module in (*([] if modules else (*_own_modules(), *_late_modules())), *_OF_A_KERNEL):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    _rehearse()
    return kernel


def _rehearse() -> None:
    """Draw a chart and write a table, so that fonts, image formats and page templates are read once and not in every kernel."""
    import pandas as pd

    from g3lib.report.charts.look import figure, look, png
    from g3lib.report.tables import html_table, template

    with look():
        drawing, axes = figure(2.0)
        axes.bar(["自营", "社会"], [1.0, 2.0], label="G3")
        axes.set_title("渠道")
        axes.legend()
        png(drawing)
    frame = pd.DataFrame({"channel": ["自营", "社会"], "units": [1, 2]})
    html_table(frame, "zh")
    frame.to_string(index=False)
    for part in _PARTS:
        template(part)


# ipykernel and pyplot, and what they and pandas import while they are at work, not with their modules
_OF_A_KERNEL = (
    "faulthandler", "sqlite3", "tornado.platform.asyncio", "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger",
    "ipykernel.comm", "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect",
    "IPython.utils.wildcard", "IPython.extensions.storemagic", "encodings.unicode_escape", "matplotlib.pyplot",
    "matplotlib_inline.backend_inline", "matplotlib.backends.backend_agg", "pyarrow.pandas_compat", "pandas.core.reshape.reshape",
    "pandas.core.methods.to_dict",
)  # fmt: skip


def _own_modules() -> list[str]:
    import g3lib

    names = [m.name for m in pkgutil.walk_packages(g3lib.__path__, "g3lib.")]
    return [name for name in names if not name.startswith(_NOT_IN_CELLS)]


def _late_modules() -> list[str]:
    """What the library imports inside its functions: a kernel would import it in its cells."""
    root = Path(str(resources.files("g3lib")))
    found: dict[str, None] = {}
    for path in sorted(root.rglob("*.py")):
        if not ".".join(("g3lib", *path.relative_to(root).with_suffix("").parts)).startswith(_NOT_IN_CELLS):
            found |= dict.fromkeys(a or b for a, b in _LATE.findall(path.read_text(encoding="utf-8")))
    return [name for name in found if re.fullmatch(r"[\w.]+", name)]


def _workers(_modules: Sequence[str]) -> Callable[[dict[str, Any], list[int]], None]:
    with without_grammar():
        import papermill  # noqa: F401

        from g3lib.report import html
        from g3lib.runs import worker
    html.exporter()
    return worker.begin


def kernel(request: dict[str, Any], _fds: list[int]) -> None:
    """Be an ordinary ipykernel: its connection file is in the arguments."""
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp
    from matplotlib_inline import backend_inline

    np.random.seed()  # every fork would have its template's global generator; Python's own is seeded anew by itself
    _limit_memory()
    sys.argv = list(request["argv"])
    if sys.path and sys.path[0] == "":
        del sys.path[0]  # the shell puts it back, as in any kernel
    app: Any = IPKernelApp.instance()  # untyped upstream
    app.initialize(sys.argv[1:])
    app.kernel._kernel_modules[:] = _KERNELS_OWN
    inline: Any = backend_inline
    inline._enable_matplotlib_integration()  # at its import there was no shell to draw for
    if widgets := sys.modules.get("ipywidgets"):  # nor one to hear of a page that asks for all widgets at once
        widgets.register_comm_target()
    app.start()
    if app.control_thread is not None:  # it still tells that it has heard of the end, over sockets that are closed next
        app.control_thread.join(timeout=1)


def _limit_memory() -> None:
    """Let a cell that takes all memory fail by itself, and let the system choose this process first where memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    if wanted := os.environ.get(MEMORY):
        import resource

        status = Path("/proc/self/status").read_text(encoding="ascii")
        has = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmData"))) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (has + (int(wanted) << 20),) * 2)


def leave() -> None:
    """What the interpreter does at its end, without the threads that it would wait for."""
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
