/* What every test expects of calls: cmocka, and how a status and its message go together. */
#ifndef EXPECT_H
#define EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strongroom.h"

/* A call between rooms is done; it may leave an earlier message as it was. */
#define assert_done(call)                                                                          \
	do {                                                                                       \
		sr_status status_ = (call);                                                        \
		if (status_ != SR_OK)                                                              \
			fail_msg("%s: %s: %s", #call, sr_status_name(status_),                     \
				 sr_error_message());                                              \
	} while (0)

/* A public call is done, and leaves no message behind. */
#define assert_ok(call)                                                                            \
	do {                                                                                       \
		assert_done(call);                                                                 \
		assert_string_equal(sr_error_message(), "");                                       \
	} while (0)

/* The last message holds the words. */
#define assert_says(words)                                                                         \
	do {                                                                                       \
		if (strstr(sr_error_message(), (words)) == NULL)                                   \
			fail_msg("no '%s' in: %s", (words), sr_error_message());                   \
	} while (0)

/* A call fails with that status, and says why in a message that holds the words. */
#define assert_fails(call, status, words)                                                          \
	do {                                                                                       \
		sr_status status_ = (call);                                                        \
		if (status_ != (status))                                                           \
			fail_msg("%s: %s, not %s: %s", #call, sr_status_name(status_),             \
				 sr_status_name(status), sr_error_message());                      \
		assert_string_not_equal(sr_error_message(), "");                                   \
		assert_says(words);                                                                \
	} while (0)

/* An sr_text is that string. */
#define assert_text(text, string)                                                                  \
	do {                                                                                       \
		sr_text text_ = (text);                                                            \
		assert_non_null(text_.data);                                                       \
		assert_string_equal(text_.data, string);                                           \
		assert_int_equal(text_.length, strlen(string));                                    \
	} while (0)

#endif
