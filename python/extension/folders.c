/*
 * A client's files like a tree of folders.
 */
#include "module.h"

static PyObject *entry_row(const sr_entry *entry)
{
	return row(6, from_text(entry->name), PyBool_FromLong(entry->is_folder),
		   from_integer(entry->files), from_integer(entry->bytes), from_text(entry->newest),
		   entry->file == NULL ? from_string(NULL) : file_row(entry->file));
}

CURSOR_KIND(entry_rows, sr_folder, sr_entry, entry_row);

/* folder(client, folder="", recursive=False) -> cursor */
METHOD(folder)
{
	static char *names[] = {"client", "folder", "recursive", NULL};
	text_arg path = {.text = {"", 0}};
	sr_folder *folder = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	int recursive = 0;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|O&p:folder", names, arg_id, &client,
					 arg_text, &path, &recursive))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_folder_open(handle, &client, path.text, recursive, &folder));
		cursor = cursor_opened(self, rc, &entry_rows, folder);
		catalog_leave(self);
	}
	text_done(&path);
	return cursor;
}

int folders_setup(PyObject *module)
{
	return module_add_fields(module, "ENTRY_FIELDS", "name is_folder files bytes newest file");
}
