"""Pictures for papers: width, fonts, themes, PGF, films; each file is opened again."""

import io
import re
import zipfile

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from figure_cases import path_to, slice_of, valley
from landscape_core.foundation.errors import SpecError
from landscape_core.storage import netcdf
from landscape_lab.cli.main import main
from landscape_lab.figures.color_schemes import DARK
from landscape_lab.figures.matplotlib.figure_style import checked_style
from landscape_lab.figures.matplotlib.moving import film
from landscape_lab.figures.matplotlib.pgf import tex_of
from landscape_lab.figures.matplotlib.plotting import picture, plot


@pytest.fixture(scope="module")
def small():
    path = path_to(1, 1)
    path = path.rename({name: f"path_{name}" for name in path.data_vars})
    return slice_of(valley, 15).merge(path)


def texts_of(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_vector_file_of_a_column_is_as_wide_as_asked_and_keeps_its_words(small):
    style = checked_style(width="column", font="serif", caption="none")
    svg = picture(small, "svg", style=style).decode()
    (width,) = re.findall(r'<svg[^>]* width="([\d.]+)pt"', svg)
    assert float(width) == pytest.approx(3.25 * 72)
    assert {"training loss", "start", "last", "lowest on path"} <= set(texts_of(svg))
    assert "STIXGeneral" in svg
    assert not any("engine version" in word for word in texts_of(svg))
    pdf = picture(small, "pdf", style=style)
    assert b"/FontFile2" in pdf or b"/FontFile3" in pdf
    (box,) = re.findall(rb"/MediaBox \[ ?([\d. ]+) ?\]", pdf)
    assert float(box.split()[2]) == pytest.approx(3.25 * 72)
    assert b"STIXGeneral" in pdf


@pytest.mark.parametrize("theme_", ["dark", "dark-transparent"])
def test_letters_and_the_ground_are_those_of_the_theme(small, theme_):
    bitmap = picture(small, "png", style=checked_style(theme=theme_, dots_per_inch=50))
    pixels = np.asarray(Image.open(io.BytesIO(bitmap)).convert("RGBA"))
    assert pixels.shape[1] == 6.4 * 50
    assert pixels[-1, -1, 3] == (0 if theme_ == "dark-transparent" else 255)
    if theme_ == "dark":
        assert "#{:02x}{:02x}{:02x}".format(*pixels[-1, -1, :3]) == DARK.surface
    axes = plot(small, theme=theme_)
    assert to_hex(axes.xaxis.label.get_color()) == DARK.ink
    words = [text for text in axes.figure.texts if text.get_text()]
    assert {to_hex(text.get_color()) for text in words} <= {DARK.ink, DARK.muted}
    assert "#ffffff" in {to_hex(line.get_color()) for line in axes.lines}  # the path stays white


def test_pgf_is_tex_with_the_words_and_its_bitmaps(small):
    packed = zipfile.ZipFile(io.BytesIO(picture(small, "pgf", style=checked_style(width=3.0))))
    text = packed.read("figure.pgf").decode()
    for name in re.findall(r"\{(figure-img\d+\.png)\}", text):
        assert Image.open(io.BytesIO(packed.read(name))).width > 1
    assert len(packed.namelist()) == 1 + text.count(r"\pgfimage")
    assert r"\pgfqpoint{3.000000in}" in text
    for word in ("training loss", "lowest on path", r"PC1 (71 \% of the variance)"):
        assert word in text, word
    opened, closed = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
    assert sorted(opened) == sorted(closed)
    bare = re.sub(r"\\[{}%^]", "", re.sub(r"(?m)(?<!\\)%$", "", text.split(r"\begingroup")[1]))
    assert bare.count("{") == bare.count("}")
    assert picture(small, "pgf") == picture(small, "pgf")


def test_words_are_written_for_tex():
    assert tex_of("a_b & 50 % #1", is_math=False) == r"a\_b \& 50 \% \#1"
    assert tex_of("PC1 \N{MINUS SIGN}2 · ≥ 3", is_math=False) == r"PC1 $-$2 $\cdot$ $\geq$ 3"
    assert tex_of(r"$\mathdefault{10^{-1}}$ %", is_math=True) == r"$\mathdefault{10^{-1}}$ \%"


@pytest.mark.parametrize("options", [
    {"width": "wide"}, {"width": 1.0}, {"width": True}, {"width": "nan"}, {"font": "Arial"},
    {"theme": "sepia"}, {"caption": "above"}, {"dots_per_inch": 10}, {"dots_per_inch": 300.5},
])  # fmt: skip
def test_a_look_that_is_none_is_refused_by_name(options):
    (name,) = options
    with pytest.raises(SpecError, match="dpi" if name == "dots_per_inch" else name):
        checked_style(**options)


def test_a_camera_belongs_to_a_surface(small):
    assert plot(small, "surface", camera=(20, 50)).elev == 50
    with pytest.raises(SpecError, match="camera"):
        plot(small, camera=(20, 50))
    with pytest.raises(SpecError, match="elevation from 3 to 86"):
        plot(small, "surface", camera=(20, 90))
    with pytest.raises(SpecError, match="left out with ax"):
        plot(small, ax=Figure().subplots(), font="serif")


def test_the_command_line_writes_a_caption_and_bitmaps_beside_a_picture(
    small, tmp_path, monkeypatch, capsys
):
    folder = tmp_path
    monkeypatch.chdir(folder)
    netcdf.save(small, folder / "small.nc")
    style = ["--width", "column", "--font", "serif", "--caption", "separate"]
    assert main(["plot", "small.nc", *style, "-o", "one.svg"]) == 0
    expected = checked_style(width="column", font="serif", caption="separate")
    assert (folder / "one.svg").read_bytes() == picture(
        netcdf.load(folder / "small.nc"), "svg", style=expected
    )
    assert "engine version" in (folder / "one.txt").read_text()
    assert main(["plot", "small.nc", "-o", "two.pgf"]) == 0
    text = (folder / "two.pgf").read_text()
    assert {f"{{{file.name}}}" in text for file in folder.glob("two-img*.png")} == {True}
    assert main(["plot", "small.nc", "--width", "column", "-o", "a.csv"]) == 1
    assert "--width" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["slice", "surface"])
def test_a_film_shows_the_path_growing(small, kind, tmp_path):
    few = small.isel(step=slice(0, None, 20))
    target = film(few, tmp_path / "run.webp", kind, seconds=1.0, scale="log")
    frames = [
        np.asarray(one.convert("RGB"), int) for one in ImageSequence.Iterator(Image.open(target))
    ]
    assert len(frames) == few.sizes["step"]
    changed = [(np.abs(one - frames[0]).max(axis=2) > 60).mean() for one in frames]
    assert changed[-1] > changed[1] > 0


def test_what_is_no_film_is_refused(small, tmp_path):
    with pytest.raises(SpecError, match="no path"):
        film(slice_of(valley, 9), tmp_path / "a.gif")
    with pytest.raises(SpecError, match=r"\.gif, \.webp"):
        film(small, tmp_path / "a.avi")
    with pytest.raises(SpecError, match="seconds"):
        film(small, tmp_path / "a.gif", seconds=0.0)
