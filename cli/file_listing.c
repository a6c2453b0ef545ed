#include "file_listing.h"

#include <stdio.h>

#include "json.h"

sr_text file_key(const sr_file *file)
{
	return file->original_path.data != NULL ? file->original_path : file->name;
}

struct listing *file_listing_begin(struct cli *cli, const char *key)
{
	static const struct column columns[] = {
		{"id", "", COLUMN_EXACT},
		{"date", "DATE", COLUMN_DATE | COLUMN_PEOPLE},
		{"size", "SIZE", COLUMN_RIGHT | COLUMN_PEOPLE},
		{"client", "CLIENT", COLUMN_CUT_END},
		{"file", "FILE", COLUMN_CUT_START | COLUMN_PEOPLE},
		{"mark", "", COLUMN_PEOPLE},
		{"filename", "", COLUMN_EXACT},
		{"path", "", COLUMN_EXACT},
		{"original_path", "", COLUMN_EXACT},
		{"size", "", COLUMN_EXACT},
		{"date", "", COLUMN_EXACT},
		{"verified", "", COLUMN_EXACT},
		{"crc", "", COLUMN_EXACT},
		{"hash", "", COLUMN_EXACT},
		{"category", "", COLUMN_EXACT},
		{"mime_type", "", COLUMN_EXACT},
		{"extension", "", COLUMN_EXACT},
		{"versions", "", COLUMN_EXACT},
		{"missing_since", "", COLUMN_EXACT},
		{"version", "", COLUMN_EXACT},
	};

	return listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), key);
}

void file_listing_row(struct cli *cli, struct listing *list, const sr_file *file)
{
	const char *mark = file->missing_since.data != NULL ? "missing" : NULL;
	char id[SR_ID_TEXT_SIZE];
	char earlier[32];

	if (cli->json) {
		listing_object(list, json_of_file(file));
		return;
	}
	sr_id_format(&file->id, id);
	if (file->version != SR_NULL_INTEGER) {
		snprintf(earlier, sizeof(earlier), "version %lld", (long long)file->version);
		mark = earlier;
	}
	const struct cell cells[] = {
		cell_string(file->has_id ? id : NULL),
		cell_time(file->date),
		cell_size(file->size),
		cell_text(file->client_name),
		cell_text(file_key(file)),
		cell_state(mark),
		cell_text(file->name),
		cell_text(file->path),
		cell_text(file->original_path),
		cell_size(file->size),
		cell_time(file->date),
		cell_flag(file->verified),
		cell_number(file->crc),
		cell_text(file->hash),
		cell_text(file->category),
		cell_text(file->mime_type),
		cell_text(file->extension),
		cell_integer(file->versions),
		cell_time(file->missing_since),
		cell_number(file->version),
	};

	listing_row(list, cells);
}
