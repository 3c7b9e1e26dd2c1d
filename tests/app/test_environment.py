"""The package, conda's environment and Binder's say the same; Binder finds what we wrote for it."""

import itertools
import os
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
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

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


def test_binder_adds_what_is_missing_in_the_locked_versions():
    assert {"pytorch-cpu", "pip"} <= set(conda_bounds("binder/environment.yml"))
    installs = re.findall(r"^.*pip install.*$", (ROOT / "binder/postBuild").read_text(), re.M)
    assert len(installs) == 1
    assert {"--constraint", "constraints.txt", "--editable"} <= set(installs[0].split())
    assert "--no-deps" not in installs[0]


def locked():
    """Name -> version; a line that is more than that would tie the file to one machine."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = (re.fullmatch(r"([a-z0-9-]+)==([\w.!]+)", one) for one in lines if one[0] != "#")
    return dict(one.groups() for one in found)


def all_requirements():
    project = pyproject()["project"]
    extras = project["optional-dependencies"].values()
    return map(Requirement, itertools.chain(project["dependencies"], *extras))


def test_the_lock_names_a_version_within_the_bounds_for_every_requirement():
    versions = locked()
    for requirement in all_requirements():
        if requirement.name != "torch":  # it has several builds; the Makefile names its version
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def test_the_citation_names_the_version_of_the_package():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == pyproject()["project"]["version"]


def test_every_action_is_pinned_to_a_commit():
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        for action in re.findall(r"uses: (.+)", workflow.read_text()):
            assert action.startswith("./") or re.search(r"@[0-9a-f]{40} # v\d", action), action


def test_the_lock_leaves_the_build_of_torch_open():
    assert not [name for name in locked() if re.match(r"torch|nvidia|cuda|triton", name)]


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
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    templates, settings = (line.split(":") for line in shown)
    assert (Path(templates[0]) / "voila/templates/landscape/index.html.j2").is_file()
    assert (Path(settings[0]) / "voila.json").is_file()
    assert (Path(settings[1]) / "jupyter_server_config.json").is_file()
