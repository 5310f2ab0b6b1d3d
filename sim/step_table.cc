#include "sim/step_table.h"

namespace halfulp {

namespace {

constexpr std::size_t kMaxBuckets = std::size_t{1} << 15;

template <class T>
class StepFinder {
 public:
  using Table = StepTable<T>;
  using Key = typename Table::Key;

  explicit StepFinder(const std::function<T(T)>& round) : round_(round) {}

  /// Appends the steps among the keys first .. last.
  void scan(Key first, Key last) {
    const T low = at(first);
    append(first, low);
    if (first != last) split(first, low, last, at(last));
  }

  Table table;

 private:
  T at(Key key) const { return round_(Table::operand_of(key)); }

  static bool same(T a, T b) { return std::bit_cast<Key>(a) == std::bit_cast<Key>(b); }

  void append(Key key, T value) {
    if (!table.values.empty()) {
      if (same(table.values.back(), value)) return;
      table.thresholds.push_back(key);
    }
    table.values.push_back(value);
  }

  /// Appends what begins in (low, high].
  void split(Key low, T low_value, Key high, T high_value) {
    if (same(low_value, high_value)) return;
    if (high - 1 == low) {
      append(high, high_value);
      return;
    }
    const auto middle = static_cast<Key>((low & high) + ((low ^ high) >> 1));
    const T middle_value = at(middle);
    split(low, low_value, middle, middle_value);
    split(middle, middle_value, high, high_value);
  }

  const std::function<T(T)>& round_;
};

template <class T>
using Unsigned = std::make_unsigned_t<typename StepTable<T>::Key>;

template <class T>
std::size_t bucket_of(const StepTable<T>& table, typename StepTable<T>::Key key, int shift) {
  const auto distance = static_cast<Unsigned<T>>(static_cast<Unsigned<T>>(key) -
                                                 static_cast<Unsigned<T>>(table.low_key));
  return static_cast<std::size_t>(distance >> shift);
}

/// Most thresholds in one bucket.
template <class T>
std::size_t largest_bucket(const StepTable<T>& table, int shift) {
  std::size_t largest = 0;
  std::size_t count = 0;
  std::size_t current = ~std::size_t{0};
  for (const auto threshold : table.thresholds) {
    const std::size_t bucket = bucket_of(table, threshold, shift);
    count = bucket == current ? count + 1 : 1;
    current = bucket;
    largest = std::max(largest, count);
  }
  return largest;
}

template <class T>
void make_buckets(StepTable<T>& table) {
  using Key = typename StepTable<T>::Key;
  if (!table.thresholds.empty()) {
    table.low_key = table.thresholds.front() - 1;
    table.high_key = table.thresholds.back();
  }
  // The fewest buckets of at most one threshold, or the most there may be.
  int shift = 8 * static_cast<int>(sizeof(T)) - 1;
  while (shift > 0 && largest_bucket(table, shift) > 1 &&
         bucket_of(table, table.high_key, shift - 1) < kMaxBuckets) {
    --shift;
  }
  table.shift = shift;
  table.levels = static_cast<int>(std::bit_width(largest_bucket(table, shift)));
  const std::size_t buckets = bucket_of(table, table.high_key, shift) + 1;
  std::size_t passed = 0;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    while (passed < table.thresholds.size() &&
           bucket_of(table, table.thresholds[passed], shift) < bucket) {
      ++passed;
    }
    table.first.push_back(static_cast<Key>(passed));
  }
}

/// The middle threshold, then those of the two halves, and so on: 1 + 2 + 4 + 8 of them, each level
/// padded to 8.
template <class T>
void make_tree(StepTable<T>& table) {
  using Key = typename StepTable<T>::Key;
  if (table.values.size() > kTreeValues) return;
  for (std::size_t level = 0; level < 4; ++level) {
    const std::size_t stride = 16U >> level;
    for (std::size_t node = 0; node < 8; ++node) {
      const std::size_t i = stride / 2 - 1 + node * stride;
      const bool exists = i < table.thresholds.size();
      table.tree.push_back(exists ? table.thresholds[i] - 1 : std::numeric_limits<Key>::max());
    }
  }
  table.tree.resize(48, std::numeric_limits<Key>::max());  // a whole vector from each level on
}

}  // namespace

template <class T>
StepTable<T> make_step_table(const std::function<T(T)>& round) {
  using Table = StepTable<T>;
  using Key = typename Table::Key;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  StepFinder<T> finder(round);
  // Infinities and the two zeros are steps of their own; a NaN beyond either end is no obstacle.
  finder.scan(Table::key_of(-kInfinity), Table::key_of(-kInfinity));
  finder.scan(Table::key_of(-std::numeric_limits<T>::max()), Table::key_of(-T{0}));
  finder.scan(Table::key_of(T{0}), Table::key_of(std::numeric_limits<T>::max()));
  finder.scan(Table::key_of(kInfinity), Table::key_of(kInfinity));
  Table table = std::move(finder.table);
  make_buckets(table);
  make_tree(table);
  for (int i = 0; i < 1 << table.levels; ++i) {
    table.thresholds.push_back(std::numeric_limits<Key>::max());
  }
  const T last = table.values.back();
  table.values.resize(std::max(table.values.size(), kTreeValues), last);
  return table;
}

template StepTable<float> make_step_table(const std::function<float(float)>&);
template StepTable<double> make_step_table(const std::function<double(double)>&);

}  // namespace halfulp
