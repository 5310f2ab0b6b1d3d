#pragma once

#include <stdexcept>

namespace halfulp {

/// A file or disk that did not do its part; what() names the path and the reason.
class IoError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace halfulp
