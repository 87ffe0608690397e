"""Runs one Pulumi program; executed by the interpreter of that program, so it imports nothing of ours.

Called as `executor.py FD [ARGUMENTS]`: the settings come as JSON from the open file descriptor FD, and the
arguments become the program's sys.argv[1:].
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType

EXIT_SHOWN: Final = 32
"""The exit status that says: the user has been told what went wrong, say no more."""


def main() -> int:
    """Run the program that the settings describe and return the exit status."""
    # At Ctrl-C the engine cleans up. A traceback of wherever the program waited would only be noise.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as pipe:
        settings = json.load(pipe)
    try:
        import pulumi
        import pulumi.runtime
    except ImportError as error:
        print(
            f"the Pulumi SDK cannot be imported by {sys.executable}: {error}\n"
            "install the program's requirements into its environment: pulumi install",
            file=sys.stderr,
        )
        return EXIT_SHOWN
    _configure(pulumi.runtime, settings)
    program = Path(settings["directory"], settings["entry_point"]).resolve()
    directory = Path(settings["directory"]).resolve()
    sys.argv = [str(program), *sys.argv[2:]]
    sys.path[0] = str(program if program.is_dir() else program.parent)
    # Futures that nobody awaits are how Pulumi programs end early; asyncio's complaints are not the user's.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    with ThreadPoolExecutor(max_workers=max(settings["parallel"], 1) * 4) as threads:
        try:
            asyncio.run(_in_stack(pulumi.runtime, program, threads))
        except pulumi.RunError as error:
            pulumi.log.error(str(error))
        except Exception as error:
            pulumi.log.error(f"Program failed with an unhandled exception:\n{user_traceback(error, directory)}")
        else:
            return 0
    return EXIT_SHOWN


def user_traceback(error: BaseException, directory: Path) -> str:
    """The traceback from the first frame of the user's own code on, of the error and of its causes.

    The user's code is what lies in the program's directory, an environment inside it aside.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        current.__traceback__ = _from_user_code(current.__traceback__, directory)
        current = current.__cause__ or current.__context__
    return "".join(traceback.format_exception(error))


def _from_user_code(trace: TracebackType | None, directory: Path) -> TracebackType | None:
    current = trace
    while current is not None:
        if _is_users(Path(current.tb_frame.f_code.co_filename), directory):
            return current
        current = current.tb_next
    # A syntax error has no frame of the program, only the import machinery's; its text names the line.
    return None if _is_importing(trace) else trace


def _is_users(file: Path, directory: Path) -> bool:
    return file.is_relative_to(directory) and "site-packages" not in file.parts


def _is_importing(trace: TracebackType | None) -> bool:
    last = trace
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and ("importlib" in (name := last.tb_frame.f_code.co_filename) or "runpy" in name)


def _configure(runtime: Any, settings: dict[str, Any]) -> None:
    runtime.set_all_config(settings["config"], settings["config_secret_keys"])
    runtime.configure(
        runtime.Settings(
            monitor=settings["monitor"],
            engine=settings["engine"],
            project=settings["project"],
            stack=settings["stack"],
            parallel=settings["parallel"],
            dry_run=settings["dry_run"],
            organization=settings["organization"],
            root_directory=settings["root_directory"],
        )
    )


async def _in_stack(runtime: Any, program: Path, threads: ThreadPoolExecutor) -> None:
    asyncio.get_running_loop().set_default_executor(threads)

    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    await runtime.run_in_stack(run)


if __name__ == "__main__":
    sys.exit(main())
