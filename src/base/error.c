#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* One line that a terminal can show whole; longer words are cut. */

static _Thread_local char message[SR_MESSAGE_SIZE];

const char *sr_error_message(void)
{
	return message;
}

/* Words of the engine may quote a damaged or hostile file: one line of text it stays, which drives
 * nothing. Adds them to the message from there on. */
static void put_one_line(size_t at, const char *words)
{
	size_t left = strlen(words), n;

	for (; left > 0 && at + 4 * 4 < sizeof(message); words += n, left -= n) {
		n = sr_utf8_sequence(words, left);
		if (n == 1 && sr_utf8_drives(words, n)) {
			message[at++] = ' ';
		} else if (n > 0 && !sr_utf8_drives(words, n)) {
			memcpy(message + at, words, n);
			at += n;
		} else {
			n = n > 0 ? n : 1;
			for (size_t i = 0; i < n; i++, at += 4)
				snprintf(message + at, 5, "\\x%02x", (unsigned char)words[i]);
		}
	}
	message[at] = '\0';
}

const char *sr_version(void)
{
	return SR_VERSION;
}

const char *sr_status_name(sr_status status)
{
	switch (status) {
	case SR_OK:
		return "ok";
	case SR_NOT_FOUND:
		return "not found";
	case SR_EXISTS:
		return "exists";
	case SR_INVALID:
		return "invalid argument";
	case SR_QUOTA:
		return "quota exceeded";
	case SR_BUSY:
		return "busy";
	case SR_TOO_NEW:
		return "too new";
	case SR_TOO_OLD:
		return "too old";
	case SR_CORRUPT:
		return "corrupt";
	case SR_IO:
		return "input/output";
	case SR_NO_SPACE:
		return "out of space";
	case SR_NO_MEMORY:
		return "out of memory";
	case SR_PERMISSION:
		return "permission";
	case SR_READ_ONLY:
		return "read-only";
	case SR_REFUSED:
		return "refused";
	case SR_WRONG_KEY:
		return "wrong key";
	case SR_INTERRUPTED:
		return "interrupted";
	case SR_CLOSED:
		return "closed";
	case SR_FORKED:
		return "forked";
	case SR_CONSTRAINT:
		return "constraint";
	case SR_SQL:
		return "sql";
	case SR_OUTCOME_UNKNOWN:
		return "outcome unknown";
	}
	return "unknown status";
}

static void set_message(const char *fmt, va_list args, const char *after) SR_PRINTF(1, 0);

/* The words, and behind ": " what comes after them. */
static void set_message(const char *fmt, va_list args, const char *after)
{
	/* The arguments may point into the old message, so it is replaced at the end. */
	char fresh[SR_MESSAGE_SIZE];
	int n = vsnprintf(fresh, sizeof(fresh), fmt, args);

	if (after != NULL && n >= 0 && (size_t)n < sizeof(fresh))
		snprintf(fresh + n, sizeof(fresh) - (size_t)n, ": %s", after);
	put_one_line(0, fresh);
}

sr_status sr_fail(sr_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_message(fmt, args, NULL);
	va_end(args);
	return status;
}

sr_status sr_fail_within(sr_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_message(fmt, args, message);
	va_end(args);
	return status;
}

sr_status sr_fail_also(sr_status status, const char *fmt, ...)
{
	char fresh[SR_MESSAGE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(fresh, sizeof(fresh), fmt, args);
	va_end(args);
	put_one_line(strlen(message), fresh);
	return status;
}

static sr_status status_of_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return SR_NOT_FOUND;
	case EEXIST:
		return SR_EXISTS;
	case EACCES:
	case EPERM:
		return SR_PERMISSION;
	case EROFS:
		return SR_READ_ONLY;
	case ENOSPC:
	case EDQUOT:
		return SR_NO_SPACE;
	case ENOMEM:
		return SR_NO_MEMORY;
	default:
		return SR_IO;
	}
}

sr_status sr_fail_errno(int error, const char *fmt, ...)
{
	char space[128];
	va_list args;

	va_start(args, fmt);
	/* GNU's strerror_r, which need not use the space. */
	set_message(fmt, args, strerror_r(error, space, sizeof(space)));
	va_end(args);
	return status_of_errno(error);
}

sr_status sr_fail_memory(void)
{
	return sr_fail(SR_NO_MEMORY, "out of memory");
}

sr_status sr_return(sr_status status)
{
	if (status == SR_OK)
		message[0] = '\0';
	return status;
}

void sr_error_set(const char *words)
{
	char fresh[SR_MESSAGE_SIZE];

	snprintf(fresh, sizeof(fresh), "%s", words ? words : "");
	put_one_line(0, fresh);
}
