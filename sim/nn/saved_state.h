// What a checkpoint stores: the named memory that later updates depend on.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace halfulp::nn {

/// Called with every piece of state in a fixed order, to write it out or to overwrite it. Names are
/// dotted and unique within a run ("optimizer.m"). Names and sizes are the same from construction
/// on: a run that is resumed is made anew and then overwritten.
class StateVisitor {
 public:
  virtual ~StateVisitor() = default;
  virtual void visit(std::string_view name, std::span<float> values) = 0;
  virtual void visit(std::string_view name, std::span<double> values) = 0;
  virtual void visit(std::string_view name, std::span<std::int64_t> values) = 0;
};

}  // namespace halfulp::nn
