"""The process of a provider plugin: from the engine's command line to a quiet end."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugins.framework.servicer import ProviderServicer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.plugins.framework.provider import Provider

_LOG: Final = logging.getLogger(__name__)

# A Helm release's values or a CRD may be large: Pulumi's own servers take messages of 400 MiB.
_MESSAGE_BYTES: Final = 400 * 1024 * 1024
# The engine's parallelism is the real bound: a thread waits for a resource, it does not compute.
_THREADS: Final = 256
# The engine waits five seconds for a plugin to end, and then kills it. Operations get the first part of that
# to end well; what hangs in a call that nothing can wake is left behind.
_GRACE_SECONDS: Final = 2
_HANGING_SECONDS: Final = 4
# How often to look whether the engine is still there: one that is killed tells nobody.
_WATCH_SECONDS: Final = 1

SERVER_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
)


def serve(provider: Provider, arguments: Sequence[str]) -> None:
    """Serve the provider until a signal ends it. Prints the port first, as the engine expects.

    `arguments` are the engine's: logging flags and its own address. Returns normally after SIGINT or
    SIGTERM, which the engine sends to end a plugin.
    """
    options = _parse(provider.name, arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbosity >= _DEBUG_VERBOSITY else logging.WARNING,
        format=f"pulumi-resource-{provider.name}: %(levelname)s %(name)s: %(message)s",
    )
    servicer = ProviderServicer(provider, engine=options.engine)
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=SERVER_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    run_until_signalled(server, on_stop=servicer.stop)


def run_until_signalled(server: grpc.Server, *, on_stop: Callable[[], None]) -> None:
    """Start the server on a free loopback port, print that port, and serve until it is time to end.

    That is at SIGINT or SIGTERM, or when the engine is no longer there.
    """
    # One that dies before this line leaves no reader for the port, and this process ends of that.
    engine = os.getppid()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_watch, args=(engine, stopped), daemon=True).start()
    stopped.wait()
    on_stop()
    hanging = threading.Timer(_HANGING_SECONDS, os._exit, args=(0,))
    hanging.daemon = True
    hanging.start()
    server.stop(_GRACE_SECONDS).wait()


def _watch(engine: int, stopped: threading.Event) -> None:
    """Stop when the engine, the process that started this one, is gone.

    Its port says less: an engine that ends may close it long before it stops its plugins, and a plugin that goes in
    between counts as one that failed.
    """
    while os.getppid() == engine and not stopped.wait(_WATCH_SECONDS):
        pass
    stopped.set()


_DEBUG_VERBOSITY: Final = 9  # the level at which Pulumi's own plugins log every call


def _parse(name: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"pulumi-resource-{name}",
        description=f"Offline stand-in for Pulumi's {name} plugin. The Pulumi engine starts it.",
    )
    parser.add_argument("engine", nargs="?", help="address of the engine that started this plugin")
    parser.add_argument("--logtostderr", action="store_true", help="accepted: logs go to stderr anyway")
    parser.add_argument("-v", dest="verbosity", type=int, default=0, help="9 and up logs every request")
    parser.add_argument("--tracing", help="accepted: stand-ins send no traces")
    return parser.parse_args(arguments)
