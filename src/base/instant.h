/* Instants of rows, which may be anything. */
#ifndef SR_INSTANT_H
#define SR_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

/* As sr_time_parse reads it; a text that is no time is nobody's error, so the thread's last words
 * stay. */
bool sr_instant_read(const char *text, int64_t *instant, bool *is_day);

#endif
