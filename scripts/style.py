"""One look for every figure: sizes, fonts, a colour per format family, files that do not change.

Colours are Okabe and Ito's, told apart by colour-blind readers; markers repeat what colours say.
"""

import csv
import os
import re
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter  # noqa: E402

COLUMN_WIDTH = 3.3  # inches, one column of a two-column page
PAGE_WIDTH = 6.8

GREY = "#8c8c8c"
REFERENCE_DASH = (0, (4, 2))

FAMILY_COLOURS = {
    "wide float": "#000000",
    "fp8": "#0072B2",
    "fp6": "#56B4E9",
    "fp4": "#009E73",
    "integer": "#D55E00",
    "posit": "#CC79A7",
    "block": "#E69F00",
    "codebook": "#B8A800",  # Okabe and Ito's yellow, darker, so that it shows on white
    "other": "#666666",
}

# Order of the formats within their family, which gives marker and dash. A format that is not here
# takes the next free ones of its family.
_FAMILY_FORMATS = {
    "wide float": ("binary32", "bfloat16", "binary16", "tf32", "binary64"),
    "fp8": ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz", "e4m3ieee", "e3m4"),
    "fp6": ("e3m2fn", "e2m3fn"),
    "fp4": ("e2m1fn", "e3m0"),
    "integer": ("int8", "int6", "int5", "int4", "int3", "int2", "int16"),
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
_DASHES = ("-", (0, (4, 1.2)), (0, (1.2, 1)), (0, (5, 1, 1, 1)), (0, (7, 2)), (0, (2, 2)))

_STYLES = {"paper": 1.0, "slides": 1.7}


def use(style="paper"):
    """Sets matplotlib up: no LaTeX, fonts embedded as Type 42."""
    scale = _STYLES[style]
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "font.family": "DejaVu Sans",
            "mathtext.fontset": "dejavusans",
            "font.size": 7 * scale,
            "axes.labelsize": 7 * scale,
            "axes.titlesize": 7 * scale,
            "xtick.labelsize": 6.5 * scale,
            "ytick.labelsize": 6.5 * scale,
            "legend.fontsize": 6.5 * scale,
            "legend.frameon": False,
            "axes.linewidth": 0.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.minor.width": 0.4,
            "ytick.minor.width": 0.4,
            "lines.linewidth": 1.0,
            "pdf.fonttype": 42,
            "ps.fonttype": 42,
            "savefig.dpi": 300,
            "figure.constrained_layout.use": True,
        }
    )
    return scale


def format_family(name):
    """The family of a format's canonical name ("e4m3fn", "int4", "mxfp4", ...)."""
    if re.match(r"(mx|nv|bfp|block)", name):
        return "block"
    if re.match(r"(u?int|fixed)", name):
        return "integer"
    if re.match(r"(posit|takum)", name):
        return "posit"
    if re.match(r"(codebook|nf4|ternary|binary$)", name):
        return "codebook"
    if re.match(r"(binary(16|32|64)|bfloat16|tf32)$", name):
        return "wide float"
    exmy = re.match(r"u?e(\d+)m(\d+)", name)
    if exmy:
        bits = 1 + int(exmy[1]) + int(exmy[2])
        return {4: "fp4", 5: "fp6", 6: "fp6", 7: "fp8", 8: "fp8"}.get(
            bits, "wide float" if bits > 8 else "fp4"
        )
    return "other"


def format_styles(labels):
    """Colour, marker and dash of each label ("int4", "int4 row"); the first word is the format."""
    styles = {}
    used = {}
    order = sorted(labels, key=lambda label: (_rank(label), label))
    for label in order:
        family = format_family(label.split()[0])
        taken = used.setdefault(family, set())
        index = _rank(label)
        while index in taken:
            index += 1
        taken.add(index)
        styles[label] = {
            "color": FAMILY_COLOURS[family],
            "marker": _MARKERS[index % len(_MARKERS)],
            "linestyle": _DASHES[index % len(_DASHES)],
        }
    return styles


