#include "import/einsum.h"

#include <algorithm>
#include <cctype>

namespace atl {
namespace {

/// A value and one label for each of its axes. Letters are themselves; axis i of the ellipsis, counted from its end, is -1 - i.
struct Labelled {
  Value value;
  std::vector<int> labels;
  int64_t axis(int label) const { return std::find(labels.begin(), labels.end(), label) - labels.begin(); }
  bool has(int label) const { return size_t(axis(label)) < labels.size(); }
};

class Einsum {
 public:
  explicit Einsum(Builder& b) : b_(b) {}

  Value run(std::string_view equation, const Values& operands) {
    std::string text;
    for (char ch : equation)
      if (ch != ' ') text += ch;
    const size_t arrow = text.find("->");
    std::vector<std::string> terms = split(text.substr(0, arrow));
    if (terms.size() != operands.size() || operands.empty())
      return refuse(fmt::format("{} subscripts for {} operands", terms.size(), operands.size()));
    std::vector<Labelled> in;
    for (size_t i = 0; i < operands.size() && !b_.failed(); ++i) in.push_back(read(terms[i], operands[i]));
    if (b_.failed()) return {};
    std::vector<int> output =
        arrow == std::string::npos ? implicit_output(in) : labels_of(text.substr(arrow + 2), ellipsis_rank_, nullptr);
    Labelled acc = take_diagonals(in[0]);
    for (size_t i = 1; i < in.size() && !b_.failed(); ++i)
      acc = join(acc, take_diagonals(in[i]), later(in, i + 1, output), output);
    if (b_.failed()) return {};
    return arrange(sum_missing(acc, output), output);
  }

 private:
  Value refuse(std::string_view what) {
    b_.fail(error(Code::kArgument, fmt::format("einsum: {}", what)));
    return {};
  }

  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts{""};
    for (char ch : text) {
      if (ch == ',')
        parts.emplace_back();
      else
        parts.back() += ch;
    }
    return parts;
  }

  /// Labels of one term whose ellipsis stands for `dots` axes. `has_dots` tells whether there was one.
  std::vector<int> labels_of(const std::string& term, size_t dots, bool* has_dots) {
    std::vector<int> labels;
    if (has_dots) *has_dots = false;
    for (size_t i = 0; i < term.size(); ++i) {
      if (term.compare(i, 3, "...") == 0) {
        for (size_t k = dots; k-- > 0;) labels.push_back(-1 - int(k));
        if (has_dots) *has_dots = true;
        i += 2;
      } else if (std::isalpha(static_cast<unsigned char>(term[i]))) {
        labels.push_back(term[i]);
      } else {
        refuse(fmt::format("'{}' in the subscripts '{}'", term[i], term));
        return {};
      }
    }
    return labels;
  }

  Labelled read(const std::string& term, Value v) {
    bool has_dots = false;
    const size_t letters = labels_of(term, 0, &has_dots).size(), rank = b_.rank(v);
    if (b_.failed()) return {};
    if (letters > rank || (!has_dots && letters != rank)) {
      refuse(fmt::format("subscripts '{}' for an operand of shape {}", term, to_string(b_.shape(v))));
      return {};
    }
    ellipsis_rank_ = std::max(ellipsis_rank_, rank - letters);
    return {v, labels_of(term, rank - letters, nullptr)};
  }

  // Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order.
  std::vector<int> implicit_output(const std::vector<Labelled>& in) const {
    std::vector<int> all, out;
    for (const Labelled& v : in) all.insert(all.end(), v.labels.begin(), v.labels.end());
    for (size_t k = ellipsis_rank_; k-- > 0;) out.push_back(-1 - int(k));
    std::sort(all.begin(), all.end());
    for (int label : all)
      if (label > 0 && std::count(all.begin(), all.end(), label) == 1) out.push_back(label);
    return out;
  }

  // Labels that operands from `from` on or the output still need.
  static std::vector<int> later(const std::vector<Labelled>& in, size_t from, const std::vector<int>& output) {
    std::vector<int> labels = output;
    for (size_t i = from; i < in.size(); ++i) labels.insert(labels.end(), in[i].labels.begin(), in[i].labels.end());
    return labels;
  }
  static bool contains(const std::vector<int>& list, int label) {
    return std::find(list.begin(), list.end(), label) != list.end();
  }

