// The file of one fit (docs/RESULTS.md, "Fits").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace halfulp {

/// One array of a fit: numbers or texts along named dimensions.
struct FitArray {
  std::string name;
  std::string long_name;
  std::string units;  ///< "1" for pure numbers, empty for text
  std::vector<std::string> dimensions;
  std::vector<std::size_t> shape;
  std::vector<double> numbers = {};
  std::vector<std::string> texts = {};  ///< when there are no numbers
};

struct FitAttribute {
  std::string name;
  std::string text;  ///< when `is_text`
  double number = 0.0;
  bool is_text = true;
};

struct FitRecord {
  std::string name;  ///< of the group under /fits
  std::vector<FitAttribute> attributes;
  std::vector<FitArray> arrays;
};

/// What a fit file says about a law: constants, and one row of them for each bootstrap replicate.
struct StoredFit {
  std::string law, formula;
  std::vector<std::string> parameters;
  std::vector<double> estimates;
  std::vector<std::vector<double>> replicates;
};

/// Reads the first fit of a file of write_fit() or add_fits(). Throws IoError.
StoredFit read_fit(const std::string& path);

/// Writes a new file with the group /fits/<name>, sealed and renamed like results. Throws IoError.
void write_fit(const std::string& path, const FitRecord& record);

/// Adds /fits with a group for each record to a merged results file without it. Throws IoError.
void add_fits(const std::string& path, const std::vector<FitRecord>& records);

}  // namespace halfulp
