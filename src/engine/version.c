#include <sqlite3.h>
#include <stdio.h>

#include "strongroom.h"

const char *sr_engine_version(void)
{
	/* Its own text of the running library, not of the header that this was built with; each
	 * thread writes the same bytes to its own copy. */
	static _Thread_local char text[64];

	snprintf(text, sizeof(text), "SQLite %s", sqlite3_libversion());
	return text;
}
