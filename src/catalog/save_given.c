/* What is given to be saved: whether it makes sense, what follows from it, and how it differs from
 * what is known. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "../base/instant.h"
#include "../base/path.h"
#include "save.h"

#define NAME_MAX_BYTES 4096
#define PATH_MAX_BYTES 65536
#define WORD_MAX_BYTES 255 /* Dates, categories, types: generous, and bounded. */

const char *sr_save_named(const sr_file *file)
{
	return sr_quoted(file->original_path.data ? file->original_path : file->name);
}

static sr_status check_text(const sr_file *file, const char *field, sr_text text, size_t max)
{
	if (text.data == NULL)
		return SR_OK;
	if (text.length == 0)
		return sr_fail(SR_INVALID, "%s of file %s is empty", field, sr_save_named(file));
	if (text.length > max)
		return sr_fail(SR_INVALID, "%s %s of file %s has %zu bytes, more than %zu", field,
			       sr_quoted(text), sr_save_named(file), text.length, max);
	if (memchr(text.data, '\0', text.length) != NULL)
		return sr_fail(SR_INVALID, "%s %s of file %s contains a NUL", field,
			       sr_quoted(text), sr_save_named(file));
	return SR_OK;
}

static sr_status check_number(const sr_file *file, const char *field, int64_t number, int64_t max)
{
	if (number == SR_NULL_INTEGER || (number >= 0 && number <= max))
		return SR_OK;
	if (number < 0)
		return sr_fail(SR_INVALID, "%s %" PRId64 " of file %s is negative", field, number,
			       sr_save_named(file));
	return sr_fail(SR_INVALID, "%s %" PRId64 " of file %s is more than %" PRId64, field, number,
		       sr_save_named(file), max);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static sr_status check_hash(const sr_file *file)
{
	sr_text hash = file->hash;
	bool good = hash.length == SR_SAVE_HASH_BYTES;

	if (hash.data == NULL)
		return SR_OK;
	for (size_t i = 0; good && i < hash.length; i++)
		good = is_hex(hash.data[i]);
	if (good)
		return SR_OK;
	return sr_fail(SR_INVALID, "hash %s of file %s is not %d hex digits", sr_quoted(hash),
		       sr_save_named(file), SR_SAVE_HASH_BYTES);
}

static sr_status check_numbers(const sr_file *file)
{
	sr_status rc;

	if ((rc = check_number(file, "size", file->size, INT64_MAX)) != SR_OK)
		return rc;
	if ((rc = check_number(file, "CRC", file->crc, UINT32_MAX)) != SR_OK)
		return rc;
	if ((rc = check_number(file, "transfer duration", file->transfer_duration, INT64_MAX)) !=
	    SR_OK)
		return rc;
	if ((rc = check_number(file, "transfer speed", file->transfer_speed, INT64_MAX)) != SR_OK)
		return rc;
	if (!isnan(file->compression_ratio) &&
	    (file->compression_ratio < 0 || isinf(file->compression_ratio)))
		return sr_fail(SR_INVALID, "compression ratio %g of file %s makes no sense",
			       file->compression_ratio, sr_save_named(file));
	return SR_OK;
}

sr_status sr_save_check(const sr_file *file)
{
	sr_status rc;

	if (file->name.data == NULL && file->original_path.data == NULL)
		return sr_fail(SR_INVALID, "a file has neither a name nor an original path");
	if ((rc = check_text(file, "original path", file->original_path, PATH_MAX_BYTES)) != SR_OK)
		return rc;
	if (file->name.data == NULL && sr_path_name(file->original_path).length == 0)
		return sr_fail(SR_INVALID, "original path %s has no name at its end",
			       sr_quoted(file->original_path));
	if ((rc = check_text(file, "name",
			     file->name.data ? file->name : sr_path_name(file->original_path),
			     NAME_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "path", file->path, PATH_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "date", file->date, WORD_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "category", file->category, WORD_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "MIME type", file->mime_type, WORD_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "extension", file->extension, SR_SAVE_EXTENSION_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_hash(file)) != SR_OK)
		return rc;
	return check_numbers(file);
}

sr_text sr_file_extension_of(sr_text name)
{
	const char *dot = name.length > 0 ? memrchr(name.data, '.', name.length) : NULL;
	sr_text none = {NULL, 0};
	sr_text extension;

	if (dot == NULL || dot == name.data)
		return none;
	extension.data = dot + 1;
	extension.length = name.length - (size_t)(extension.data - name.data);
	if (extension.length == 0 || extension.length > SR_SAVE_EXTENSION_BYTES ||
	    memchr(extension.data, ' ', extension.length) != NULL || !sr_text_is_utf8(extension) ||
	    sr_text_has_control(extension))
		return none;
	return extension;
}

static sr_text copy_lower(char *out, sr_text text)
{
	sr_text copy = {out, text.length};

	for (size_t i = 0; i < text.length; i++)
		out[i] = lower(text.data[i]);
	out[text.length] = '\0';
	return copy;
}

void sr_save_complete(const sr_file *given, sr_wanted *want)
{
	sr_file *file = &want->file;

	*file = *given;
	if (file->name.data == NULL)
		file->name = sr_path_name(file->original_path);
	want->path_derived = file->path.data == NULL;
	if (want->path_derived)
		file->path = file->name;
	want->extension_derived = file->extension.data == NULL;
	if (want->extension_derived)
		file->extension = sr_file_extension_of(file->name);
	if (file->extension.data != NULL)
		file->extension = copy_lower(want->extension, file->extension);
	if (file->hash.data != NULL)
		file->hash = copy_lower(want->hash, file->hash);
	file->missing_since = (sr_text){NULL, 0};
	file->current_version = SR_NULL_INTEGER;
	file->versions = 1;
	file->has_id = false;
}

/* ---- Against what is known ---- */

bool sr_file_same_date(sr_text a, sr_text b)
{
	int64_t left, right;

	if (sr_text_equal(a, b))
		return true;
	if (a.data == NULL || b.data == NULL)
		return false;
	return sr_instant_read(a.data, &left, NULL) && sr_instant_read(b.data, &right, NULL) &&
	       left == right;
}

bool sr_file_same_hash(sr_text a, sr_text b)
{
	return a.length == b.length &&
	       (a.length == 0 || strncasecmp(a.data, b.data, a.length) == 0);
}

/* What one side lacks tells nothing, so it is no difference. */
bool sr_save_content_differs(const sr_file *known, const sr_file *given)
{
	if (known->hash.data != NULL && given->hash.data != NULL)
		return !sr_file_same_hash(known->hash, given->hash);
	if (known->crc != SR_NULL_INTEGER && given->crc != SR_NULL_INTEGER)
		return known->crc != given->crc;
	if (known->size != SR_NULL_INTEGER && given->size != SR_NULL_INTEGER &&
	    known->size != given->size)
		return true;
	return known->date.data != NULL && given->date.data != NULL &&
	       !sr_file_same_date(known->date, given->date);
}

static unsigned integer_bit(sr_file_column column, int64_t known, int64_t given, bool clear)
{
	if (known == given || (given == SR_NULL_INTEGER && !clear))
		return 0;
	return SR_FILE_BIT(column);
}

static unsigned text_bit(sr_file_column column, sr_text known, sr_text given, bool clear)
{
	if ((given.data == NULL && !clear) || sr_text_equal(known, given))
		return 0;
	return SR_FILE_BIT(column);
}

unsigned sr_save_differing(const sr_file *known, const sr_wanted *want, bool changed)
{
	const sr_file *given = &want->file;
	unsigned bits = 0;

	bits |= text_bit(SR_FILE_NAME, known->name, given->name, false);
	if (!want->path_derived)
		bits |= text_bit(SR_FILE_PATH, known->path, given->path, false);
	if (known->verified != given->verified)
		bits |= SR_FILE_BIT(SR_FILE_VERIFIED);
	/* Where the bytes are was not said: that they are stored is no news either. */
	if (known->stored != given->stored && !(want->path_derived && given->stored))
		bits |= SR_FILE_BIT(SR_FILE_STORED);
	bits |= integer_bit(SR_FILE_SIZE, known->size, given->size, changed);
	if ((given->date.data != NULL || changed) && !sr_file_same_date(known->date, given->date))
		bits |= SR_FILE_BIT(SR_FILE_DATE);
	bits |= integer_bit(SR_FILE_CRC, known->crc, given->crc, changed);
	if ((given->hash.data != NULL || changed) && !sr_file_same_hash(known->hash, given->hash))
		bits |= SR_FILE_BIT(SR_FILE_HASH);
	bits |= text_bit(SR_FILE_CATEGORY, known->category, given->category, false);
	bits |= text_bit(SR_FILE_MIME_TYPE, known->mime_type, given->mime_type, false);
	if (!want->extension_derived || known->extension.data == NULL)
		bits |= text_bit(SR_FILE_EXTENSION, known->extension, given->extension, false);
	bits |= integer_bit(SR_FILE_TRANSFER_DURATION, known->transfer_duration,
			    given->transfer_duration, changed);
	bits |= integer_bit(SR_FILE_TRANSFER_SPEED, known->transfer_speed, given->transfer_speed,
			    changed);
	if (isnan(given->compression_ratio) ? changed && !isnan(known->compression_ratio)
					    : given->compression_ratio != known->compression_ratio)
		bits |= SR_FILE_BIT(SR_FILE_COMPRESSION_RATIO);
	bits |= integer_bit(SR_FILE_MODIFIED_NS, known->modified_ns, given->modified_ns, changed);
	bits |= integer_bit(SR_FILE_INODE, known->inode, given->inode, changed);
	if (known->missing_since.data != NULL)
		bits |= SR_FILE_BIT(SR_FILE_MISSING_SINCE);
	if (changed)
		bits |= SR_FILE_BIT(SR_FILE_RECORDED_AT);
	return bits;
}
