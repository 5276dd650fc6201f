"""What a user downloads: the source distribution, the wheel, and the package inside a zip."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipapp
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest

import tinygrad_gd as tg

HOUSE = Path(__file__).parents[1]
#: The house with all that belongs to it, without what programs leave behind.
ROOMS = {top: {str(path.relative_to(HOUSE)) for path in (HOUSE / top).rglob("*")
               if path.is_file() and "__pycache__" not in path.parts}
         for top in ("tinygrad_gd", "tests", "examples")}


class Built(NamedTuple):
    source: Path  # the unpacked source distribution
    wheel: Path
    metadata: Message


def build(what: str, source: Path, place: Path) -> Path:
    code = f"from hatchling.build import build_{what} as build; print(build({str(place)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True)
    return place / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """As `python -m build` does it: the wheel is made from the source distribution."""
    place = tmp_path_factory.mktemp("dist")
    with tarfile.open(build("sdist", HOUSE, place)) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 has none
        tar.extractall(place)
    (source,) = (path for path in place.iterdir() if path.is_dir())
    wheel = build("wheel", source, place)
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Built(source, wheel, email.message_from_bytes(archive.read(name)))


def test_the_source_distribution_holds_the_house(built: Built) -> None:
    held = {str(path.relative_to(built.source)) for path in built.source.rglob("*") if path.is_file()}
    top = {"README.md", "LICENSE", "pyproject.toml"}
    assert held - {"PKG-INFO", ".gitignore"} == set.union(top, *ROOMS.values())
    assert min(map(len, ROOMS.values())) > 5
    for path in top | set.union(*ROOMS.values()):
        assert (built.source / path).read_bytes() == (HOUSE / path).read_bytes(), path


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    with ZipFile(built.wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == ROOMS["tinygrad_gd"]
    assert {"tinygrad_gd/py.typed", "tinygrad_gd/linalg.pyi", "tinygrad_gd/data/digits.npz"} < held


def test_the_metadata_says_what_is_true(built: Built) -> None:
    said = built.metadata
    assert said["Version"] == tg.__version__ and said["License-Expression"] == "MIT"
    known = [line.rpartition(" ")[2] for line in said.get_all("Classifier", [])
             if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", line)]
    assert said["Requires-Python"] == f">={known[0]}"
    assert known == [f"3.{n}" for n in range(10, 10 + len(known))]
    assert "{}.{}".format(*sys.version_info) in known


def test_the_description_has_no_picture_that_an_index_cannot_show(built: Built) -> None:
    readme, shown = (HOUSE / "README.md").read_text(encoding="utf-8"), built.metadata.get_payload(decode=True)
    assert isinstance(shown, bytes)
    text = shown.decode()
    pictures = re.compile(r"!\[[^]]*\]\((.*?)\)|<img[^>]* src=[\"'](.*?)[\"']")
    assert all("".join(found).startswith("https:") for found in pictures.findall(text))
    assert "`examples/pictures/line.svg` in the source distribution" in text
    assert text.splitlines()[0] == readme.splitlines()[0]
    unlike = set(readme.splitlines()) ^ set(text.splitlines())
    assert 2 <= len(unlike) <= 2 * len(pictures.findall(readme)), unlike


# -- inside a zip --------------------------------------------------------------------------------------

USER = """
import warnings
import numpy as np
import tinygrad_gd as tg

print(tg.datasets.load_digits()[0].sum())
w = tg.Tensor(np.ones(3), requires_grad=True, name="w")
optimizer = tg.optim.SGD([w], lr=0.1)

@tg.compile(strict=True)
def step(x):
    loss = tg.gelu(x * w).sum()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    return loss

@tg.compile(frozen=True)
def early(x):
    return x.sum().item()

def run():
    for _ in range(4):
        step(np.arange(3.0))
    loss = tg.gelu(w).sum()
    loss.backward()
    print(step.source, step.memory(), loss.draw(), tg.source(loss, check=True), sep="\\n")
    print(loss.draw().render("svg", engine="bundled").decode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        early(w), early(w)
        w * np.ones((4, 1))
    for warning in caught:
        print(warning.filename, warning.lineno, warning.message)
"""


def archive_of(folder: Path, extra: dict[str, str]) -> str:
    """A zip with the package and more files, by a name relative to ``folder``."""
    with ZipFile(folder / "x.zip", "w") as archive:
        for path in ROOMS["tinygrad_gd"]:
            archive.write(HOUSE / path, path)
        for path, text in extra.items():
            archive.writestr(path, text)
    return "x.zip"


def printed(folder: Path, *paths: str) -> str:
    """What the user's program prints when it finds modules in ``paths``."""
    code = f"import sys; sys.path[:0] = {paths}; import user, tinygrad_gd as tg; user.run(); print(tg.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What it prints without a zip."""
    place = tmp_path_factory.mktemp("folder")
    (place / "user.py").write_text(USER)
    text, _, file = printed(place, str(HOUSE), str(place)).rstrip().rpartition("\n")
    assert file == str(HOUSE / "tinygrad_gd" / "__init__.py")
    return text.replace(str(place / "user.py"), "user.py")


@pytest.mark.parametrize("users", ["beside the zip", "inside"])
def test_everything_is_said_and_drawn_from_a_zip_as_from_a_folder(
        users: str, expected: str, tmp_path: Path) -> None:
    zipped = archive_of(tmp_path, {"user.py": USER} if users == "inside" else {})
    if users != "inside":
        (tmp_path / "user.py").write_text(USER)
    found, _, file = printed(tmp_path, zipped, str(tmp_path)).rstrip().rpartition("\n")
    assert file == str(Path("x.zip", "tinygrad_gd", "__init__.py"))
    home = Path("x.zip") if users == "inside" else tmp_path
    assert found.replace(str(home / "user.py"), "user.py") == expected
    for part in ("user.py:12: loss = tg.gelu(x * w).sum()", "def erfc(", "nodes, 1 parameter", 'class="node', "early, "):
        assert part in expected, part


def test_the_demo_runs_as_an_application_in_one_file(tmp_path: Path) -> None:
    app = tmp_path / "app"
    with ZipFile(tmp_path / archive_of(tmp_path, {})) as archive:
        archive.extractall(app)
    zipapp.create_archive(app, tmp_path / "demo.pyz", main="tinygrad_gd.__main__:command")
    done = subprocess.run([sys.executable, "demo.pyz", "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Test accuracy: 9" in done.stdout and (tmp_path / "fit_line.svg").is_file()
