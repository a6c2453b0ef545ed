/*
 * Rows with named values from a file of CSV with a heading, JSON lines, or a JSON array of
 * objects, as a stream; or from the document {"files": […]} that a search prints, which is read as
 * a whole. The form is seen from the first byte, and from the first object.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "cli.h"

struct import;

/* Opens path, or standard input for "-" and NULL. known are the names a row may have, ignored
 * those that are passed over (what listings print and nobody can set); both end with NULL.
 * DONE, or an exit status after saying what is wrong. */
int import_open(struct cli *cli, const char *path, const char *const *known,
		const char *const *ignored, struct import **import);
/* The next row: *more is false after the last one. DONE, or an exit status. */
int import_next(struct import *import, bool *more);
/* The row's value; null where it has none. NAME_bytes in base64 goes before NAME. Borrowed
 * until the next row. */
sr_text import_value(const struct import *import, const char *name);
/* As import_value, false after an error where the text is not of that kind. */
bool import_integer(struct import *import, const char *name, int64_t *number);
bool import_real(struct import *import, const char *name, double *number);
bool import_flag(struct import *import, const char *name, bool *flag);
/* "clients.csv line 12" */
const char *import_place(const struct import *import);
/* Says "PLACE: …" and returns FAILED. */
int import_fail(struct import *import, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void import_close(struct import *import);

/* What became of the rows: "3 clients added, 1 changed, 2 unchanged." */
void saved_print(struct cli *cli, const char *what, const sr_saved *saved);

#endif
