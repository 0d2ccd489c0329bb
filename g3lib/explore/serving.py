"""`g3 explore`: the explorers as pages in a browser (Voilà), or in JupyterLab; on this machine alone, with a token.

A page is the notebook run anew for each visitor, in a kernel of his own, forked from a template with the explorers' imports.
Only messages to widgets reach it: nobody types code into a page. Nothing on it is asked of another host.
"""

from __future__ import annotations

import atexit
import html
import json
import os
import re
import secrets
import socket
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from g3lib import explore
from g3lib.errors import UsageError, listed
from g3lib.runs.imports import without_grammar
from g3lib.runs.warm.client import KERNELS, Template, TemplateGone
from g3lib.tables.workspace import Workspace

LOOPBACK = "127.0.0.1"
# of JupyterLab's extensions those that show widgets
_EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")
# as the page writes it into its head, so no more than a file's name and a digest; so many at most
_PART = re.compile(r"/voila/(static/\d+\.voila|labextensions/[\w@./-]+/static/[\w.-]+)\.js(\?v=[0-9a-f]{1,64})?")
_PARTS = 300
_ALONE = 40  # seconds after which a kernel goes to which no page is connected
_PROVISIONER = "JUPYTER_DEFAULT_PROVISIONER_NAME"


def find(workspace: Workspace, name: str) -> Path:
    """An explorer's notebook, or the folder of all.

    Raises:
        UsageError: there is none of that name, or none at all; lists those that are there.
    """
    folder = workspace.notebooks / "explore"
    known = sorted(folder.glob("*.ipynb"))
    if not known:
        raise UsageError(f"{folder} holds no explorer.")
    if not name:
        return folder
    wanted = Path(name).name.removesuffix(".ipynb")
    hits = [path for path in known if path.stem == wanted]
    if not hits:
        raise UsageError(listed([path.stem for path in known], f"{name!r} is no explorer; there are:"))
    return hits[0]


def pages(place: Path, port: int, browser: bool, say: Callable[[str], None], token: str = "") -> None:
    """Serve a notebook, or a folder of them, until it is stopped.

    Args:
        place: `find`.
        port: the first that is tried.
        browser: whether to open one.
        say: hears the address.
        token: what a visitor has to know; a random one unless said.
    """
    with _warm():
        share = str(resources.files("g3lib.explore").joinpath("share"))
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [share, os.environ.get("JUPYTER_PATH", "")]))
        with without_grammar():
            from traitlets.config import Config
            from voila.app import Voila

            from g3lib.explore.kernels import ReadyKernels

        config, token = Config(), token or secrets.token_urlsafe(24)
        config.Voila.ip, config.Voila.port, config.Voila.port_retries = LOOPBACK, _free(port), 0
        config.Voila.token, config.Voila.open_browser, config.Voila.log_level = token, False, "ERROR"
        config.VoilaConfiguration.template, config.VoilaConfiguration.classic_tree = "g3", True
        config.VoilaConfiguration.allow_template_override = "NO"
        config.VoilaConfiguration.multi_kernel_manager_class = ReadyKernels
        config.VoilaConfiguration.file_allowlist = []  # no file of the workspace is served
        config.VoilaConfiguration.extension_allowlist = list(_EXTENSIONS)
        seen: set[str] = set()
        config.VoilaConfiguration.page_config_hook = _told(place if place.is_dir() else place.parent, seen)
        # a page that is closed says goodbye to its kernel by a beacon, which carries no XSRF argument (voila issue 1458): nothing
        # else is posted here, and it names a kernel that nobody can guess. A browser that was killed says nothing
        config.Voila.tornado_settings = {"disable_check_xsrf": True, "log_function": _noting(seen), "ws_ping_timeout": 30_000}
        config.MappingKernelManager.cull_idle_timeout, config.MappingKernelManager.cull_interval = _ALONE, _ALONE // 4
        config.KernelManager.transport = "ipc" if os.name == "posix" else "tcp"  # sockets that are nobody else's
        app = Voila(config=config)
        app.initialize([str(place)])
        address = f"http://{LOOPBACK}:{config.Voila.port}/?token={token}"
        calls = [say, *([_opened] if browser else [])]
        threading.Thread(target=_once_open, args=(config.Voila.port, address, calls), daemon=True).start()
        app.start()


def _told(folder: Path, seen: set[str]) -> Callable[..., dict[str, Any]]:
    """What tells a page its kernel's number, or the explorers' titles, and the scripts that pages have asked for."""

    def hook(page_config: dict[str, Any], settings: Mapping[str, Any], notebook_path: str = "", **_: Any) -> dict[str, Any]:
        if notebook_path.endswith(".ipynb"):
            page_config["kernelId"] = settings["kernel_manager"].promise()
            page_config["scripts"] = sorted(seen)
        else:  # the list of all
            page_config["titles"] = {path.name: _title(path) for path in folder.glob("*.ipynb")}
        return page_config

    return hook


def _title(path: Path) -> str:
    """What a notebook is called; nothing where it cannot be read, which its own page will tell."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["metadata"]["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _noting(seen: set[str]) -> Callable[[Any], None]:
    """Note the parts of scripts that a page asks for, one by one after its cells: the next visitor's page asks at once."""

    def note(handler: Any) -> None:
        if handler.get_status() < 400 and len(seen) < _PARTS and _PART.fullmatch(handler.request.uri):
            seen.add(handler.request.uri)

    return note


def _opened(address: str) -> None:
    """Open the browser, by a file of this user's alone: a command line, which has the token, is read by everybody."""
    with tempfile.NamedTemporaryFile("w", prefix="g3-explore-", suffix=".html", delete=False, encoding="utf-8") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(address)}">')
    atexit.register(Path(file.name).unlink, missing_ok=True)
    webbrowser.open(Path(file.name).as_uri())


def _once_open(port: int, address: str, calls: Sequence[Callable[[str], object]]) -> None:
    """Tell the address when somebody answers there, not before."""
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex((LOOPBACK, port)) == 0:
                break
        time.sleep(0.05)
    for call in calls:
        call(address)


def lab(place: Path, port: int, browser: bool) -> None:
    """Open JupyterLab at a notebook, or at the folder of all, with warm kernels; it says its address itself."""
    with _warm():
        with without_grammar():
            from jupyterlab.labapp import LabApp

        root = place.parents[2] if place.is_file() else place.parents[1]
        wanted = [f"--notebook-dir={root}", f"--LabApp.default_url=/lab/tree/{place.relative_to(root).as_posix()}",
                  f"--ServerApp.ip={LOOPBACK}", f"--ServerApp.port={port}", f"--ServerApp.open_browser={browser}",
                  "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
        LabApp.launch_instance(wanted)


def _free(port: int) -> int:
    """The first free port from this one on.

    Raises:
        UsageError: fifty are taken.
    """
    for one in range(port, min(port + 50, 65536)):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((LOOPBACK, one))
            except OSError:
                continue
            return one
    raise UsageError(f"No port from {port} on is free; --port names another.")


@contextmanager
def _warm() -> Iterator[None]:
    """A template with the explorers imported while a server runs; where there can be none kernels are ordinary ones."""
    try:
        template = Template("kernels", modules=explore.MODULES)
    except TemplateGone:
        yield
        return
    os.environ |= {KERNELS: template.path, _PROVISIONER: "g3-warm"}
    try:
        yield
    finally:
        template.close()
