/* Ctrl-C as a question that long work asks itself; a second one ends the program at once. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM only set a flag, once. */
void interrupt_watch(void);
bool interrupt_seen(void);

/* From now on a reader that leaves and a file that reaches its limit are failed writes, after which
 * the catalog is closed in order; a file that is cut short while it is mapped ends the program with
 * words. */
void interrupt_survive(void);

/* An sr_progress_fn that cancels after Ctrl-C. */
bool interrupt_progress(void *arg, int64_t done, int64_t total);

#endif
