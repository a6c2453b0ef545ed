#include "known.h"

#include <stdlib.h>

#include "../base/buffer.h"
#include "../base/error.h"
#include "../base/text.h"

/* Enough that a chunk's query costs little, few enough that its snapshot is short. */
#define CHUNK 2000

struct sr_known {
	sr_catalog *catalog;
	const sr_id *client;
	sr_text folder;
	sr_known_file files[CHUNK]; /* path.data is set when a file is looked at: */
	size_t offsets[CHUNK];      /* it stands here in paths. */
	sr_buffer paths;            /* Of the chunk, each ended by a NUL. */
	size_t count;               /* Files in the chunk, */
	size_t at;                  /* and the one at hand. */
	bool last;                  /* Nothing comes after this chunk. */
};

static sr_status make(sr_known **known, sr_catalog *catalog, const sr_id *client)
{
	if ((*known = calloc(1, sizeof(**known))) == NULL)
		return sr_fail_memory();
	(*known)->catalog = catalog;
	(*known)->client = client;
	return SR_OK;
}

sr_status sr_known_new(sr_known **known, sr_catalog *catalog, const sr_id *client, sr_text folder)
{
	sr_status rc = make(known, catalog, client);

	if (rc == SR_OK)
		(*known)->folder = folder;
	return rc;
}

static void keep(sr_known *known, const sr_file *file)
{
	known->offsets[known->count] = known->paths.length;
	known->files[known->count++] = (sr_known_file){
		.path.length = file->original_path.length,
		.size = file->size,
		.modified_ns = file->modified_ns,
		.inode = file->inode,
		.hashed = file->hash.data != NULL && file->crc != SR_NULL_INTEGER,
		.missing = file->missing_since.data != NULL,
		.verified = file->verified,
		.stored = file->stored,
	};
	sr_buffer_add(&known->paths, file->original_path.data, file->original_path.length);
	sr_buffer_add(&known->paths, "", 1);
}

sr_status sr_known_one(sr_known **known, sr_catalog *catalog, const sr_id *client, sr_text path)
{
	sr_file *file = NULL;
	sr_status rc = make(known, catalog, client);

	if (rc != SR_OK)
		return rc;
	(*known)->last = true;
	rc = sr_file_find(catalog, client, path, &file);
	if (rc == SR_NOT_FOUND)
		return SR_OK;
	if (rc == SR_OK && sr_text_equal(file->original_path, path)) {
		keep(*known, file);
		rc = sr_buffer_status(&(*known)->paths);
	}
	sr_file_free(file);
	if (rc != SR_OK) {
		sr_known_free(*known);
		*known = NULL;
	}
	return rc;
}

/* Takes the next chunk, behind the path that stands at the end of this one. */
static sr_status load(sr_known *known)
{
	sr_buffer after = SR_BUFFER_EMPTY;
	sr_text from = {NULL, 0};
	const sr_file *file;
	sr_files *cursor;
	sr_status rc;

	if (known->count > 0) {
		sr_buffer_add(&after, known->paths.data + known->offsets[known->count - 1],
			      known->files[known->count - 1].path.length);
		if ((rc = sr_buffer_status(&after)) != SR_OK)
			goto err0;
		from = sr_buffer_text(&after);
	}
	rc = sr_file_list_below(known->catalog, known->client, known->folder, from, CHUNK, &cursor);
	if (rc != SR_OK)
		goto err0;
	sr_buffer_clear(&known->paths);
	known->count = known->at = 0;
	while ((rc = sr_files_next(cursor, &file)) == SR_OK && file != NULL)
		keep(known, file);
	sr_files_close(cursor);
	known->last = known->count < CHUNK;
	if (rc == SR_OK)
		rc = sr_buffer_status(&known->paths);

err0:
	sr_buffer_free(&after);
	return rc;
}

sr_status sr_known_peek(sr_known *known, const sr_known_file **file)
{
	sr_status rc;

	*file = NULL;
	if (known->at == known->count && !known->last && (rc = load(known)) != SR_OK)
		return rc;
	if (known->at == known->count)
		return SR_OK;
	known->files[known->at].path.data = known->paths.data + known->offsets[known->at];
	*file = &known->files[known->at];
	return SR_OK;
}

void sr_known_pass(sr_known *known)
{
	if (known->at < known->count)
		known->at++;
}

void sr_known_free(sr_known *known)
{
	if (known == NULL)
		return;
	sr_buffer_free(&known->paths);
	free(known);
}
