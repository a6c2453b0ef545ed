/*
 * The words of the last error, per thread (sr_error_message in strongroom.h reads them).
 *
 * The rule for the whole library: whoever finds an error calls sr_fail once, with one line that
 * names the thing and the value; everybody above passes the status on, or adds what he was
 * doing with sr_fail_within. Public calls return through sr_return, which clears the words
 * after SR_OK.
 */
#ifndef SR_ERROR_H
#define SR_ERROR_H

#include <errno.h>

#include "strongroom.h"

/* No message is longer, the NUL included: what keeps one while something else may fail. */
#define SR_MESSAGE_SIZE 2048

/* Keeps the words and returns status, so that `return sr_fail(SR_INVALID, "…")` reads well. */
sr_status sr_fail(sr_status status, const char *fmt, ...) SR_PRINTF(2, 3);

/* Puts "fmt: " before the words that are there, and returns status. */
sr_status sr_fail_within(sr_status status, const char *fmt, ...) SR_PRINTF(2, 3);

/* Appends to the words that are there, and returns status. */
sr_status sr_fail_also(sr_status status, const char *fmt, ...) SR_PRINTF(2, 3);

/* sr_fail with the status that the errno means (ENOSPC is SR_NO_SPACE, EACCES SR_PERMISSION, …
 * else SR_IO), and ": " and its text after the words. */
sr_status sr_fail_errno(int error, const char *fmt, ...) SR_PRINTF(2, 3);

/* Every failed allocation ends here. */
sr_status sr_fail_memory(void);

/* Clears the words when status is SR_OK; the last line of every public call. */
sr_status sr_return(sr_status status);

/* The words of another thread's error, for handing an outcome across threads (a group commit's
 * leader to its followers). NULL is "". */
void sr_error_set(const char *message);

/* The word for one thing, or for several, as the number in front of it in a message asks. */
static inline const char *sr_plural(int64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

#endif
