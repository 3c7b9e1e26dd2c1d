r"""A figure of Matplotlib as PGF, which LaTeX sets in the fonts of the document: real text.

Matplotlib's own backend `pgf` asks LaTeX how wide each word is, so that it needs an installation.
Here words are measured in Matplotlib's own fonts; LaTeX places each by its anchor, so that only
what stands next to a word may be a little nearer or farther. A picture is `\input` from the folder
where its bitmaps lie.
"""

import io
import zipfile
from typing import Any

NAME = "figure"
"""The files of the archive: `figure.pgf`, `figure-img0.png` and so on."""

HEAD = r"""%% A figure of Landscape Lab as PGF. In the preamble of your document:
%%   \usepackage{pgf}
%% and where the figure is to be, with the bitmaps in the same folder:
%%   \input{figure.pgf}
%% The bitmaps of a picture in another folder are found by \graphicspath or the package import.
\begingroup
\makeatletter
\providecommand{\mathdefault}[1]{#1}
\begin{pgfpicture}
"""

FOOT = r"""\end{pgfpicture}
\makeatother
\endgroup
"""

ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""What TeX would take for a command."""

WRITTEN = {
    "\N{NO-BREAK SPACE}": "~", "\N{MINUS SIGN}": "$-$", "α": r"$\alpha$", "β": r"$\beta$",
    "λ": r"$\lambda$", "η": r"$\eta$", "ρ": r"$\rho$", "θ": r"$\theta$", "σ": r"$\sigma$",
    "ε": r"$\varepsilon$", "μ": r"$\mu$", "Δ": r"$\Delta$", "∇": r"$\nabla$", "≥": r"$\geq$",
    "≤": r"$\leq$", "≈": r"$\approx$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$",
    "→": r"$\rightarrow$", "∞": r"$\infty$", "√": r"$\surd$", "…": r"\dots{}", "–": "--",
    "₀": "$_0$", "₁": "$_1$", "₂": "$_2$", "²": "$^2$", "³": "$^3$",
}  # fmt: skip
"""Letters that pdfLaTeX does not know by themselves; others stay, for LuaLaTeX and XeLaTeX."""


def archive(figure: Any, dots_per_inch: float) -> bytes:
    """A figure as a ZIP archive of its PGF file and bitmaps; the same figure, the same bytes."""
    text, images = written(figure, dots_per_inch)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as files:
        for name, data in ((f"{NAME}.pgf", text.encode()), *images.items()):
            files.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return content.getvalue()


def unpacked(content: bytes, stem: str) -> dict[str, bytes]:
    """The files of an archive by name, called after `stem`; the picture names its bitmaps so."""
    files = dict[str, bytes]()
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for name in packed.namelist():
            data = packed.read(name)
            if name.endswith(".pgf"):
                data = data.replace(f"{{{NAME}-img".encode(), f"{{{stem}-img".encode())
                data = data.replace(f"{{{NAME}.pgf}}".encode(), f"{{{stem}.pgf}}".encode())
            files[name.replace(NAME, stem, 1)] = data
    return files


def written(figure: Any, dots_per_inch: float) -> tuple[str, dict[str, bytes]]:
    """A figure as text of PGF, and the PNG files of its bitmaps by name.

    Args:
        figure: of Matplotlib.
        dots_per_inch: of the bitmaps.
    """
    from matplotlib.backends.backend_mixed import MixedModeRenderer

    file, images = io.StringIO(), dict[str, bytes]()
    width, height = figure.get_figwidth(), figure.get_figheight()
    before = figure.dpi
    figure.dpi = dots_per_inch
    try:
        file.write(HEAD)
        box = rf"\pgfpathrectangle{{\pgfpointorigin}}{{\pgfqpoint{{{width:f}in}}{{{height:f}in}}}}"
        file.write(f"{box}\n\\pgfusepath{{use as bounding box, clip}}\n")
        inner = _renderer()(figure, file, images)
        figure.draw(MixedModeRenderer(figure, width, height, dots_per_inch, inner))
        file.write(FOOT)
    finally:
        figure.dpi = before
    return file.getvalue(), images


def tex_of(text: str, *, is_math: bool) -> str:
    """Words as TeX; what is mathematics already, between dollar signs, stays as it is."""
    parts = text.split("$") if is_math else [text]
    said = [
        f"${part}$" if number % 2 else "".join(WRITTEN.get(c, ESCAPED.get(c, c)) for c in part)
        for number, part in enumerate(parts)
    ]
    return "".join(said)


def _renderer() -> type[Any]:
    """Matplotlib's renderer of PGF without LaTeX; made here, as the backend is slow to import."""
    from matplotlib.backend_bases import RendererBase
    from matplotlib.backends.backend_pgf import RendererPgf
    from PIL import Image

    class Renderer(RendererPgf):
        """Words are measured in fonts of Matplotlib, bitmaps are kept."""

        def __init__(self, figure: Any, file: Any, images: dict[str, bytes]) -> None:
            RendererPgf.__init__(self, figure, file)
            self._images = images

        def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
            return RendererBase.get_text_width_height_descent(self, s, prop, ismath)

        def draw_text(  # noqa: PLR0913 - Matplotlib's
            self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
            ismath: Any = False, mtext: Any = None,  # noqa: FBT002
        ) -> None:  # fmt: skip
            plain = prop.copy()  # a family that LaTeX has: that of the document
            plain.set_family("sans-serif" if prop.get_family()[0] == "sans-serif" else "serif")
            words = tex_of(s, is_math=bool(ismath))
            RendererPgf.draw_text(self, gc, x, y, words, plain, angle, ismath=ismath, mtext=mtext)

        def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
            high, wide = im.shape[:2]
            if not high or not wide:
                return
            name = f"{NAME}-img{len(self._images)}.png"
            png = io.BytesIO()
            Image.fromarray(im[::-1]).save(png, "PNG")
            self._images[name] = png.getvalue()
            inch = 1 / self.dpi
            self.fh.write("\\begin{pgfscope}%\n")
            self._print_pgf_clip(gc)
            if transform is None:
                self.fh.write(rf"\pgfsys@transformshift{{{x * inch:f}in}}{{{y * inch:f}in}}%" "\n")
                size = wide * inch, high * inch
            else:
                a, b, c, d, e, f = transform.frozen().to_values()
                numbers = (a * inch, b * inch, c * inch, d * inch)
                matrix = "".join(f"{{{one:f}}}" for one in numbers)
                shift = f"{{{(e + x) * inch:f}in}}{{{(f + y) * inch:f}in}}"
                self.fh.write(rf"\pgfsys@transformcm{matrix}{shift}%" "\n")
                size = 1.0, 1.0
            options = f"interpolate=true,width={size[0]:f}in,height={size[1]:f}in"
            self.fh.write(rf"\pgftext[left,bottom]{{\pgfimage[{options}]{{{name}}}}}%" "\n")
            self.fh.write("\\end{pgfscope}%\n")

    return Renderer
