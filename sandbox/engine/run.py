"""One Pulumi command, from its preparation to its exit code."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from sandbox import privileges
from sandbox.engine import plugins
from sandbox.engine.downloads import download_site_answers, fetch
from sandbox.engine.workspace import PASSPHRASE_VARIABLES
from sandbox.errors import SandboxError
from sandbox.plugins import install, link
from sandbox.toolchain import process, tool_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from sandbox.engine.project import Project
    from sandbox.engine.workspace import Workspace

_RUNS_THE_PROGRAM: Final = frozenset(
    {"preview", "pre", "up", "update", "refresh", "destroy", "import", "watch", "logs"}
)
"""The commands that take --config-file; all others run in the workspace's own project folder."""
_ASKS_POLICIES: Final = frozenset({"preview", "pre", "up", "update"})
"""The commands that take --policy-pack, and would show or make a change that a policy may refuse."""
_HANDED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ACCOUNT_VARIABLES: Final = ("LINODE_TOKEN", "LINODE_URL")


class EngineError(SandboxError):
    """The engine could not be started on the stack."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LinodeCredentials:
    """A Linode account for the program: what a user calls it, where its API is, and a token for it."""

    name: str
    url: str
    """Without a version, which the official provider appends (SetBaseURL in linodego's client.go)."""
    token: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Linode's provider reads."""
        return {"LINODE_URL": self.url, "LINODE_TOKEN": self.token}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A Pulumi command on a stack."""

    stack: str
    arguments: Sequence[str]
    """Arguments for pulumi: `("preview", "--diff")`."""
    mode: plugins.Mode = plugins.Mode.AUTO
    """Which plugins to use."""
    account: LinodeCredentials | None = None
    """None is the user's own, from the environment; where that has none, an emulated one for as long as the command."""
    enter: Sequence[str] = ()
    """A command that runs another one where it belongs, such as `("nsenter", "--net=/run/netns/NAME")`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Further variables of Pulumi's environment."""
    policy_packs: Sequence[Path] | None = None
    """The folders of the policy packs that are asked; None are those of the project, an empty one means none."""
    log: Path | None = None
    """A file that gets what Pulumi prints; None leaves it to the terminal."""


def run(request: Request, workspace: Workspace, *, say: Callable[[str], None]) -> int:
    """Run the command on the terminal, or wherever this process reads and writes. Returns Pulumi's exit code.

    `say` gets the one line that tells what was chosen. Raises a SandboxError if it does not come to running Pulumi.
    """
    workspace.prepare(request.stack)
    privileges.hand_over(workspace.folder)
    pulumi = tool_path("pulumi")
    choice = plugins.choose(request.mode, pulumi=pulumi, reachable=download_site_answers)
    # Here, since the engine may be about to enter a place where nothing can be reached.
    users = _state_environment(request.stack, workspace) | {"PULUMI_HOME": str(plugins.user_home())}
    fetch(choice.missing, pulumi, folder=workspace.shadow, environment=users, say=say)
    with account_for(request) as account:
        say(f"stack {request.stack}: {choice}, {account.name if account else _own_account()}")
        variables = {**(account.environment if account else {}), **request.variables}
        environment = {**_environment(request, workspace, choice), **variables}
        # Policy packs read the state through the CLI that runs them.
        environment["PATH"] = f"{pulumi.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        privileges.hand_over(workspace.folder)
        with workspace.lock():
            _ensure_stack(pulumi, request.stack, workspace, environment)
        arguments, folder = _placed(request, workspace)
        command = [*request.enter, *privileges.as_invoker([str(pulumi), *arguments])]
        if request.log is None:
            return _attend(command, folder=folder, environment=environment)
        with request.log.open("w", encoding="utf-8") as log:
            return _attend(command, folder=folder, environment=environment, output=log)


def ask(stack: str, workspace: Workspace, *arguments: str) -> str:
    """What a Pulumi command prints that runs no program, such as `stack output --json`.

    Raises SandboxError if the command fails, or there is no such stack.
    """
    workspace.prepare(stack)
    privileges.hand_over(workspace.folder)
    return _ask([str(tool_path("pulumi")), *arguments], workspace.shadow, _state_environment(stack, workspace))


def _environment(request: Request, workspace: Workspace, choice: plugins.Choice) -> dict[str, str]:
    home = plugins.user_home()
    if choice.given:
        installed, home = home, workspace.home(choice.given)
        install(home, choice.given)
        link(home, [plugin for plugin in plugins.PROVIDERS if plugin not in choice.given], installed=installed)
    return {
        **_state_environment(request.stack, workspace),
        **choice.environment,
        # From there a download could only fail, after a minute of trying.
        **(plugins.WITHOUT_DOWNLOADS if request.enter else {}),
        "PULUMI_HOME": str(home),
    }


def _state_environment(stack: str, workspace: Workspace) -> dict[str, str]:
    inherited = {name: value for name, value in privileges.environment().items() if name not in PASSPHRASE_VARIABLES}
    opened = workspace.secrets_environment(stack) or {
        name: os.environ[name] for name in PASSPHRASE_VARIABLES if name in os.environ
    }
    return {
        **inherited,
        **opened,
        "PULUMI_BACKEND_URL": workspace.backend,
        "PULUMI_STACK": stack,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


@contextlib.contextmanager
def account_for(request: Request) -> Iterator[LinodeCredentials | None]:
    """The Linode account that the program talks to; None is the user's own, which is in the environment already."""
    if request.account is not None or _given_variables():
        yield request.account
    else:
        # Only here, since a web server is much to load for those who have an account.
        from sandbox.linode import LinodeApi

        with LinodeApi() as api:
            yield LinodeCredentials(name="an emulated Linode account", url=api.url, token=api.token)


def _given_variables() -> list[str]:
    return [name for name in _ACCOUNT_VARIABLES if os.environ.get(name)]


def _own_account() -> str:
    return f"the Linode account of {' and '.join(_given_variables())}"


def _ensure_stack(pulumi: Path, stack: str, workspace: Workspace, environment: Mapping[str, str]) -> None:
    listed = _ask([str(pulumi), "stack", "ls", "--json"], workspace.shadow, environment)
    if any(known["name"] == stack for known in json.loads(listed)):
        return
    # Where the salt goes is Pulumi.STACK.yaml beside Pulumi.yaml, with no option to say otherwise: hence the shadow.
    _ask([str(pulumi), "stack", "init", stack, "--no-select"], workspace.shadow, environment)


def _ask(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    finished = process.run(process.Command(arguments=arguments, environment=environment, folder=folder))
    if finished.exit_code != 0:
        raise EngineError(
            what=f"`pulumi {' '.join(arguments[1:])}` failed",
            why=finished.stderr.strip() or f"exit code {finished.exit_code}",
            remedy=f"Mend that and run again; the state is in {folder.parent}",
        )
    return finished.stdout


def _placed(request: Request, workspace: Workspace) -> tuple[list[str], Path]:
    """The arguments, and the folder to run in, that keep Pulumi from writing into the checkout."""
    command, *rest = request.arguments or ("help",)
    if command in _RUNS_THE_PROGRAM:
        own = ["--config-file", str(workspace.config_file(request.stack)), *policy_flags(request, workspace.project)]
        return [command, *own, *rest], workspace.project.folder
    return [command, *rest], workspace.shadow


def policy_flags(request: Request, project: Project) -> list[str]:
    """The flags for the policy packs that a command asks; none where the user names some, or the command asks none.

    Raises EngineError for a pack whose environment was not made.
    """
    command, *rest = request.arguments or ("help",)
    if command not in _ASKS_POLICIES or any(argument.startswith("--policy-pack") for argument in rest):
        return []
    packs = project.policy_packs if request.policy_packs is None else request.policy_packs
    for pack in packs:
        if not (pack / ".venv" / "bin" / "python").exists():
            raise EngineError(
                what=f"The policies in {pack} cannot be asked",
                why="their Python environment is not there",
                remedy="Run `make setup`",
            )
    return [f"--policy-pack={pack}" for pack in packs]


def _attend(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: TextIO | None = None
) -> int:
    """Run a program that owns the terminal for as long as it lives, and hand signals on to it."""
    # A terminal sends Ctrl-C to everyone in the foreground, so Pulumi has it already, and a second one would make it
    # give up without clearing up. Without a terminal Pulumi gets a group of its own and each signal exactly once.
    on_terminal = sys.stdin.isatty()
    pulumi = subprocess.Popen(  # noqa: S603 - the user's own arguments for Pulumi, read by no shell
        arguments,
        cwd=folder,
        env=environment,
        stdout=output,
        stderr=output,
        process_group=None if on_terminal else 0,
    )

    def hand_on(number: int, _frame: FrameType | None) -> None:
        if not (on_terminal and number == signal.SIGINT):
            pulumi.send_signal(number)

    # What is ignored stays so: nohup ignores SIGHUP, for Pulumi as well.
    heard = [number for number in _HANDED_ON if signal.getsignal(number) is not signal.SIG_IGN]
    earlier = {number: signal.signal(number, hand_on) for number in heard}
    try:
        exit_code = pulumi.wait()
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    return exit_code if exit_code >= 0 else 128 - exit_code
