// Losses of how far boxes overlap.
#pragma once

#include "../core/list.hpp"
#include "../kinds/boxes.hpp"

FUSEDLOSS_BEGIN

using BoxLosses = List<Boxes<Penalty::none>, Boxes<Penalty::area>, Boxes<Penalty::distance>, Boxes<Penalty::shape>>;

FUSEDLOSS_END
