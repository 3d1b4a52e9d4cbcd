"""Runs the pages on an address until it is told to stop."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn

from steelyard.errors import DefinitionError, PolicyError, SteelyardError, WarehouseError
from steelyard.project import Project
from steelyard.web.access.door import Everyone
from steelyard.web.app import create_app
from steelyard.web.guard import LOOPBACK
from steelyard.web.site import PATIENCE

__all__ = ["serve"]

STOPPING = (signal.SIGINT, signal.SIGTERM)
OPEN = {
    True: "everybody on this machine may read, run and decide: steelyard.toml names nobody under access",
    False: "everybody who reaches this address may read everything",
}
GRACE = 3  # seconds that running answers get when the server stops


def serve(
    project: Project,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    anyone: bool = False,
    patience: float = PATIENCE,
    says: Callable[[str], object] = print,
) -> None:
    """Serves the project's pages until SIGINT or SIGTERM, and then returns.

    Args:
        project: An opened project.
        host: The address; loopback by default.
        anyone: Whether, on another address than loopback, everybody who reaches it may read where the project names
            nobody under `access`; without it that is refused.
        port: The port; 0 takes a free one.
        patience: Seconds after which a person who waits for a query is shown that it runs.
        says: Told the address, and that the server stopped.

    Raises:
        PolicyError: The address is not loopback, and nobody is named who may.
        SteelyardError: The address is in use or cannot be had.
    """
    local = _is_loopback(host)
    project.settings.access.check_environment()
    if not (local or anyone or project.settings.access.configured):
        raise PolicyError(
            f"everybody who reaches {host} could read everything: the project names nobody who may",
            where="--host",
            hint="name users under `access` in steelyard.toml, or say --anyone and let everybody read",
        )
    listening = _listen(host, port)
    try:
        shown = f"[{host}]" if ":" in host else host
        where = f"http://{shown}:{listening.getsockname()[1]}/"
        says(f"{project.name} is at {where} (Ctrl+C stops it)")
        if not project.settings.access.configured:
            says(OPEN[local])
        server = _Server(_config(project, local, anyone, patience))
        server.run(sockets=[listening])
    finally:
        listening.close()
    says("stopped")


def _config(project: Project, local: bool, anyone: bool, patience: float) -> uvicorn.Config:
    everyone: Everyone = "decider" if local else "viewer" if anyone else "nobody"
    return uvicorn.Config(
        create_app(project, hosts=LOOPBACK if local else None, everyone=everyone, patience=patience),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


class _Server(uvicorn.Server):
    """Stops on a signal and returns, where uvicorn would raise the signal again and end the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Sets the handlers, and gives the earlier ones back."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise DefinitionError(f"{port} is not a port", where="--port", hint="0 to 65535; 0 takes a free one")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio sends small parts at once only where the socket says that it is TCP; each answer waited 40 ms
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise WarehouseError(f"no address {host!r}", where="--host", hint="127.0.0.1 is this machine") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise _refused(host, port, error) from error
    return listening


def _refused(host: str, port: int, error: OSError) -> SteelyardError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        hint = "another server has it: give another --port, or --port 0 for a free one"
        return SteelyardError(f"the port {port} is in use", where=where, hint=hint)
    hint = (
        "ports below 1024 need rights: give another --port"
        if error.errno == errno.EACCES
        else "127.0.0.1 is this machine"
    )
    return SteelyardError(f"the address cannot be had: {error.strerror}", where=where, hint=hint)
