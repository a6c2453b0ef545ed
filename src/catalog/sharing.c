#include "sharing.h"

#include <string.h>

#include "../base/path.h"
#include "place.h"

sr_status sr_sharing_spell(sr_sharing *sharing, const sr_settings *settings, sr_text path)
{
	const char *rest;
	sr_status rc;

	*sharing = (sr_sharing){.path = path};
	if ((rc = sr_place_resolve(settings, path, &sharing->absolute)) != SR_OK)
		return rc;
	if ((rest = sr_path_below(sharing->absolute.data, settings->base_dir)) != NULL)
		sr_buffer_add_string(&sharing->relative, rest);
	return sr_buffer_status(&sharing->relative);
}

void sr_sharing_free(sr_sharing *sharing)
{
	sr_buffer_free(&sharing->relative);
	sr_buffer_free(&sharing->absolute);
}

static sr_text last_part(sr_text path)
{
	const char *slash = path.length > 0 ? memrchr(path.data, '/', path.length) : NULL;
	size_t before = slash != NULL ? (size_t)(slash + 1 - path.data) : 0;

	return (sr_text){path.data + before, path.length - before};
}

/* What is stored under its own name is found among the files of that name, the rest by the ends of
 * its paths, which the index of them has. Of a version it is not known whether its bytes are
 * stored; in doubt they are. */
sr_status sr_sharing_look(sr_conn *conn, const sr_sharing *sharing, int64_t except, bool *shared)
{
	sr_text absolute = sr_buffer_text(&sharing->absolute);
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(
		conn,
		"SELECT 1 FROM files WHERE FileName IN ($5, $6) AND (OriginalPath IS NULL) = 1"
		" AND PathName IN ($1, $2, $3) AND rowid IS NOT $4 AND IsStored <> 0"
		" UNION ALL SELECT 1 FROM files WHERE substr(PathName, -16) IN"
		" (substr($1, -16), substr($2, -16), substr($3, -16))"
		" AND PathName IN ($1, $2, $3) AND rowid IS NOT $4 AND IsStored <> 0"
		" AND " SR_STORED_ELSEWHERE(
			"") " UNION ALL SELECT 1 FROM file_versions v WHERE v.PathName IN ($1, $2, "
			    "$3)"
			    " AND v.FileID IS NOT (SELECT f.ID FROM files f WHERE f.rowid = $4)"
			    " LIMIT 1",
		&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, sharing->path);
	sr_bind_name(stmt, 2, absolute);
	if (sharing->relative.length > 0)
		sr_bind_name(stmt, 3, sr_buffer_text(&sharing->relative));
	else
		sr_bind_null(stmt, 3);
	sr_bind_integer(stmt, 4, except);
	sr_bind_name(stmt, 5, last_part(sharing->path));
	sr_bind_name(stmt, 6, last_part(absolute));
	rc = sr_step(stmt, shared);
	return sr_stmt_end(stmt, rc);
}
