"""What helm is told in private: who else could see it, and what would stay of it if the plugin ended now."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.framework import Cancellation
from sandbox.plugins.kubernetes.helm import Helm
from sandbox.plugins.kubernetes.helm.charts import ChartError, Charts
from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig

_HIDDEN = "a-password-that-nobody-may-see"


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for helm: writes down what others could see of it, what it can read, and what is on the disk."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    spy = tmp_path / "helm"
    spy.write_text(
        f"""#!/usr/bin/env python3
import json, os, pathlib, stat, sys
files = [one for one in sys.argv[1:] if os.path.isfile(one)]
told = {{"arguments": sys.argv[1:], "modes": [stat.S_IMODE(os.stat(one).st_mode) for one in files],
        "contents": [json.load(open(one)) for one in files], "environment": dict(os.environ),
        "disk": [one.read_text() for one in pathlib.Path({str(temporary)!r}).rglob("*") if one.is_file()]}}
with open({str(tmp_path / "seen")!r}, "a") as seen:
    print(json.dumps(told), file=seen)
"""
    )
    spy.chmod(0o755)
    return spy


def seen(spy: Path) -> list[dict[str, Any]]:
    """What the spy wrote down at each of its runs."""
    return [json.loads(line) for line in spy.with_name("seen").read_text().splitlines()]


def test_what_helm_is_told_stays_private_and_off_the_disk(spy: Path) -> None:
    document = {"users": [{"user": {"token": _HIDDEN}}]}
    kubeconfig = Kubeconfig(document=document, context="c", namespace="n")
    helm = Helm(locate=lambda: spy, environment={"HELM_DRIVER": "configmap"})
    helm.run(
        ["install", "app"],
        kubeconfig=kubeconfig,
        namespace="space",
        values={"password": _HIDDEN},
        cancellation=Cancellation(),
    )
    [told] = seen(spy)
    assert _HIDDEN not in json.dumps([told["arguments"], told["environment"]])
    assert told["contents"] == [document, {"password": _HIDDEN}]
    assert told["modes"] == [0o600, 0o600]
    assert told["environment"]["HELM_DRIVER"] == "configmap"
    assert told["disk"] == [], "a plugin that is killed now leaves it there"
    assert not any(Path(one).exists() for one in told["arguments"]), "nothing is left behind"


@pytest.mark.parametrize("address", ["https://charts.example", "oci://registry.example/charts"])
def test_the_password_of_a_chart_repository_stays_private_and_off_the_disk(spy: Path, address: str) -> None:
    options = {"repo": address, "username": "me", "password": _HIDDEN}
    with pytest.raises(ChartError, match="0 archives"):
        Charts(Helm(locate=lambda: spy)).find({"chart": "tiny", "repositoryOpts": options}, Cancellation())
    login = base64.b64encode(f"me:{_HIDDEN}".encode()).decode()
    for told in seen(spy):
        shown = json.dumps([told["arguments"], told["environment"], told["disk"]])
        assert not any(secret in shown for secret in (_HIDDEN, login))
        assert any(secret in json.dumps(told["contents"]) for secret in (_HIDDEN, login)), "helm can read it"
