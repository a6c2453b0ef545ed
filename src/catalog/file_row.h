/*
 * A file as a row: the one list of columns that every reader of files selects, and sr_files, the
 * cursor that lists and searches share behind one small vtable.
 */
#ifndef SR_FILE_ROW_H
#define SR_FILE_ROW_H

#include "catalog.h"

/* Adds "SELECT … FROM files AS f LEFT JOIN clients AS c …" for this shape; WHERE and ORDER BY
 * follow by f's columns, and f.row_number. */
void sr_file_select(sr_buffer *sql, const sr_shape *shape);

/* The columns that sr_file_select adds; a caller's own start here. */
#define SR_FILE_COLUMNS 24

/* The row that stmt stands on. Texts are borrowed until its next step. */
void sr_file_read(sr_stmt *stmt, sr_file *file);

typedef struct sr_files_source {
	/* *file is NULL after the last. */
	sr_status (*next)(sr_files *files, const sr_file **file);
	const char *(*token)(const sr_files *files); /* NULL: it has no tokens. */
	void (*close)(sr_files *files);              /* Frees all of it. */
} sr_files_source;

/* The first member of every cursor of files. */
struct sr_files {
	const sr_files_source *source;
};

#endif
