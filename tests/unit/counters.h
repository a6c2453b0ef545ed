/* What triggers count must be what counting anew gives. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include "catalog_fixture.h"

void check_counters(const catalog_fixture *f);

#endif
