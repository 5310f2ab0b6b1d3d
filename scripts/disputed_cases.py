#!/usr/bin/env python3
"""Writes docs/DISPUTED.md: inputs that libraries and standards answer differently.

usage: disputed_cases.py ULP [--check FILE]

Every row is a run of ULP. With --check, compares with FILE and ends 1 where they differ.
"""

import pathlib
import subprocess
import sys
import textwrap

# --- casts: (title, text, inputs, [(format, options, what gives these numbers)]) ---

CASTS = [
    (
        "E4M3 above 448",
        "A number is rounded first, then compared with the largest: 464 is a tie between 448 "
        "and 480 that goes to the even code. What lies above is the policy.",
        "449 464 464.0001 465 500 inf -inf -nan",
        [
            ("e4m3fn", "--overflow saturate", "CUDA `satfinite`, ONNX `saturate=1`, OCP SAT"),
            ("e4m3fn", "--overflow nan", "ml_dtypes, JAX, ONNX `saturate=0`, OCP NONSAT"),
            ("e4m3ieee", "--overflow infinity", "ml_dtypes `float8_e4m3`, LLVM `Float8E4M3`"),
            ("e4m3fnuz", "--overflow nan", "ml_dtypes `float8_e4m3fnuz`"),
            ("e4m3fnuz", "--overflow saturate", "ONNX `saturate=1` to FNUZ"),
            ("e4m3finite", "--rounding nearest_away", "QPyTorch's E4M3: max 480, ties away"),
            ("p3109(8,4,signed,extended)", "--overflow sat_none", "IEEE P3109 SatNone"),
            ("p3109(8,4,signed,extended)", "--overflow propagate", "IEEE P3109 SatPropagate"),
            ("p3109(8,4,signed,extended)", "--overflow saturate", "IEEE P3109 SatFinite"),
            ("p3109(8,4,signed,finite)", "--overflow sat_none", "P3109 SatNone, finite domain"),
        ],
    ),
    (
        "E5M2 above 57344",
        "61440 is the middle between 57344 and the 65536 that would follow; that tie goes to the "
        "even code, which is infinity's.",
        "57345 61439 61440 65536 inf nan",
        [
            ("e5m2", "--overflow infinity", "OCP NONSAT, ml_dtypes, IEEE 754"),
            ("e5m2", "--overflow saturate", "OCP SAT, CUDA `satfinite`"),
            ("e5m2", "--overflow propagate", "finite numbers saturate, infinity stays"),
            ("e5m2finite", "--rounding nearest_away", "QPyTorch's E5M2: max 114688, ties away"),
            ("e5m2fnuz", "--overflow nan", "ml_dtypes `float8_e5m2fnuz`"),
        ],
    ),
    (
        "Ties",
        "Nearest is not one rule.",
        "4.25 4.75 -4.25 0.0009765625",
        [
            ("e4m3fn", "--rounding nearest_even", "IEEE 754, ml_dtypes, PyTorch"),
            ("e4m3fn", "--rounding nearest_away", "`nearest` of QPyTorch and microxcaling"),
            ("e4m3fn", "--rounding toward_zero", "`floor` of microxcaling"),
            ("e4m3fn", "--rounding toward_negative", "`floor` elsewhere"),
        ],
    ),
    (
        "TF32",
        "Tensor cores drop the low 13 bits of a binary32 operand; `cvt.rna.tf32` and most "
        "emulators round.",
        "1.00048828125 1.0009765624 -1.0014648438 3.4028234663852886e38",
        [
            ("tf32", "--rounding toward_zero --overflow infinity", "operands of mma"),
            ("tf32", "--rounding nearest_away --overflow infinity", "PTX `cvt.rna.tf32`"),
            (
                "tf32",
                "--rounding nearest_even --overflow infinity",
                "PTX `cvt.rn.tf32`, CPFloat, pychop",
            ),
        ],
    ),
    (
        "NaN, infinity and negative numbers where they do not fit",
        "",
        "nan inf -inf -1 -0",
        [
            ("e2m1fn", "", "NaN is the largest number, as CUDA's conversions to E2M1"),
            ("int8", "", "NaN is 0"),
            ("int8", "--overflow wrap", ""),
            ("e8m0fnu", "", "no zero, no sign: the smallest number"),
            ("e8m0fnu", "--overflow nan", ""),
            ("ue4m3", "", "PTX `.ue4m3`"),
            ("p3109(8,3,unsigned,finite)", "--overflow sat_none", "IEEE P3109 SatNone"),
            (
                "p3109(8,3,unsigned,finite)",
                "--overflow sat_none --rounding toward_zero",
                "the same, rounding into the range",
            ),
        ],
    ),
    (
        "SatNone and the rounding mode",
        "IEEE P3109 v4.0, 4.7.5. The code of infinity is odd in signed formats and even in "
        "unsigned ones, which decides `to_odd`. A finite domain ends at its largest number; gfloat "
        "and FLoPS, which follow other drafts, give NaN there.",
        "1e9 -1e9 inf -inf",
        [
            (f, f"--overflow sat_none --rounding {mode}", "")
            for f in (
                "p3109(8,4,signed,extended)",
                "p3109(8,4,unsigned,extended)",
                "p3109(8,4,signed,finite)",
            )
            for mode in (
                "nearest_even",
                "toward_zero",
                "toward_positive",
                "toward_negative",
                "to_odd",
            )
        ],
    ),
    (
        "Stochastic variants",
        "3 random bits; the second number of a line is R in hexadecimal. 1.0390625 lies 2.5 "
        "eighths of a spacing above 1, 1.0546875 lies 3.5 eighths.",
        "1.0390625_4 1.0390625_5 1.0390625_6 1.0546875_3 1.0546875_4 1.0546875_5",
        [
            (
                "e4m3fn",
                "--rounding stochastic(3)",
                "add and truncate, as hardware; P3109 A; gfloat StochasticFastest",
            ),
            ("e4m3fn", "--rounding stochastic(3,unbiased)", "P3109 B; gfloat StochasticFast"),
            ("e4m3fn", "--rounding stochastic(3,rounded)", "P3109 C; gfloat Stochastic"),
        ],
    ),
    (
        "Three UE5M3 types",
        "",
        "61440 63488 114688 122880 nan",
        [
            ("ue5m3", "--overflow nan", "PTX `.ue5m3`, float8_e5m3fnu: NaN 0xff, max 114688"),
            ("ue5m3ieee", "--overflow infinity", "IEEE 754 conventions: max 61440"),
            ("ue5m3finite", "", "every code a number: max 122880"),
        ],
    ),
    (
        "Fixed point",
        "",
        "1.9921875 1.99 -2 -2.01 0.0078125",
        [
            ("fixed(8,6)", "", "the element of MXINT8, if its lowest code is used"),
            ("fixed(8,6,sym)", "", "MXINT8 with a symmetric range"),
            (
                "fixed(8,6)",
                "--overflow wrap --rounding toward_negative",
                "defaults of `ap_fixed<8,2>`",
            ),
        ],
    ),
]

