// AccumulatorSpec to text: to_spec of accumulator_spec.h.
#include <string>

#include "formats/accumulator_spec.h"
#include "formats/spec.h"

namespace halfulp {

namespace {

std::string policy_text(const RoundSpec& spec) {
  return "+" + rounding_to_string(spec) + "+" + std::string(to_string(spec.overflow));
}

std::string number_option(const char* name, int n) {
  return std::string(name) + "(" + std::to_string(n) + ")";
}

std::string order_text(const SumOrder& order) {
  switch (order.order) {
    case Order::sequential:
      return {};
    case Order::pairwise:
      return order.length == 0 ? "+pairwise" : "+" + number_option("pairwise", order.length);
    case Order::blocked:
      return "+" + number_option("blocked", order.length);
    case Order::interleaved:
      break;
  }
  return "+" + number_option("interleaved", order.length);
}

std::string text_of(const RoundedSum& sum) {
  std::string text = to_spec(sum.sum);
  if (sum.every != 1) text += "+" + number_option("every", sum.every);
  text += order_text(sum.order);
  if (sum.flush) {
    text += "+flush(" + std::to_string(sum.flush->operand_exponents[0]) + "," +
            std::to_string(sum.flush->operand_exponents[1]) + ")";
  }
  return text;
}

std::string text_of(const CompensatedSum& sum) {
  const bool is_kahan = sum.method == CompensatedSum::Method::kahan;
  return std::string(is_kahan ? "kahan(" : "two_sum(") + to_spec(sum.sum.format) + ")" +
         policy_text(sum.sum.rounding);
}

std::string text_of(const ExactAccumulation& sum) {
  std::string text = "exact(" + to_spec(sum.sum.format) + ")" + policy_text(sum.sum.rounding);
  if (sum.every != 0) text += "+" + number_option("every", sum.every);
  return text;
}

std::string addend_text(const AlignedSum& sum) {
  switch (sum.addend) {
    case AlignedSum::Addend::aligned:
      return ",addend=aligned";
    case AlignedSum::Addend::separate:
      return ",addend=separate" + (sum.addition ? ",addition=" + to_spec(*sum.addition) : "");
    case AlignedSum::Addend::realigned:
      break;
  }
  return ",addend=realigned,realigned_bits=" + std::to_string(sum.realigned_bits) +
         (sum.drops_far_addend ? ",drops_far_addend" : "");
}

std::string text_of(const AlignedSum& sum) {
  std::string text = "aligned(" + to_spec(sum.sum.format) + "," + std::to_string(sum.terms) + "," +
                     std::to_string(sum.fraction_bits);
  text.append(",alignment=").append(to_string(sum.alignment));
  if (sum.lanes != 1) text += ",lanes=" + std::to_string(sum.lanes);
  if (sum.exact_products != 1) text += ",exact_products=" + std::to_string(sum.exact_products);
  if (sum.interleave != 0) text += ",interleave=" + std::to_string(sum.interleave);
  text += ",least_exponent=" + std::to_string(sum.least_exponent);
  text += ",exponents=" + std::to_string(sum.operand_exponents[0]) + ":" +
          std::to_string(sum.operand_exponents[1]);
  if (sum.flush_operands) text += ",flush_operands";
  if (sum.products_overflow) text += ",products_overflow";
  return text + addend_text(sum) + ")" + policy_text(sum.sum.rounding);
}

}  // namespace

std::string to_spec(const Destination& destination) {
  return to_spec(destination.format) + policy_text(destination.rounding);
}

std::string to_spec(const AccumulatorSpec& spec) {
  std::string text = std::visit([](const auto& method) { return text_of(method); }, spec.method);
  if (spec.product) text += "+product(" + to_spec(*spec.product) + ")";
  if (spec.promotion) {
    text += "+promote(" + std::to_string(spec.promotion->interval) + "," +
            to_spec(spec.promotion->outer) + ")";
  }
  if (spec.result) text += "+result(" + to_spec(*spec.result) + ")";
  if (spec.addend_last) text += "+addend_last";
  if (spec.shared_draws) text += "+shared_draws";
  return text;
}

}  // namespace halfulp
