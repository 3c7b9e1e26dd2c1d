"""The files of `deploy/` name commands, options and files that exist, and grant few rights."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from landscape_lab.cli.main import parser

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = DEPLOY / "systemd" / "landscape-lab.service"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["landscape-lab"]


def started(words):
    """The options with which a command of ours is started."""
    program, *rest = words
    assert Path(program).name == "landscape"
    return parser(rest).parse_args(rest)


def command_of_the_image():
    return json.loads(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])


def command_of_the_unit():
    return shlex.split(re.search(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)[1])


@pytest.mark.parametrize(
    "words", [command_of_the_image(), COMPOSE["command"], command_of_the_unit()]
)
def test_the_commands_are_ours_and_on_the_port_that_is_published(words):
    asked = started(words)
    assert asked.port == 8866
    assert "EXPOSE 8866" in DOCKERFILE
    assert COMPOSE["ports"] == ["127.0.0.1:8866:8866"]


def test_the_image_copies_files_that_exist_and_ends_as_a_user_without_rights():
    for source in re.findall(r"^COPY \S+ (\S+) \S+$", DOCKERFILE, re.MULTILINE):
        assert (ROOT / source).exists()
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1] == "$MAMBA_USER"
    assert re.search(r"^HEALTHCHECK .*\n(.*\n)?.*/health", DOCKERFILE, re.MULTILINE)


def test_the_build_leaves_out_nothing_that_is_installed():
    left_out = (ROOT / ".dockerignore").read_text().split()
    for needed in ("app", "landscape_core", "binder", "constraints.txt", "pyproject.toml"):
        assert needed not in left_out


def test_the_container_has_limits_and_writes_to_its_volume_alone():
    assert COMPOSE["read_only"]
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(COMPOSE)
    folder = COMPOSE["volumes"][0].split(":")[1]
    assert f"LANDSCAPE_CACHE={folder}" in DOCKERFILE


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(
        re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    )
    found = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
