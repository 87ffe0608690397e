"""The Python language host, driven by the real engine."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine


def test_a_program_sees_its_settings(stack: Stack) -> None:
    stack.config("plain", "value")
    stack.secret_config("hidden", "s3cret-value")
    stack.program(
        """
        import os
        import sys

        import pulumi

        config = pulumi.Config()
        pulumi.export("names", [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
        pulumi.export("root", pulumi.get_root_directory())
        pulumi.export("dry", pulumi.runtime.is_dry_run())
        pulumi.export("plain", config.require("plain"))
        pulumi.export("hidden", config.require_secret("hidden"))
        pulumi.export("prefix", sys.prefix)
        pulumi.export("virtualenv", os.environ["VIRTUAL_ENV"])
        pulumi.export("folder", os.getcwd())
        pulumi.export("paths", [sys.path[0], sys.argv[0]])
        pulumi.export("environment", [name for name, value in os.environ.items() if "s3cret" "-value" in value])
        """
    )
    result = stack.up("--parallel=3")
    assert result.warnings == []
    outputs = stack.outputs
    project = str(stack.folder / "project")
    assert outputs["names"] == ["organization", "test", "test"]
    assert outputs["root"] == outputs["folder"] == project
    assert outputs["dry"] is False
    assert (outputs["plain"], outputs["hidden"]) == ("value", "s3cret-value")
    assert outputs["prefix"] == outputs["virtualenv"] == os.path.realpath(sys.prefix)
    assert outputs["paths"] == [project, project]
    assert outputs["environment"] == [], "no secret is handed over in the environment"
    assert "s3cret-value" not in stack.stored_text + result.output


def test_a_preview_is_a_dry_run_and_output_is_shown_line_by_line(stack: Stack) -> None:
    stack.program(
        """
        import sys

        import pulumi

        print("dry" if pulumi.runtime.is_dry_run() else "real")
        print("to stderr", file=sys.stderr)
        """
    )
    result = stack.preview()
    assert "    dry\n" in result.output
    assert "    to stderr\n" in result.output


def test_an_error_shows_the_users_own_frames_once(stack: Stack) -> None:
    stack.program("def fails():\n    raise ValueError('no such thing')\n", file="helper.py")
    stack.program("import helper\n\nhelper.fails()\n")
    result = stack.failing_operation("preview")
    assert result.errors[0] == "\n".join(
        [
            "Program failed with an unhandled exception:",
            "Traceback (most recent call last):",
            f'  File "{stack.folder}/project/__main__.py", line 3, in <module>',
            "    helper.fails()",
            f'  File "{stack.folder}/project/helper.py", line 2, in fails',
            "    raise ValueError('no such thing')",
            "ValueError: no such thing",
        ]
    )
    assert result.errors[1:] in ([], ["preview failed"])
    assert result.output.count("no such thing") <= 2 * 2, "the live display and the diagnostics, two lines each"
    assert "executor.py" not in result.output
    assert "runpy" not in result.output


def test_an_error_in_an_apply_starts_at_the_users_function(stack: Stack) -> None:
    stack.program(
        """
        import pulumi

        def fails(value):
            raise KeyError(value)

        pulumi.Output.from_input("absent").apply(fails)
        """
    )
    error = stack.failing_operation("preview").errors[0]
    lines = error.splitlines()
    assert lines[-1] == "KeyError: 'absent'"
    first_frame = next(line for line in lines if line.lstrip().startswith("File "))
    assert first_frame.endswith('__main__.py", line 5, in fails')


def test_a_syntax_error_names_the_line_and_no_machinery(stack: Stack) -> None:
    stack.program("import pulumi\n\nthis is wrong!\n")
    error = stack.failing_operation("preview").errors[0]
    assert '__main__.py", line 3' in error
    assert "SyntaxError: invalid syntax" in error
    assert "runpy" not in error


def test_missing_config_is_one_message_without_a_traceback(stack: Stack) -> None:
    stack.program("import pulumi; pulumi.Config().require('region')")
    result = stack.failing_operation("preview")
    assert result.errors[0].startswith("Missing required configuration variable 'test:region'")
    assert result.errors[1:] in ([], ["preview failed"])
    assert "Traceback" not in result.output


def test_an_exit_status_of_the_program_is_told(stack: Stack) -> None:
    stack.program("import sys; sys.exit(3)")
    assert any("exited with status 3" in error for error in stack.failing_operation("preview").errors)


def test_interrupting_ends_the_program_at_once_and_without_noise(stack: Stack, tmp_path: Path) -> None:
    started = tmp_path / "started"
    stack.program(
        f"""
        import pathlib
        import time

        pathlib.Path({str(started)!r}).touch()
        time.sleep(600)
        """
    )
    running = stack.start("preview")
    _wait_for(started)
    begin = time.monotonic()
    running.interrupt()
    result = running.result()
    assert result.status != 0
    assert time.monotonic() - begin < 20
    assert "Traceback" not in result.output
    assert "KeyboardInterrupt" not in result.output
    assert "exited prematurely" not in result.output


def test_a_hook_stops_what_it_comes_before_and_the_next_update_tries_again(stack: Stack, tmp_path: Path) -> None:
    told, broken = tmp_path / "told", tmp_path / "broken"
    stack.config("early", "1")
    stack.program(
        f"""
        import asyncio
        import pathlib

        import pulumi
        import pulumi_tls as tls

        key = tls.PrivateKey("key", algorithm="ECDSA")

        async def before(_):
            secret = await key.private_key_pem.future()
            await asyncio.to_thread(act, secret)

        def act(secret):
            with pathlib.Path({str(told)!r}).open("a") as file:
                file.write("called with a key\\n" if secret.startswith("-----BEGIN") else "no key\\n")
            if pathlib.Path({str(broken)!r}).exists():
                raise pulumi.RunError("the former one has not ended")

        tls.SelfSignedCert(
            "certificate",
            private_key_pem=key.private_key_pem,
            subject={{"common_name": "hooked"}},
            validity_period_hours=100,
            early_renewal_hours=pulumi.Config().require_int("early"),
            allowed_uses=["cert_signing"],
            opts=pulumi.ResourceOptions(
                hooks=pulumi.ResourceHookBinding(before_update=[pulumi.ResourceHook("hand-over", before)])
            ),
        )
        """
    )
    stack.up()
    assert not told.exists(), "a resource that is made new pays nothing"
    stack.config("early", "2")
    assert stack.preview().operations["certificate"] == ["update"]
    assert not told.exists(), "a preview does nothing"
    broken.touch()
    failed = stack.failing_up()
    assert any("the former one has not ended" in error for error in failed.errors)
    assert "Traceback" not in failed.output
    assert stack.resources["certificate"]["outputs"]["earlyRenewalHours"] == 1, "the update is still to be done"
    broken.unlink()
    assert stack.up().operations["certificate"] == ["update"]
    assert stack.up().operations["certificate"] == ["same"]
    assert told.read_text() == "called with a key\n" * 2
    stack.destroy()


def test_a_virtual_environment_that_is_missing_is_named_with_the_remedy(stack: Stack) -> None:
    project = stack.folder / "project" / "Pulumi.yaml"
    project.write_text(project.read_text().replace(str(Path(sys.prefix)), "absent"))
    output = stack.failing_operation("preview").output
    assert f"there is no {stack.folder}/project/absent/bin/python" in output
    assert "pulumi install" in output


def test_about_tells_the_interpreter_and_what_nothing_else_requires(stack: Stack) -> None:
    about = json.loads(stack.command("about", "--json"))
    assert about["runtime"]["executable"] == str(Path(sys.prefix, "bin", "python"))
    assert about["runtime"]["version"] == platform.python_version()
    names = {one["name"].replace("_", "-") for one in about["dependencies"]}
    assert {"pulumi-tls", "pulumi-linode"} <= names
    assert "grpcio" not in names, "pulumi requires it"
    assert {plugin["name"] for plugin in about["plugins"]} >= {"kubernetes", "linode", "random", "tls", "python"}


def _wait_for(file: Path) -> None:
    end = time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < end, f"{file} did not appear"
        time.sleep(0.05)
