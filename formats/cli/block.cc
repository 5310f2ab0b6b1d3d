// ulp block: quantizes rows of numbers to a block format. `ulp help block` documents it.
#include <fmt/core.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "formats/block.h"
#include "formats/block_spec.h"
#include "formats/cli/line_protocol.h"
#include "formats/cli/verbs.h"
#include "formats/codec.h"
#include "formats/named_block_formats.h"
#include "formats/number_text.h"
#include "formats/round.h"
#include "formats/spec.h"

namespace halfulp::cli {

namespace {

const Format kBinary32 = FloatFormat{8, 23, 127};

constexpr std::string_view kBlockHelp =
    "Reads rows of numbers from standard input, one row a line, and writes one line for each "
    "block:\n"
    "  ROWS TAB COLUMNS TAB SCALE_CODE TAB SCALE TAB CODES TAB VALUES TAB ERROR\n"
    "ROWS and COLUMNS say where the block is (1-32). CODES and VALUES are separated by blanks, "
    "row\n"
    "after row. ERROR is the root of the mean square of value - operand. Formats with zero points\n"
    "write SCALE_CODE,ZERO_POINT; formats with a tensor scale a first line `tensor TAB SCALE`.\n"
    "Operands: values (1.5, 3e-7, 0x1.8p0, nan, -inf), rounded to binary32 first, or codes (0x3c)\n"
    "of the --from format. Each row is quantized as it is read, unless blocks or scales cross "
    "rows;\n"
    "then all rows need the same number of operands. Blank lines are skipped; a bad line is "
    "reported\n"
    "on standard error, has no output, and makes the exit code 1 (a tensor that is quantized as\n"
    "a whole then has no output at all).\n"
    "SPEC: a name (mxfp4, mxfp8_e4m3, nvfp4, ...), a name with options (mxfp4(rceil),\n"
    "nvfp4(torchao), nvfp4(16x16), mxfp8_e4m3(block=16,axis=columns)) or in full\n"
    "(mx(e2m1fn,block=32,scale=e8m0fnu:floor), bfp(4,block=16), dfp(8),\n"
    "grouped(int4,block=128,scale=binary16)). docs/FORMATS.md has the grammar.\n"
    "  --from FORMAT  format of code operands; binary32 without it\n"
    "  --random HEX   R of every element under stochastic rounding\n"
    "  --hex          values as hexadecimal floats\n"
    "  --json         one JSON object a block\n"
    "  --canonical    prints SPEC with every policy written out, and reads nothing\n"
    "  --list         the named block formats, and reads nothing (no SPEC)\n"
    "  example: echo 0.1 -2.5 3 7.7 | ulp block mxfp4\n";

struct Job {
  BlockFormat format;
  Format from;
  std::uint64_t random = 0;
  bool has_random = false;
  bool hex = false;
  bool json = false;
};

struct Rows {
  std::vector<float> values;
  std::size_t first_row = 0;  ///< 0-based
  std::size_t rows = 0;
  std::size_t cols = 0;
};

std::string value_text(const Job& job, double x) {
  const Number number = from_double(x);
  return job.hex ? to_hex_float(number) : to_text(number);
}

/// As a JSON value: numbers bare, the rest quoted.
std::string json_value(const Job& job, double x) {
  const std::string text = value_text(job, x);
  return std::isfinite(x) && !job.hex ? text : "\"" + text + "\"";
}

std::string range_text(std::size_t first, std::size_t count) {
  return count == 1 ? fmt::format("{}", first + 1) : fmt::format("{}-{}", first + 1, first + count);
}

/// The place of one block in its tensor.
struct Place {
  std::size_t index, row, col, rows, cols;
};

std::vector<Place> places(const Job& job, const BlockTensor& tensor) {
  const bool is_down = job.format.axis == BlockAxis::columns;
  const auto length = static_cast<std::size_t>(job.format.length);
  const auto lines = static_cast<std::size_t>(job.format.lines);
  const std::size_t height = length == 0 ? tensor.rows : (is_down ? length : lines);
  const std::size_t width = length == 0 ? tensor.cols : (is_down ? lines : length);
  std::vector<Place> all;
  for (std::size_t i = 0; i < tensor.block_rows; ++i) {
    for (std::size_t j = 0; j < tensor.block_cols; ++j) {
      all.push_back({all.size(), i * height, j * width, std::min(height, tensor.rows - i * height),
                     std::min(width, tensor.cols - j * width)});
    }
  }
  return all;
}

void write_block(const Job& job, const Rows& in, const BlockTensor& tensor, const Place& place,
                 fmt::memory_buffer& out) {
  std::string codes;
  std::string values;
  double squares = 0;
  for (std::size_t r = place.row; r < place.row + place.rows; ++r) {
    for (std::size_t c = place.col; c < place.col + place.cols; ++c) {
      const std::size_t i = r * tensor.cols + c;
      const std::string code = code_text(job.format.element, tensor.codes[i]);
      const std::string_view comma = codes.empty() ? "" : (job.json ? "," : " ");
      const std::string_view quote = job.json ? "\"" : "";
      codes += fmt::format("{}{}{}{}", comma, quote, code, quote);
      const auto value = static_cast<double>(tensor.values[i]);
      values +=
          fmt::format("{}{}", comma, job.json ? json_value(job, value) : value_text(job, value));
      const double error = value - static_cast<double>(in.values[i]);
      squares += error * error;
    }
  }
  const double count = static_cast<double>(place.rows) * static_cast<double>(place.cols);
  const double rms = std::sqrt(squares / count);
  const Code scale_code = tensor.scales[place.index];
  const double scale = to_double(decode(job.format.scale, scale_code));
  const std::string rows = range_text(in.first_row + place.row, place.rows);
  const std::string cols = range_text(place.col, place.cols);
  const std::string code = code_text(job.format.scale, scale_code);
  const bool has_zero_point = !tensor.zero_points.empty();
  const int zero_point = has_zero_point ? tensor.zero_points[place.index] : 0;
  auto to = std::back_inserter(out);
  if (job.json) {
    fmt::format_to(to, "{{\"rows\":\"{}\",\"columns\":\"{}\",\"scale_code\":\"{}\",\"scale\":{}",
                   rows, cols, code, json_value(job, scale));
    if (has_zero_point) fmt::format_to(to, ",\"zero_point\":{}", zero_point);
    if (job.format.tensor_bound != 0) {
      fmt::format_to(to, ",\"tensor_scale\":{}",
                     json_value(job, static_cast<double>(tensor.tensor_scale)));
    }
    fmt::format_to(to, ",\"codes\":[{}],\"values\":[{}],\"error\":{}}}\n", codes, values,
                   json_value(job, rms));
    return;
  }
  fmt::format_to(to, "{}\t{}\t{}{}\t{}\t{}\t{}\t{}\n", rows, cols, code,
                 has_zero_point ? fmt::format(",{}", zero_point) : "", value_text(job, scale),
                 codes, values, value_text(job, rms));
}

void quantize_rows(const Job& job, const Rows& in, fmt::memory_buffer& out) {
  const auto random = [&](std::size_t) { return job.random; };
  const BlockTensor tensor =
      quantize_blocks(job.format, in.values.data(), in.rows, in.cols, random);
  if (job.format.tensor_bound != 0 && !job.json && in.cols > 0) {
    fmt::format_to(std::back_inserter(out), "tensor\t{}\n",
                   value_text(job, static_cast<double>(tensor.tensor_scale)));
  }
  for (const Place& place : places(job, tensor)) write_block(job, in, tensor, place, out);
}

/// Empty for a blank line. Throws LineError.
std::vector<float> read_row(const Job& job, std::string_view line) {
  std::vector<float> row;
  std::size_t position = 0;
  for (Word word = take_word(line, position); !word.text.empty();
       word = take_word(line, position)) {
    Flags flags;
    const Number number = round_to(kBinary32, {Rounding::nearest_even, Overflow::infinity},
                                   read_operand(job.from, word), 0, flags);
    row.push_back(static_cast<float>(to_double(number)));
  }
  return row;
}

bool crosses_rows(const BlockFormat& format) {
  return format.length == 0 || format.lines > 1 || format.tensor_bound != 0 ||
         format.axis == BlockAxis::columns;
}

Job read_job(const Arguments& arguments) {
  if (arguments.positional().size() != 1) {
    throw UsageError("block takes one SPEC, for example: ulp block mxfp4");
  }
  Job job;
  std::string note;
  job.format = parse_block_format(arguments.positional().front(), note);
  if (!note.empty()) fmt::print(stderr, "ulp: note: {}\n", note);
  job.from = arguments.has("--from") ? read_format(arguments.value("--from", "")) : kBinary32;
  job.has_random = arguments.has("--random");
  if (job.has_random) {
    const std::optional<Code> random = parse_hex(arguments.value("--random", ""));
    if (!random) throw UsageError("--random takes hexadecimal digits, for example --random 1f");
    job.random = static_cast<std::uint64_t>(*random);
  } else if (job.format.rounding.rounding == Rounding::stochastic) {
    throw UsageError("stochastic rounding needs R: --random HEX");
  }
  job.hex = arguments.has("--hex");
  job.json = arguments.has("--json");
  return job;
}

int list_block_formats() {
  for (const NamedBlockFormat& row : named_block_formats()) {
    fmt::print("{}\t{}\t{}\t{}\n", row.name, bits_per_element(row.format), to_spec(row.format),
               row.source);
  }
  return 0;
}

int run_block(const Arguments& arguments) {
  if (arguments.has("--list")) return list_block_formats();
  const Job job = read_job(arguments);
  if (arguments.has("--canonical")) {
    fmt::print("{}\n", to_spec(job.format));
    return 0;
  }
  const bool whole = crosses_rows(job.format);
  Rows all;
  const int exit_code =
      for_each_line([&](std::string_view line, std::size_t number, fmt::memory_buffer& out) {
        const std::vector<float> row = read_row(job, line);
        if (row.empty()) return;
        if (!whole) {
          try {
            quantize_rows(job, {row, number - 1, 1, row.size()}, out);
          } catch (const OverflowError& error) {
            throw LineError(error.what(), 1);
          }
          return;
        }
        if (all.rows > 0 && row.size() != all.cols) {
          throw LineError(
              fmt::format("{} operands where the rows before have {}", row.size(), all.cols), 1);
        }
        all.cols = row.size();
        ++all.rows;
        all.values.insert(all.values.end(), row.begin(), row.end());
      });
  if (!whole || all.rows == 0 || exit_code != 0) return exit_code;
  fmt::memory_buffer out;
  try {
    quantize_rows(job, all, out);
  } catch (const OverflowError& error) {
    fmt::print(stderr, "ulp: {}\n", error.what());
    return 1;
  }
  fmt::print("{}", fmt::to_string(out));
  return 0;
}

}  // namespace

Verb block_verb() {
  return {
      "block",
      "SPEC [--from FORMAT] [--random HEX] [--hex] [--json] [--canonical] [--list]",
      "quantizes the rows on standard input to a block format",
      kBlockHelp,
      {{"--from", true}, {"--random", true}, {"--hex"}, {"--json"}, {"--canonical"}, {"--list"}},
      run_block};
}

}  // namespace halfulp::cli