# --- blocks: (title, text, leading rows, rows, [(SPEC, what gives these numbers)]) ---

BLOCKS = [
    (
        "The scale of an MX block",
        "A block of one number: its scale and what becomes of it. `floor` clips whatever lies "
        "above the element's largest number; 7.9999995 is the binary32 below 8, where a floor of "
        "log2 in binary32 goes wrong.",
        [],
        ["5", "6", "7", "7.9999995", "150", "0", "1e-40", "inf", "nan"],
        [
            ("mxfp4", "OCP MX 1.0, torchao FLOOR"),
            ("mxfp4(even)", "torchao EVEN, Quark"),
            ("mxfp4(ceil)", "torchao CEIL"),
            ("mxfp4(rceil)", "torchao RCEIL, cuBLAS, TransformerEngine"),
            ("mxfp4(microxcaling)", "microxcaling: ties away"),
            ("mxfp8_e4m3", "OCP MX 1.0, torchao FLOOR"),
            ("mxfp8_e4m3(rceil)", "cuBLAS, TransformerEngine"),
            ("mxint8", "OCP MX 1.0"),
        ],
    ),
    (
        "NVFP4, two levels",
        "Blocks of a tensor whose largest number is 1000.3: scale code and element codes. The "
        "third and fourth rows hold numbers on boundaries between two codes, where multiplying by "
        "a reciprocal and dividing differ; random numbers do not show it.",
        ["1000.3 0 0"],
        ["6 3 1.5", "-1 0.3 0.02", "6.698437213897705 2.791015625 0.8373046517372131",
         "89.3125 74.42708587646484 52.09895706176758", "0 0 0", "1e-6 0 0"],
        [
            ("nvfp4(te)", "TransformerEngine's reference"),
            ("nvfp4(torchao)", "torchao: never below the smallest normal scale"),
            ("nvfp4(one_level)", "no tensor scale"),
            ("nvfp4(four_over_six)", "maximum at 6 or at 4, smaller mean absolute error"),
        ],
    ),
]

# --- names that mean several formats ---

NAMES = [
    "e4m3",
    "float8_e4m3",
    "F8_E4M3",
    "f8E4M3",
    "fp8",
    "fp4",
    "bf8",
    "e2m1",
    "e8m0",
    "fp4_e3m0",
    "posit16",
    "q1.6",
    "q15",
    "q4_0",
    "ap_fixed<8,2>",
    "Binary8p4",
    "p3109_p3",
    "mx9",
    "hybrid",
    "e4m3_rne",
]
ROUNDINGS = ["nearest", "floor", "trn", "stochastic", "StochasticFastest(8)", "stochastic_c(8)"]
OVERFLOWS = ["SatFinite", "SatPropagate", "SatNone", "OvfInf", "satfinite", "nonsat"]


