// Losses of generative adversarial networks: of what a discriminator gives for real and for generated samples.
#pragma once

#include "../core/bits.hpp"
#include "../core/jet.hpp"
#include "../core/lanes.hpp"
#include "../core/list.hpp"
#include "binary.hpp"

FUSEDLOSS_BEGIN

/// Functions of one output that the losses are sums of. All options of the family are a label for real samples and one
/// for generated ones.
struct AdversarialOptions {
  template <class T>
  struct Options {
    T real_label, fake_label;
  };
};

/// Binary cross-entropy with the label as its target.
struct LogisticTerm {
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T x, T label) {
    const T input[3] = {x, label, T(1)};
    return BinaryCrossEntropy::eval(input, BinaryCrossEntropy::Options<T>{T(0)});
  }
};

/// (x - label)^2 / 2.
struct SquareTerm {
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T x, T label) {
    const T r = x - label;
    return {T(0.5) * r * r, r, unless_nan(x, T(1))};
  }
};

/// -x for a label of 1, x for one of 0: a critic's score.
struct ScoreTerm {
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T x, T label) {
    const T sign = label > T(0.5) ? T(-1) : T(1);
    return {sign * x, unless_nan(x, sign), unless_nan(x, T(0))};
  }
};

/// max(0, 1 - x) for a label of 1, max(0, 1 + x) for one of 0; derivative 0 at the kink.
struct HingeTerm {
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> of(T x, T label) {
    const T sign = label > T(0.5) ? T(-1) : T(1);
    const T gap = fma(sign, x, T(1));
    return {maximum(gap, T(0)), gap > T(0) ? sign : unless_nan(x, T(0)), unless_nan(x, T(0))};
  }
};

/// The term of a real sample and that of a generated one.
template <class Term>
struct Discriminator : AdversarialOptions {
  static constexpr int inputs = 2, variables = 2;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[2], const Options<T>& options) {
    const Jet<T> real = Term::of(input[0], options.real_label), fake = Term::of(input[1], options.fake_label);
    return {real.value + fake.value, {real.d1, fake.d1}, {real.d2, T(0), fake.d2}};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options<T>&) {
    return T(0);
  }
};

/// The term of a generated sample that is to pass for a real one.
template <class Term>
struct Generator : AdversarialOptions {
  static constexpr int inputs = 1, variables = 1;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[1], const Options<T>& options) {
    return Term::of(input[0], options.real_label);
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[1], const Options<T>&) {
    return T(0);
  }
};

struct LogisticDiscriminator : Discriminator<LogisticTerm> {
  static constexpr const char* name = "logistic_discriminator";
  static constexpr double nanoseconds = 1.8;
};
struct LeastSquaresDiscriminator : Discriminator<SquareTerm> {
  static constexpr const char* name = "least_squares_discriminator";
  static constexpr double nanoseconds = 0.25;
};
struct CriticDiscriminator : Discriminator<ScoreTerm> {
  static constexpr const char* name = "critic_discriminator";
  static constexpr double nanoseconds = 0.25;
};
struct HingeDiscriminator : Discriminator<HingeTerm> {
  static constexpr const char* name = "hinge_discriminator";
  static constexpr double nanoseconds = 0.3;
};
struct NonSaturatingGenerator : Generator<LogisticTerm> {
  static constexpr const char* name = "non_saturating_generator";
  static constexpr double nanoseconds = 0.9;
};
struct LeastSquaresGenerator : Generator<SquareTerm> {
  static constexpr const char* name = "least_squares_generator";
  static constexpr double nanoseconds = 0.2;
};
struct CriticGenerator : Generator<ScoreTerm> {
  static constexpr const char* name = "critic_generator";
  static constexpr double nanoseconds = 0.2;
};

/// -softplus(x): what is left of the discriminator's loss for the generator, with the sign turned.
struct MinimaxGenerator : Generator<LogisticTerm> {
  static constexpr const char* name = "minimax_generator";
  static constexpr double nanoseconds = 0.9;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T> eval(const T (&input)[1], const Options<T>&) {
    const Jet<T> jet = LogisticTerm::of(input[0], T(0));
    return {-jet.value, -jet.d1, -jet.d2};
  }
};

/// softplus of the difference: how far the one output falls short of the other.
template <bool Generates>
struct Relativistic : AdversarialOptions {
  static constexpr const char* name = Generates ? "relativistic_generator" : "relativistic_discriminator";
  static constexpr int inputs = 2, variables = 2;
  static constexpr double nanoseconds = 1.0;
  template <class T>
  static FUSEDLOSS_INLINE Jet<T, 2> eval(const T (&input)[2], const Options<T>&) {
    const T ahead = Generates ? input[1] - input[0] : input[0] - input[1];
    const Jet<T> jet = LogisticTerm::of(ahead, T(1));
    const T real = Generates ? -jet.d1 : jet.d1;
    return {jet.value, {real, -real}, {jet.d2, -jet.d2, jet.d2}};
  }
  template <class T>
  static FUSEDLOSS_INLINE T room(const T (&)[2], const Options<T>&) {
    return T(0);
  }
};

using Adversarial = List<LogisticDiscriminator, LeastSquaresDiscriminator, CriticDiscriminator, HingeDiscriminator,
                         NonSaturatingGenerator, LeastSquaresGenerator, CriticGenerator, MinimaxGenerator,
                         Relativistic<false>, Relativistic<true>>;

FUSEDLOSS_END
