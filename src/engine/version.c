#include <sqlite3.h>
#include <stdio.h>

#include "sqlite.h"

const char *sr_engine_version(void)
{
	/* Its own text of the running library, not of the header that this was built with; each
	 * thread writes the same bytes to its own copy. */
	static _Thread_local char text[64];

	snprintf(text, sizeof(text), "SQLite %s", sqlite3_libversion());
	return text;
}

/* The fix is in 3.51.3, and was carried back into two older lines. */
bool sr_sqlite_loses_commits(int number)
{
	if (number < 3007000 || number >= 3051003)
		return false;
	if (number >= 3050007 && number < 3051000)
		return false;
	return number < 3044006 || number >= 3045000;
}

const char *sr_engine_flaw(void)
{
	if (!sr_sqlite_loses_commits(sqlite3_libversion_number()))
		return NULL;
	return "it can lose commits when one program checkpoints while another writes (fixed in "
	       "3.51.3, 3.50.7 and 3.44.6); this program never does so, others that write to the "
	       "same database may";
}
