"""The package, conda's environment and Binder's say the same; Binder finds what we wrote for it."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

# What conda-forge calls by another name; matplotlib-base is matplotlib without Qt.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
BINDER_NAMES = {"pytorch": "pytorch-cpu"}


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def by_name(lines):
    """Name -> set of bounds; a single = is conda's way to say 'this series'."""
    found = {}
    for line in lines:
        name, bounds = re.fullmatch(r"([\w.-]+)(.*)", line).groups()
        found[name] = {bound.strip() for bound in bounds.split(",") if bound.strip()}
    return found


def package_bounds():
    return by_name(pyproject()["project"]["dependencies"])


def conda_bounds(path):
    dependencies = yaml.safe_load((ROOT / path).read_text())["dependencies"]
    return by_name(line for line in dependencies if isinstance(line, str))


def test_conda_and_pip_ask_for_the_same_versions():
    conda = conda_bounds("environment.yml")
    assert conda.pop("python") == {pyproject()["project"]["requires-python"]}
    assert conda.pop("pip") == set()
    assert conda == {CONDA_NAMES.get(name, name): b for name, b in package_bounds().items()}


def test_binder_is_a_subset_of_conda_without_a_gpu():
    full, binder = conda_bounds("environment.yml"), conda_bounds("binder/environment.yml")
    assert binder.pop("python") == {"=3.11"}
    full = {BINDER_NAMES.get(name, name): bounds for name, bounds in full.items()}
    assert set(binder) <= set(full)
    assert binder == {name: full[name] for name in binder}


def test_binder_has_all_that_the_package_needs():
    binder = set(conda_bounds("binder/environment.yml"))
    conda = (CONDA_NAMES.get(name, name) for name in package_bounds())
    assert {BINDER_NAMES.get(name, name) for name in conda} <= binder


@pytest.mark.parametrize("line", pyproject()["project"]["dependencies"])
def test_what_is_installed_lies_within_the_bounds(line):
    requirement = Requirement(line)
    assert requirement.specifier.contains(version(requirement.name), prereleases=True)


def test_the_makefile_installs_a_torch_within_the_bounds():
    pinned = re.search(r"^TORCH\s*\?=\s*torch==(\S+)$", (ROOT / "Makefile").read_text(), re.M)
    torch = next(
        requirement
        for requirement in map(Requirement, pyproject()["project"]["dependencies"])
        if requirement.name == "torch"
    )
    assert torch.specifier.contains(pinned[1])


@pytest.fixture(scope="module")
def repo2docker_output(tmp_path_factory):
    """What repo2docker makes of the tracked part of the repository; it needs no docker for that."""
    clone = tmp_path_factory.mktemp("binder") / "repository"
    clone.mkdir()
    shutil.copytree(ROOT / "binder", clone / "binder")
    for name in ("pyproject.toml", "environment.yml"):
        shutil.copy(ROOT / name, clone)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "repo2docker", "--no-build", "--debug"),
            *("--user-id=1000", "--user-name=jovyan", "."),
        ],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def test_binder_builds_from_our_conda_environment(repo2docker_output):
    assert "Building conda environment for python=3.11" in repo2docker_output
    assert re.search(r"env update .*--file \"binder/environment\.yml\"", repo2docker_output)


def test_binder_runs_postbuild_once_and_start_always(repo2docker_output):
    assert re.search(r"^RUN .*\bbinder/postBuild$", repo2docker_output, re.M)
    assert re.search(r'^ENV R2D_ENTRYPOINT="\S*binder/start"$', repo2docker_output, re.M)


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binder_can_execute_its_scripts(name):
    script = ROOT / "binder" / name
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_start_shows_voila_our_template_and_settings(tmp_path):
    shown = subprocess.run(
        [ROOT / "binder" / "start", "printenv", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    templates, settings = (line.split(":") for line in shown)
    assert (Path(templates[0]) / "voila/templates/landscape/index.html.j2").is_file()
    assert (Path(settings[0]) / "voila.json").is_file()
    assert (Path(settings[1]) / "jupyter_server_config.json").is_file()
