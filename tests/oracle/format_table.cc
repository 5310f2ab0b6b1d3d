#include "tests/oracle/format_table.h"

#include <deque>
#include <memory>

#include "tests/oracle/ordered_table.h"

namespace halfulp::oracle {

namespace {

struct Entry {
  Format format;
  std::unique_ptr<ValueTable> values;
  std::unique_ptr<OrderedTable> ordered;
};

const Entry& entry_of(const Format& format) {
  static std::deque<Entry> entries;
  for (const Entry& entry : entries) {
    if (entry.format == format) return entry;
  }
  Entry entry{format, nullptr, nullptr};
  if (std::holds_alternative<FloatFormat>(format) ||
      std::holds_alternative<IntegerFormat>(format)) {
    entry.values = std::make_unique<ValueTable>(format);
  } else {
    entry.ordered = std::make_unique<OrderedTable>(format);
  }
  return entries.emplace_back(std::move(entry));
}

}  // namespace

Rounded rounded_to(const Format& format, const RoundSpec& spec, double x, std::uint64_t random) {
  const Entry& entry = entry_of(format);
  return entry.values ? entry.values->round(spec, x, random)
                      : entry.ordered->round(spec, x, random);
}

}  // namespace halfulp::oracle