def _rank(label):
    name = label.split()[0]
    known = _FAMILY_FORMATS.get(format_family(name), ())
    return known.index(name) if name in known else len(known)


def count_axis(axis):
    """Writes large counts on a horizontal axis as 20k, 1M."""
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def plain_log_axis(axis, base=10, ticks=9):
    """Writes the ticks of a logarithmic matplotlib axis as 0.01, 1e-5 or 4096.

    Without mathtext, whose parser warns under some versions of pyparsing.
    """
    axis.set_major_locator(_LogTicks(base, numticks=ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))
    axis.set_minor_formatter(NullFormatter())


class _LogTicks(LogLocator):
    """Powers of the base; over little more than a decade 2 and 5 times these too."""

    def tick_values(self, vmin, vmax):
        is_short = self._base == 10 and 0 < vmin and vmax < 30 * vmin
        self.set_params(subs=(1.0, 2.0, 5.0) if is_short else (1.0,))
        return super().tick_values(vmin, vmax)


def _plain(value):
    if value >= 1e-3:
        return f"{value:.6g}"
    return f"{value:.0e}".replace("e-0", "e-")


def wrapped(title):
    """A title on lines that fit a panel."""
    return "\n".join(textwrap.wrap(title, 40))


def write_apart(axis, ends, at_right):
    """Writes each text of (y, x, text) beside its point, moved where texts would overlap."""
    size = plt.rcParams["xtick.labelsize"]
    points_per_pixel = 72 / axis.figure.dpi
    ends = sorted(ends)
    heights = [axis.transData.transform((x, y))[1] * points_per_pixel for y, x, _ in ends]
    places = _apart(heights, size, axis.get_window_extent().y1 * points_per_pixel)
    for (y, x, text), height, place in zip(ends, heights, places):
        axis.annotate(
            text,
            (x, y),
            xytext=(2 if at_right else -6, place - height),
            textcoords="offset points",
            ha="left" if at_right else "right",
            va="center",
            fontsize=size,
        )


def _apart(heights, size, top):
    """Ascending heights, moved up until they are `size` apart, and down again below the top."""
    places = []
    for height in heights:
        places.append(max(height, places[-1] + size) if places else height)
    for index in reversed(range(len(places))):
        places[index] = min(places[index], top)
        top = places[index] - size
    return places


def shade(index, count):
    """A grey for line `index` of `count`: light to dark."""
    return str(0.68 - 0.43 * (index / max(count - 1, 1)))


def legend_below(figure, handles):
    """Adds a legend under the axes, making the figure higher by what it needs."""
    size = plt.rcParams["legend.fontsize"]
    width, height = figure.get_size_inches()
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, min(len(handles), int(width * 72 / (size * (0.58 * longest + 2.8)))))
    rows = -(-len(handles) // columns)
    reserved = (rows * 1.5 + 0.8) * size / 72
    figure.set_size_inches(width, height + reserved)
    share = reserved / (height + reserved)
    figure.set_layout_engine("constrained", rect=(0, share, 1, 1 - share))
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 0),
        ncols=columns,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0.3,
    )


def save(figure, name, folder, header, rows):
    """Writes NAME.pdf, NAME.png and NAME.csv (what is drawn). Equal input gives equal bytes."""
    os.makedirs(folder, exist_ok=True)
    paths = [os.path.join(folder, f"{name}.{kind}") for kind in ("pdf", "png", "csv")]
    figure.savefig(paths[0], metadata={"CreationDate": None, "Producer": None, "Creator": None})
    figure.savefig(paths[1], metadata={"Software": None})
    plt.close(figure)
    with open(paths[2], "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([[_cell(value) for value in row] for row in rows])
    return paths


def _cell(value):
    """Numbers in the shortest form that reads back; nothing for what is not there."""
    if isinstance(value, float):
        return "" if value != value else repr(float(value))
    return value


def short_count(number):
    """12345 as "12k", 1230000 as "1.2M": at most three characters and a unit."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            scaled = number / limit
            return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:.0f}{unit}"
    return f"{number:g}"
