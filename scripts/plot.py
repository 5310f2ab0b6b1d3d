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

from figures import FIGURES, load

USAGE = 2


def list_figures():
    for name, summary in FIGURES.items():
        print(f"{name:<20} {summary}")


def find_figure(name):
    """The module of a figure; without one of that name, ends the program with a suggestion."""
    if name in FIGURES:
        return load(name)
    near = difflib.get_close_matches(name, FIGURES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(FIGURES)
    print(f"plot.py: no figure {name!r}; {hint}", file=sys.stderr)
    sys.exit(USAGE)


def parse_arguments(arguments):
    summary = __doc__.split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(prog="plot.py", description=summary, allow_abbrev=False)
    parser.add_argument("figure", metavar="FIGURE", help="a name that --list prints")
    parser.add_argument("results", metavar="results.h5", help="merged results of one sweep")
    parser.add_argument("-o", "--output", metavar="DIR", help="default: figures/ by the results")
    parser.add_argument("--list", action="store_true", help="print the figures, one a line")
    parser.add_argument(
        "--where",
        metavar="COLUMN=VALUE[,VALUE]",
        action="append",
        default=[],
        help="draw only these runs; may be repeated",
    )
    parser.add_argument("--style", choices=("paper", "slides"), default="paper")
    name = figure_name(arguments)
    if name is not None:
        find_figure(name).add_options(parser.add_argument_group(f"options of {name}"))
    return parser.parse_args(arguments)


def figure_name(arguments):
    """The first argument that is neither an option nor an option's value; None without one."""
    with_value = ("-o", "--output", "--where", "--style")
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in with_value:
            skip = True
        elif not argument.startswith("-"):
            return argument
    return None


def main(arguments):
    if "--list" in arguments:
        list_figures()
        return 0
    try:
        options = parse_arguments(arguments)
        return draw(options)
    except ImportError as error:
        print(
            f"plot.py: {error}; use Debian's Python:\n"
            "  apt-get install python3-numpy python3-h5py python3-matplotlib\n"
            "  /usr/bin/python3 scripts/plot.py ...",
            file=sys.stderr,
        )
        return 1


def draw(options):
    import style
    from results import Results, ResultsError

    folder = options.output or os.path.join(os.path.dirname(options.results), "figures")
    try:
        results = Results(options.results)
        for condition in options.where:
            results = results.where(condition)
        figure, header, rows = load(options.figure).draw(results, options)
        paths = style.save(figure, options.figure, folder, header, rows)
    except (ResultsError, OSError) as error:
        print(f"plot.py: {error}", file=sys.stderr)
        return 1
    for path in paths:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
