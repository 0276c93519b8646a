// A family of losses as a type: what a header of losses ends with, and what a kernel file makes its table of.
#pragma once

#include "config.hpp"

FUSEDLOSS_BEGIN

/// The losses of one header, in its order.
template <class... Losses>
struct List {};

FUSEDLOSS_END
