// Losses of a margin: u = label x pred, the label -1 or +1.
#pragma once

#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "../core/math.hpp"

FUSEDLOSS_BEGIN

/// The chain rule of the family: with u = label x pred, d/dpred = label d/du. Labels come as slope x target + offset,
/// so that 0 and 1 can stand for -1 and +1; the options of every loss of the family begin with the two.
template <class Loss>
struct Margin {
  static constexpr int inputs = 2, variables = 1;

  template <class T, class Options>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options& options) {
    const T label = options.slope * input[1] + options.offset;
    const Jet<T> jet = Loss::of(label * input[0], options);
    return {jet.value, label * jet.d1, label * label * jet.d2};
  }
  template <class T, class Options>
  static FUSEDLOSS_INLINE T room(const T (&input)[2], const Options& options) {
    const T label = options.slope * input[1] + options.offset;
    const T off = absolute(label) - T(1);
    return fma(-off, off, T(0));
  }
};

/// max(0, margin - u); derivative 0 at u = margin.
struct Hinge : Margin<Hinge> {
  static constexpr const char* name = "hinge";
  static constexpr double nanoseconds = 0.35;
  template <class T>
  struct Options {
    T slope, offset, margin;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T u, const Options<T>& options) {
    const T gap = options.margin - u;
    return {maximum(gap, T(0)), gap > T(0) ? T(-1) : unless_nan(u, T(0)), unless_nan(u, T(0))};
  }
};

/// max(0, margin - u)^2.
struct SquaredHinge : Margin<SquaredHinge> {
  static constexpr const char* name = "squared_hinge";
  static constexpr double nanoseconds = 0.3;
  template <class T>
  using Options = Hinge::Options<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T u, const Options<T>& options) {
    const T gap = maximum(options.margin - u, T(0));
    return {gap * gap, T(0) - T(2) * gap, gap > T(0) ? T(2) : unless_nan(u, T(0))};
  }
};

/// scale (1 - u)^2 down to u = 1 - reach, from there on straight; 0 from u = 1.
template <class Loss>
struct RoundedHinge : Margin<Loss> {
  static constexpr double nanoseconds = 0.4;
  template <class T>
  struct Options {
    T slope, offset;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T u, const Options<T>&) {
    const T gap = maximum(T(1) - u, T(0)), inner = minimum(gap, T(Loss::reach));
    const T slope = T(2) * T(Loss::scale) * inner;
    const T d2 = gap > T(0) ? T(2) * T(Loss::scale) : unless_nan(u, T(0));
    return {slope * (gap - T(0.5) * inner), T(0) - slope, u < T(1) - T(Loss::reach) ? T(0) : d2};
  }
};

/// Half the square within one unit of the margin.
struct SmoothHinge : RoundedHinge<SmoothHinge> {
  static constexpr const char* name = "smooth_hinge";
  static constexpr float reach = 1, scale = 0.5f;
};

/// The square within two units of the margin.
struct ModifiedHuber : RoundedHinge<ModifiedHuber> {
  static constexpr const char* name = "modified_huber";
  static constexpr float reach = 2, scale = 1;
};

/// log(1 + e^-u).
struct SoftMargin : Margin<SoftMargin> {
  static constexpr const char* name = "logistic";
  static constexpr double nanoseconds = 0.95;
  template <class T>
  struct Options {
    T slope, offset;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T u, const Options<T>&) {
    const LogisticTail<T> s = logistic_tail(absolute(u));
    return {maximum(-u, T(0)) + s.log_term, -(is_negative(u) ? s.larger : s.smaller), s.larger * s.smaller};
  }
};

/// e^-u.
struct Exponential : Margin<Exponential> {
  static constexpr const char* name = "exponential";
  static constexpr double nanoseconds = 0.6;
  template <class T>
  struct Options {
    T slope, offset;
  };
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T u, const Options<T>&) {
    const T e = exp(-u);
    return {e, -e, e};
  }
};

/// pred itself where the label is +1, max(0, margin - pred) where it is -1: not a function of their product.
struct HingeEmbedding : Margin<HingeEmbedding> {
  static constexpr const char* name = "hinge_embedding";
  static constexpr double nanoseconds = 0.2;
  template <class T>
  using Options = Hinge::Options<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T distance = input[0], gap = maximum(options.margin - distance, T(0));
    const Bits<T> similar = mask_of<T>(options.slope * input[1] + options.offset > T(0));
    const Bits<T> near = mask_of<T>(gap > T(0));
    return {blend(similar, distance, gap), unless_nan(distance, masked(T(1), similar) - masked(T(1), near & ~similar)),
            unless_nan(distance, T(0))};
  }
};

/// The square of pred where the label is +1, of max(0, margin - pred) where it is -1.
struct SquaredHingeEmbedding : Margin<SquaredHingeEmbedding> {
  static constexpr const char* name = "squared_hinge_embedding";
  static constexpr double nanoseconds = 0.2;
  template <class T>
  using Options = Hinge::Options<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[2], const Options<T>& options) {
    const T distance = input[0], gap = maximum(options.margin - distance, T(0));
    const Bits<T> similar = mask_of<T>(options.slope * input[1] + options.offset > T(0));
    const T root = blend(similar, distance, T(0) - gap), counts = masked(T(2), similar | mask_of<T>(gap > T(0)));
    return {root * root, T(2) * root, unless_nan(distance, counts)};
  }
};

/// The hinge of the difference of two scores: max(0, margin - y (x1 - x2)).
struct MarginRanking {
  static constexpr const char* name = "margin_ranking";
  static constexpr int inputs = 3, variables = 2;
  static constexpr double nanoseconds = 0.3;
  template <class T>
  using Options = Hinge::Options<T>;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[3], const Options<T>& options) {
    const T difference[2] = {input[0] - input[1], input[2]};
    const Jet<T> jet = Hinge::eval(difference, options);
    return {jet.value, {jet.d1, T(0) - jet.d1}, {jet.d2, T(0) - jet.d2, jet.d2}};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&input)[3], const Options<T>& options) {
    const T difference[2] = {T(0), input[2]};
    return Hinge::room(difference, options);
  }
};

using MarginLosses = List<Hinge, SquaredHinge, SmoothHinge, ModifiedHuber, SoftMargin, Exponential, HingeEmbedding,
                          SquaredHingeEmbedding, MarginRanking>;

FUSEDLOSS_END
