"""The gallery's figure of block formats: what a block stores, and how far its elements reach."""

import subprocess

import numpy as np

import gallery_data

# Spec, element, block length, bits of the scale.
BLOCKS = (
    ("mxfp8_e4m3", "e4m3fn", 32, 8),
    ("mxint8", "fixed(8,6)", 32, 8),
    ("mxfp6_e2m3", "e2m3fn", 32, 8),
    ("mxfp4", "e2m1fn", 32, 8),
    ("mxfp4(rceil)", "e2m1fn", 32, 8),
    ("nvfp4", "e2m1fn", 16, 8),
)
_ROW = 0.34
_CURVES = 1.9
_AMAX = (1.0, 1.9)


def draw(ulp, looks):
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    import style

    style.use()
    height = _ROW * len(BLOCKS)
    figure = plt.figure(figsize=(style.PAGE_WIDTH, 1.3 * height + _CURVES + 0.5))
    grid = figure.add_gridspec(2, 2, height_ratios=(1.3 * height, _CURVES))
    _draw_bits(figure.add_subplot(grid[0, 0]))
    _draw_values(figure.add_subplot(grid[0, 1]), ulp)
    names = _draw_reach(figure.add_subplot(grid[1, :]), ulp, looks)
    handles = [Line2D([], [], label=name, linewidth=1.0, **look) for name, look in names]
    style.legend_below(figure, handles)
    return figure


def _draw_bits(axis):
    """A block as a strip: the scale, then its elements."""
    from matplotlib.patches import Rectangle

    for row, (_, element, length, scale) in enumerate(BLOCKS):
        bits = _element_bits(element)
        strip = {"edgecolor": "white", "linewidth": 0.4}
        axis.add_patch(Rectangle((0, row - 0.3), scale, 0.6, facecolor="#E69F00", **strip))
        for i in range(length):
            place = (scale + i * bits, row - 0.3)
            axis.add_patch(Rectangle(place, bits, 0.6, facecolor="#56B4E9", **strip))
        total = scale + length * bits
        axis.text(total + 4, row, f"{total / length:g} a number", va="center", fontsize=5.5)
    axis.set_xlim(-2, 360)
    axis.set_ylim(len(BLOCKS) - 0.4, -0.6)
    axis.set_yticks(range(len(BLOCKS)), [spec for spec, *_ in BLOCKS])
    axis.set_xticks([0, 64, 128, 192, 256])
    axis.set_title("bits of a block: scale and elements")
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def _element_bits(element):
    return {"e4m3fn": 8, "fixed(8,6)": 8, "e2m3fn": 6, "e2m1fn": 4}[element]


def _draw_values(axis, ulp):
    """The numbers a block can hold when its largest magnitude is 1 (above) and 1.9 (below)."""
    for row, (spec, element, length, _) in enumerate(BLOCKS):
        values = gallery_data.picture(ulp, element).values
        scales = _scales(ulp, spec, length, _AMAX)
        for part, (amax, scale) in enumerate(zip(_AMAX, scales)):
            low = row - 0.32 + 0.33 * part
            axis.vlines(values * scale, low, low + 0.28, linewidth=0.45, color="0.25", zorder=2)
            mark = {"color": "#D55E00", "linewidth": 1.3, "zorder": 3}
            axis.plot([amax, amax], [low - 0.02, low + 0.3], **mark)
    axis.set_xlim(0, 2.6)
    axis.set_ylim(len(BLOCKS) - 0.4, -0.6)
    axis.set_yticks([])
    axis.set_title("numbers beside a largest magnitude (red) of 1 and 1.9")
    axis.spines["left"].set_visible(False)


def _draw_reach(axis, ulp, looks):
    """The largest number a block can hold over its largest magnitude, against that magnitude."""
    amax = 2.0 ** ((np.arange(256) + 0.5) / 128 - 1)
    drawn = []
    chosen = ("mxfp8_e4m3", "mxint8", "mxfp4", "mxfp4(rceil)", "nvfp4")
    for (spec, element, length, _), look in zip((b for b in BLOCKS if b[0] in chosen), looks):
        reach = gallery_data.picture(ulp, element).values.max() * _scales(ulp, spec, length, amax)
        axis.plot(np.log2(amax), reach / amax, linewidth=1.0, **look)
        drawn.append((spec, look))
    axis.axhline(1.0, color="0.7", linewidth=0.7, zorder=0)
    axis.text(-0.98, 0.9, "below: the largest is clipped", va="top", fontsize=5.5, color="0.4")
    axis.set_xlabel("log2 of the block's largest magnitude")
    axis.set_ylabel("reach over largest magnitude")
    return drawn


def _scales(ulp, spec, length, amax):
    """The scale of a block with each of these largest magnitudes; two-level scales multiplied."""
    rows = "".join(" ".join([repr(float(a))] + ["0"] * (length - 1)) + "\n" for a in amax)
    done = subprocess.run(
        [ulp, "block", spec], input=rows, capture_output=True, text=True, check=True
    )
    tensor, scales = 1.0, []
    for line in done.stdout.splitlines():
        fields = line.split("\t")
        if fields[0] == "tensor":
            tensor = float(fields[1])
        else:
            scales.append(float(fields[3]) * tensor)
    return np.array(scales)
