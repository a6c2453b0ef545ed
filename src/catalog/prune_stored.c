/* The stored bytes of versions that were pruned. */
#include <fcntl.h>
#include <sys/stat.h>

#include "place.h"
#include "prune_file.h"
#include "sharing.h"

/* Whether anybody refers to it now. */
static sr_status look(sr_catalog *catalog, const sr_sharing *sharing, bool *shared)
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	rc = sr_sharing_look(reading.conn, sharing, SR_NULL_INTEGER, shared);
	sr_reading_end(&reading);
	return rc;
}

/* It is asked again once the file is hidden: who saves a record of it from then on finds nothing
 * there, and who did before is seen. */
static sr_status delete_hidden(sr_catalog *catalog, const sr_sharing *sharing, sr_place *place,
			       bool *gone)
{
	bool shared = true;
	sr_status rc, shown;

	if ((rc = sr_place_hide(place)) != SR_OK)
		return rc;
	if ((rc = look(catalog, sharing, &shared)) == SR_OK && !shared) {
		if ((rc = sr_place_remove(place)) == SR_OK)
			*gone = true;
		return rc;
	}
	shown = sr_place_show(place);
	return rc != SR_OK ? rc : shown;
}

static sr_status delete_one(sr_catalog *catalog, const sr_sharing *sharing, sr_place *place,
			    int64_t *bytes, bool *gone)
{
	struct stat status;
	bool present, shared;
	sr_status rc;

	if ((rc = sr_place_lock(place, true)) != SR_OK)
		return rc;
	if ((rc = sr_place_recover(place)) != SR_OK)
		return rc;
	if ((rc = sr_place_look(place, &catalog->settings, &present)) != SR_OK || !present)
		return rc;
	if ((rc = look(catalog, sharing, &shared)) != SR_OK || shared)
		return rc;
	if (fstatat(place->folder, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return sr_fail_errno(errno, "stored file %s", sr_quoted(sr_text_of(place->path)));
	*bytes = status.st_size;
	return delete_hidden(catalog, sharing, place, gone);
}

/* What lies elsewhere or nowhere is not ours to delete, and no failure. */
static sr_status delete_path(sr_catalog *catalog, sr_text path, int64_t *bytes, bool *gone)
{
	sr_sharing sharing = {0};
	sr_place place;
	sr_status rc;

	rc = sr_place_open(&catalog->settings, path, &place);
	if (rc == SR_REFUSED || rc == SR_NOT_FOUND || rc == SR_INVALID)
		return SR_OK;
	if (rc != SR_OK)
		return rc;
	if ((rc = sr_sharing_spell(&sharing, &catalog->settings, path)) == SR_OK)
		rc = delete_one(catalog, &sharing, &place, bytes, gone);
	sr_sharing_free(&sharing);
	sr_place_close(&place);
	return rc;
}

void sr_prune_stored(sr_catalog *catalog, const sr_prune_plan *plan, sr_prune_summary *summary)
{
	if (!plan->file->stored)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		int64_t bytes = 0;
		bool gone = false;

		if (plan->steps[i].kept != 0)
			continue;
		if (delete_path(catalog, plan->steps[i].version->path, &bytes, &gone) != SR_OK) {
			summary->stored_failed++;
			sr_log("catalog", SR_LOG_WARNING, "stored bytes of a pruned version: %s",
			       sr_error_message());
		} else if (gone) {
			summary->stored_files++;
			summary->stored_bytes += bytes;
		}
	}
}
