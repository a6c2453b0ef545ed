#include "faults.h"

#include <string.h>
#include <strings.h>

#include "catalog.h"

/* What follows a phrase in the text, up to the next of the ends; null where it does not occur. */
static sr_text after(sr_text text, const char *phrase, const char *ends)
{
	const char *at = text.data ? strstr(text.data, phrase) : NULL;

	if (at == NULL)
		return sr_text_of(NULL);
	at += strlen(phrase);
	return (sr_text){at, strcspn(at, ends)};
}

sr_text sr_index_of_message(sr_text message)
{
	static const char *const phrases[] = {" missing from index ",
					      "wrong # of entries in index ",
					      "non-unique entry in index ", NULL};
	sr_text name = sr_text_of(NULL);

	for (int i = 0; phrases[i] && name.data == NULL; i++)
		name = after(message, phrases[i], "\n");
	return name;
}

bool sr_is_own_table(const char *name)
{
	const sr_schema_object *o = sr_migration_sources[sr_migration_count - 1].schema;

	for (; o->type; o++)
		if (strcmp(o->type, "table") == 0 && strcasecmp(o->name, name) == 0)
			return true;
	return false;
}