def run(ulp, *words, lines=""):
    result = subprocess.run([ulp, *words], input=lines, capture_output=True, text=True)
    return result.stdout, result.stderr.strip()


def cast_section(ulp, title, text, inputs, rows):
    inputs = [word.replace("_", " ") for word in inputs.split()]
    out = [f"## {title}", ""] + (textwrap.wrap(text, 112) + [""] if text else [])
    out.append("| `ulp cast` | " + " | ".join(f"`{x}`" for x in inputs) + " | as |")
    out.append("|---" * (len(inputs) + 2) + "|")
    for name, options, who in rows:
        lines = "".join(x + "\n" for x in inputs)
        results, errors = run(ulp, "cast", name, *options.split(), lines=lines)
        cells = [" ".join(reversed(line.split("\t")[:2])) for line in results.splitlines()]
        if len(cells) != len(inputs):
            sys.exit(f"cast {name} {options}: {errors}")
        words = [name, *options.split()]
        command = " ".join(f"'{word}'" if "(" in word else word for word in words)
        out.append(f"| `{command}` | " + " | ".join(cells) + f" | {who} |")
    return out + [""]


def reading(ulp, *words):
    output, errors = run(ulp, *words)
    note = errors.removeprefix("ulp: ").removeprefix("note: ")
    if output:
        return f"`{output.splitlines()[0]}`" + (f"; {note}" if note else "")
    return "refused: " + note


def casts(ulp):
    return [line for section in CASTS for line in cast_section(ulp, *section)]


def block_cell(line):
    """Scale and value of a single number; codes of a longer block."""
    scale_code, scale, codes, values = line.split("\t")[2:6]
    if " " in codes:
        return f"{scale_code}: " + " ".join(code.removeprefix("0x") for code in codes.split())
    return f"{scale_code} ({float(scale):.6g}): {float(values):.8g}"


def block_section(ulp, title, text, leading, rows, specs):
    out = [f"## {title}", ""] + textwrap.wrap(text, 112) + [""]
    out.append("| `ulp block` | " + " | ".join(f"`{row}`" for row in rows) + " | as |")
    out.append("|---" * (len(rows) + 2) + "|")
    for spec, who in specs:
        lines = "".join(row + "\n" for row in leading + rows)
        results, errors = run(ulp, "block", spec, lines=lines)
        blocks = [line for line in results.splitlines() if not line.startswith("tensor")]
        if len(blocks) != len(leading + rows):
            sys.exit(f"block {spec}: {errors}")
        cells = [block_cell(line) for line in blocks[len(leading):]]
        command = f"'{spec}'" if "(" in spec else spec
        out.append(f"| `{command}` | " + " | ".join(cells) + f" | {who} |")
    return out + [""]


def blocks(ulp):
    return [line for section in BLOCKS for line in block_section(ulp, *section)]


def names(ulp):
    out = ["## Names", "", "What `ulp show NAME` makes of names with several readings.", ""]
    out += ["| name | reading |", "|---|---|"]
    return out + [f"| `{name}` | {reading(ulp, 'show', name)} |" for name in NAMES] + [""]


def policies(ulp):
    """Options on a number above the range (225 with R = 7 where the rounding is stochastic)."""
    out = ["## Roundings and overflow policies", ""]
    out += ["| text | `ulp cast 'p3109(8,4,signed,extended)'` with it |", "|---|---|"]
    for option, texts in (("--rounding", ROUNDINGS), ("--overflow", OVERFLOWS)):
        for text in texts:
            line = "225 7" if "(" in text else "1e9"
            words = ["cast", "p3109(8,4,signed,extended)", option, text]
            results, errors = run(ulp, *words, lines=line + "\n")
            refusal = "refused: " + errors.removeprefix("ulp: ")
            result = f"{line} is {results.split()[1]}" if results else refusal
            out.append(f"| `{option} {text}` | {result} |")
    return out


# Each gives the lines of one or more sections.
SECTIONS = [casts, blocks, names, policies]

HEAD = """# Disputed cases

One input, several answers. Each cell is what `ulp cast` prints for the format and the options of
its row: the number and its code; for blocks, what `ulp block` prints: the scale's code (and the
scale) and the value of a single number, or the codes of several. The last column names who gives
these results, or where the rule stands. Written by `scripts/disputed_cases.py ./ulp`; a test
compares it.
"""


def page(ulp):
    return "\n".join([HEAD] + [line for section in SECTIONS for line in section(ulp)]) + "\n"


def main():
    if len(sys.argv) not in (2, 4) or (len(sys.argv) == 4 and sys.argv[2] != "--check"):
        sys.exit(__doc__)
    text = page(sys.argv[1])
    if len(sys.argv) == 2:
        print(text, end="")
        return
    if pathlib.Path(sys.argv[3]).read_text() != text:
        sys.exit(f"{sys.argv[3]} differs; write it with scripts/disputed_cases.py ./ulp")


if __name__ == "__main__":
    main()
