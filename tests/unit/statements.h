/* Every statement that the connections of this process run, as its text. */
#ifndef STATEMENTS_H
#define STATEMENTS_H

#include <stddef.h>

/* From now on, on connections that are opened from now on. */
void statements_begin(void);
void statements_end(void); /* And forgets them. */

/* Each text once, in the order of their first run; valid until statements_end. */
size_t statements_count(void);
const char *statements_at(size_t index);

/* One more, as if it had been run. */
void statements_add(const char *sql);

/* With STRONGROOM_TEST_STATEMENTS=FILE in the environment statements_from_environment begins, and
 * statements_to_environment writes them there, each ended by a NUL: so one test can look at what
 * the calls of another run. */
void statements_from_environment(void);
void statements_to_environment(void);
#define STATEMENTS_VARIABLE "STRONGROOM_TEST_STATEMENTS"

#endif
