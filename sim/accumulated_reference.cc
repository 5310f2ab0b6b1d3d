#include "sim/accumulated_reference.h"

#include <string>
#include <vector>

#include "formats/accumulate.h"
#include "formats/round.h"
#include "sim/accumulated_gemm.h"
#include "sim/accumulator_draws.h"

namespace halfulp {

namespace {

Number number(float x) { return from_double(static_cast<double>(x)); }

}  // namespace

void accumulated_reference(const AccumulatorSpec& spec, const GemmTask& task) {
  const std::size_t depth = task.depth;
  std::vector<Number> columns(task.c.cols * depth);
  for (std::size_t n = 0; n < task.c.cols; ++n) {
    for (std::size_t k = 0; k < depth; ++k) columns[n * depth + k] = number(task.right(k, n));
  }
  std::vector<Number> row(depth);
  for (std::size_t m = 0; m < task.c.rows; ++m) {
    for (std::size_t k = 0; k < depth; ++k) row[k] = number(task.left(m, k));
    for (std::size_t n = 0; n < task.c.cols; ++n) {
      const auto draws = [&](std::uint64_t j) -> std::uint64_t {
        return accumulator_draw(task.stream, task.first_row + m, n, task.c.cols, j,
                                spec.shared_draws);
      };
      Flags flags;
      try {
        const std::span<const Number> column(columns.data() + n * depth, depth);
        const Number sum = accumulate(spec, row, column, number(task.start(m, n)), draws, flags);
        task.c.data[m * task.c.stride + n] = static_cast<float>(to_double(sum));
      } catch (const OverflowError& error) {
        throw OverflowError(std::string(error.what()) + " in row " + std::to_string(m) +
                            ", column " + std::to_string(n) + " of a matrix product");
      }
      if (task.report != nullptr && flags.overflow) ++task.report->overflows;
    }
  }
}

}  // namespace halfulp
