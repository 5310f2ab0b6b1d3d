#!/usr/bin/python3
"""Draws one figure of a merged results file: NAME.pdf, NAME.png and NAME.csv (what is drawn).

usage: scripts/plot.py FIGURE results.h5 [-o DIR] [options]
       scripts/plot.py --list
"""

import argparse
import difflib
import os
import sys

sys.dont_write_bytecode = True

try:
    import style
    from figures import FIGURES
    from results import Results, ResultsError
except ImportError as error:
    sys.exit(
        f"plot.py: {error}; use Debian's Python:\n"
        "  apt-get install python3-numpy python3-h5py python3-matplotlib\n"
        "  /usr/bin/python3 scripts/plot.py ..."
    )

USAGE = 2


def list_figures():
    for name, figure in FIGURES.items():
        print(f"{name:<14} {figure.SUMMARY}")


def find_figure(name):
    """The module of a figure; ends the program with a suggestion when there is none of that name."""
    if name in FIGURES:
        return FIGURES[name]
    near = difflib.get_close_matches(name, FIGURES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(FIGURES)
    print(f"plot.py: no figure {name!r}; {hint}", file=sys.stderr)
    sys.exit(USAGE)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="plot.py", description=__doc__.split("\n")[0])
    parser.add_argument("figure", metavar="FIGURE", help="a name that --list prints")
    parser.add_argument("results", metavar="results.h5", help="merged results of one sweep")
    parser.add_argument("-o", "--output", metavar="DIR", help="default: figures/ beside the results")
    parser.add_argument("--list", action="store_true", help="print the figures, one a line")
    parser.add_argument(
        "--where",
        metavar="COLUMN=VALUE[,VALUE]",
        action="append",
        default=[],
        help="draw only these runs; may be repeated",
    )
    parser.add_argument("--style", choices=style.style_names(), default="paper")
    named = [argument for argument in arguments if not argument.startswith("-")]
    if named:
        find_figure(named[0]).add_options(parser.add_argument_group(f"options of {named[0]}"))
    return parser.parse_args(arguments)


def main(arguments):
    if "--list" in arguments:
        list_figures()
        return 0
    options = parse_arguments(arguments)
    folder = options.output or os.path.join(os.path.dirname(options.results), "figures")
    try:
        results = Results(options.results)
        for condition in options.where:
            results = results.where(condition)
        figure, header, rows = FIGURES[options.figure].draw(results, options)
        paths = style.save(figure, options.figure, folder, header, rows)
    except (ResultsError, OSError) as error:
        print(f"plot.py: {error}", file=sys.stderr)
        return 1
    for path in paths:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
