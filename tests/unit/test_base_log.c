#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "expect.h"

static char heard[256];
static int count;

static void listen(void *arg, sr_log_level level, const char *module, const char *message)
{
	assert_ptr_equal(arg, heard);
	snprintf(heard, sizeof(heard), "%d %s %s", (int)level, module, message);
	count++;
}

static int hears(const char *module, sr_log_level level)
{
	count = 0;
	sr_log(module, level, "%s", "words");
	return count;
}

/* In a process of its own, since the levels are known from then on. */
static void an_environment_that_makes_no_sense_is_told(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if ((child = fork()) == 0) {
		bool told, levels_stay;

		setenv("STRONGROOM_LOG", "info,loud", 1);
		sr_log_set(listen, heard);
		told = strstr(heard, "1 log STRONGROOM_LOG is not used: 'info,loud' is no") ==
		       heard;
		levels_stay = hears("pool", SR_LOG_WARNING) == 1 && hears("pool", SR_LOG_INFO) == 0;
		_exit(!told + 2 * !levels_stay);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Runs before the others: $STRONGROOM_LOG counts until somebody sets the levels. */
static void the_environment_sets_levels(void **state)
{
	(void)state;
	assert_int_equal(setenv("STRONGROOM_LOG", "search:error,info", 1), 0);
	assert_int_equal(hears("pool", SR_LOG_ERROR), 0);
	sr_log_set(listen, heard);
	assert_int_equal(hears("pool", SR_LOG_INFO), 1);
	assert_int_equal(hears("search", SR_LOG_INFO), 0);
	assert_int_equal(hears("pool", SR_LOG_DEBUG), 0);
}

static void one_module_is_turned_up(void **state)
{
	(void)state;
	assert_int_equal(sr_log_levels("pool:debug,warning"), SR_OK);
	assert_int_equal(hears("pool", SR_LOG_DEBUG), 1);
	assert_string_equal(heard, "3 pool words");
	assert_int_equal(hears("search", SR_LOG_INFO), 0);
	assert_int_equal(hears("search", SR_LOG_WARNING), 1);
}

static void bad_levels_change_nothing(void **state)
{
	static const char *const bad[] = {"",          "loud",  "pool:", ":info",
					  "pool:loud", "info,", ",info"};

	(void)state;
	assert_int_equal(sr_log_levels("info"), SR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sr_log_levels(bad[i]), SR_INVALID);
	assert_int_equal(sr_log_levels("info,pool:loud"), SR_INVALID);
	assert_non_null(strstr(sr_error_message(), "'pool:loud'"));
	assert_int_equal(hears("pool", SR_LOG_INFO), 1);
	assert_int_equal(hears("pool", SR_LOG_DEBUG), 0);
}

static void messages_are_one_line_and_keep_the_error(void **state)
{
	(void)state;
	assert_int_equal(sr_log_levels("info"), SR_OK);
	assert_int_equal(sr_fail(SR_BUSY, "kept"), SR_BUSY);
	sr_log("pool", SR_LOG_INFO, "two\nlines");
	assert_string_equal(heard, "2 pool two lines");
	assert_string_equal(sr_error_message(), "kept");
	sr_log_set(NULL, NULL);
	assert_int_equal(hears("pool", SR_LOG_ERROR), 0);
}

static void errors_have_words(void **state)
{
	(void)state;
	assert_int_equal(sr_fail(SR_NOT_FOUND, "client %s", "a"), SR_NOT_FOUND);
	assert_int_equal(sr_fail_within(SR_NOT_FOUND, "saving"), SR_NOT_FOUND);
	assert_int_equal(sr_fail_also(SR_NOT_FOUND, " of %d", 3), SR_NOT_FOUND);
	assert_string_equal(sr_error_message(), "saving: client a of 3");
	assert_int_equal(sr_return(SR_NOT_FOUND), SR_NOT_FOUND);
	assert_string_equal(sr_error_message(), "saving: client a of 3");
	assert_int_equal(sr_fail_errno(ENOSPC, "file %s", "b"), SR_NO_SPACE);
	assert_string_equal(sr_error_message(), "file b: No space left on device");
	assert_int_equal(sr_return(SR_OK), SR_OK);
	assert_string_equal(sr_error_message(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_environment_that_makes_no_sense_is_told),
		cmocka_unit_test(the_environment_sets_levels),
		cmocka_unit_test(one_module_is_turned_up),
		cmocka_unit_test(bad_levels_change_nothing),
		cmocka_unit_test(messages_are_one_line_and_keep_the_error),
		cmocka_unit_test(errors_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
