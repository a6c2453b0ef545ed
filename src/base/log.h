/* One callback for the whole library; see sr_log_set in strongroom.h. */
#ifndef SR_LOG_H
#define SR_LOG_H

#include "strongroom.h"

/* module is a literal: "pool", "migrate", "search", "engine", "catalog", "record". Costs one
 * load where nobody listens at that level. Never changes the thread's error. */
void sr_log(const char *module, sr_log_level level, const char *fmt, ...) SR_PRINTF(3, 4);

#endif