  // "ii": both axes go to the end and become one, of which every (n+1)-th element is on the diagonal.
  Labelled take_diagonals(Labelled v) {
    for (size_t first = 0; first < v.labels.size() && !b_.failed();) {
      size_t second = first + 1;
      while (second < v.labels.size() && v.labels[second] != v.labels[first]) ++second;
      if (second == v.labels.size()) {
        ++first;
        continue;
      }
      const int label = v.labels[first];
      const int64_t n = b_.shape(v.value)[first];
      if (n != b_.shape(v.value)[second]) {
        refuse("a repeated subscript on axes of different sizes");
        return v;
      }
      Perm p;
      Shape shape;
      std::vector<int> labels;
      for (size_t a = 0; a < v.labels.size(); ++a) {
        if (a == first || a == second) continue;
        p.push_back(int(a));
        shape.push_back(b_.shape(v.value)[a]);
        labels.push_back(v.labels[a]);
      }
      p.insert(p.end(), {int(first), int(second)});
      labels.push_back(label);
      shape.push_back(n * n);
      const Value flat = reshape(b_, transpose(b_, v.value, p), shape);
      std::vector<int64_t> begin(shape.size(), 0), stride(shape.size(), 1);
      shape.back() = n;
      stride.back() = n + 1;
      v = {b_.add(Slice(begin, shape, stride), {flat}), std::move(labels)};
    }
    return v;
  }

  // Sums over the axes whose labels are not in `needed`.
  Labelled sum_missing(Labelled v, const std::vector<int>& needed) {
    std::vector<int64_t> axes;
    std::vector<int> labels;
    for (size_t a = 0; a < v.labels.size(); ++a) {
      if (contains(needed, v.labels[a]))
        labels.push_back(v.labels[a]);
      else
        axes.push_back(int64_t(a));
    }
    return {reduce(b_, ReduceKind::kSum, v.value, axes, false), std::move(labels)};
  }

  // A shared axis of size 1 in one operand broadcasts: that operand loses it.
  Labelled drop_broadcast_axes(Labelled v, const Labelled& other) {
    Shape shape;
    std::vector<int> labels;
    for (size_t a = 0; a < v.labels.size(); ++a) {
      const int64_t n = b_.shape(v.value)[a];
      if (n == 1 && other.has(v.labels[a]) && b_.shape(other.value)[size_t(other.axis(v.labels[a]))] != 1) continue;
      shape.push_back(n);
      labels.push_back(v.labels[a]);
    }
    return {reshape(b_, v.value, shape), std::move(labels)};
  }

  static std::vector<int> both(std::vector<int> needed, const std::vector<int>& more) {
    needed.insert(needed.end(), more.begin(), more.end());
    return needed;
  }

  Labelled join(Labelled x, Labelled y, const std::vector<int>& needed, const std::vector<int>& output) {
    x = drop_broadcast_axes(std::move(x), y);
    y = drop_broadcast_axes(std::move(y), x);
    const std::vector<int> x_labels = x.labels;
    x = sum_missing(std::move(x), both(needed, y.labels));
    y = sum_missing(std::move(y), both(needed, x_labels));
    auto place = [&](int label) { return std::find(output.begin(), output.end(), label) - output.begin(); };
    // The operand whose own labels come first in the output goes first.
    auto own_place = [&](const Labelled& v, const Labelled& other) {
      auto best = std::ptrdiff_t(output.size());
      for (int label : v.labels)
        if (!other.has(label)) best = std::min(best, place(label));
      return best;
    };
    if (own_place(y, x) < own_place(x, y)) std::swap(x, y);
    std::vector<int> shared, labels;
    for (int label : x.labels)
      if (y.has(label)) shared.push_back(label);
    std::stable_sort(shared.begin(), shared.end(), [&](int a, int b) { return place(a) < place(b); });
    std::vector<int64_t> x_axes, y_axes, x_batch, y_batch;
    for (int label : shared) {
      const bool kept = contains(needed, label);
      (kept ? x_batch : x_axes).push_back(x.axis(label));
      (kept ? y_batch : y_axes).push_back(y.axis(label));
      if (kept) labels.push_back(label);
      if (b_.shape(x.value)[size_t(x.axis(label))] != b_.shape(y.value)[size_t(y.axis(label))]) {
        refuse(fmt::format("subscript '{}' has different sizes", label > 0 ? std::string(1, char(label)) : "..."));
        return {};
      }
    }
    for (const Labelled* v : {&x, &y})
      for (int label : v->labels)
        if (!contains(shared, label)) labels.push_back(label);
    return {contract(b_, x.value, y.value, x_axes, y_axes, x_batch, y_batch), std::move(labels)};
  }

  Value arrange(const Labelled& v, const std::vector<int>& output) {
    if (b_.failed()) return {};
    Perm p;
    for (int label : output) {
      if (!v.has(label) || std::count(output.begin(), output.end(), label) != 1)
        return refuse("the output's subscripts are not those of the operands");
      p.push_back(int(v.axis(label)));
    }
    return transpose(b_, v.value, std::move(p));
  }

  Builder& b_;
  size_t ellipsis_rank_ = 0;
};

}  // namespace

Value einsum(Builder& b, std::string_view equation, const Values& operands) { return Einsum(b).run(equation, operands); }

}  // namespace atl
