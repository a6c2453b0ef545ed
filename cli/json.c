#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "memory.h"
#include "utf8.h"

json_t *json_of(sr_text text)
{
	json_t *string;
	char *fixed;
	size_t length;

	if (text.data == NULL)
		return json_null();
	fixed = utf8_repair(text, &length);
	string = json_stringn(fixed, length);
	free(fixed);
	return string;
}

json_t *json_of_integer(int64_t number)
{
	return number == SR_NULL_INTEGER ? json_null() : json_integer(number);
}

json_t *json_of_real(double number)
{
	return isfinite(number) ? json_real(number) : json_null();
}

json_t *json_of_path(const char *path)
{
	return path == NULL || path[0] == '\0' ? json_null() : json_of(sr_text_of(path));
}

json_t *json_of_blob(sr_text bytes)
{
	json_t *string;
	char *hex;

	if (bytes.data == NULL)
		return json_null();
	hex = bytes_to_hex(bytes);
	string = json_string(hex);
	free(hex);
	return string;
}

void json_object_add_text(json_t *object, const char *key, sr_text text)
{
	json_object_set_new(object, key, json_of(text));
	if (text.data != NULL && !sr_text_is_utf8(text)) {
		char *exact = bytes_to_base64(text);
		char *name = must_print("%s_bytes", key);

		json_object_set_new(object, name, json_string(exact));
		free(name);
		free(exact);
	}
}

json_t *json_of_id(const sr_id *id)
{
	char text[SR_ID_TEXT_SIZE];

	sr_id_format(id, text);
	return json_string(text);
}

json_t *json_of_file(const sr_file *file)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", file->has_id ? json_of_id(&file->id) : json_null());
	json_object_add_text(o, "client", file->client_name);
	json_object_add_text(o, "filename", file->name);
	json_object_add_text(o, "path", file->path);
	json_object_add_text(o, "original_path", file->original_path);
	json_object_set_new(o, "size", json_of_integer(file->size));
	json_object_add_text(o, "date", file->date);
	json_object_set_new(o, "verified", json_boolean(file->verified));
	json_object_set_new(o, "crc", json_of_integer(file->crc));
	json_object_set_new(o, "hash", json_of(file->hash));
	json_object_set_new(o, "category", json_of(file->category));
	json_object_set_new(o, "mime_type", json_of(file->mime_type));
	json_object_add_text(o, "extension", file->extension);
	json_object_set_new(o, "versions", json_of_integer(file->versions));
	json_object_set_new(o, "missing_since", json_of(file->missing_since));
	json_object_set_new(o, "version", json_of_integer(file->version));
	return o;
}

json_t *json_of_client(const sr_client *client)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_of_id(&client->id));
	json_object_add_text(o, "name", client->name);
	json_object_set_new(o, "last_seen", json_of(client->last_seen));
	json_object_set_new(o, "public_key", json_of_blob(client->public_key));
	return o;
}

json_t *json_of_version(const sr_file_version *version)
{
	json_t *o = json_object();

	json_object_set_new(o, "version", json_of_integer(version->number));
	json_object_set_new(o, "id", json_of_integer(version->id));
	json_object_add_text(o, "path", version->path);
	json_object_set_new(o, "size", json_of_integer(version->size));
	json_object_add_text(o, "date", version->date);
	json_object_set_new(o, "crc", json_of_integer(version->crc));
	json_object_set_new(o, "hash", json_of(version->hash));
	json_object_set_new(o, "created", json_of(version->created));
	json_object_set_new(o, "active", json_boolean(version->active));
	json_object_set_new(o, "parent", json_of_integer(version->parent));
	json_object_set_new(o, "pinned", json_boolean(version->pinned));
	return o;
}

/* Whether the character at text is to be written as \uXXXX: one that stands for bytes that are no
 * UTF-8, and those that drive a terminal, of which JSON asks only for the first 32. Ends of lines
 * here are those of the document. */
static size_t is_escaped(const char *text, unsigned *character)
{
	if (strncmp(text, "\xef\xbf\xbd", 3) == 0) {
		*character = 0xfffd;
		return 3;
	}
	if ((unsigned char)*text >= ' ' && (unsigned char)*text < 0x7f)
		return 0;
	return *text == '\n' ? 0 : utf8_driving(text, character);
}

/* Takes text over. None of them may stand but inside a string, so they can be escaped blindly. */
static char *escape_some(char *text)
{
	char *escaped, *to;
	unsigned character;
	size_t extra = 0, length;

	for (const char *at = text; *at != '\0'; at++)
		extra += is_escaped(at, &character) > 0 ? 5 : 0;
	if (extra == 0)
		return text;
	escaped = to = must_alloc(strlen(text) + extra + 1);
	for (const char *at = text; *at != '\0'; at += length) {
		if ((length = is_escaped(at, &character)) > 0)
			to += sprintf(to, "\\u%04x", character);
		else
			*to++ = at[length++];
	}
	free(text);
	return escaped;
}

/* Digits at which every real of the document reads back as it is: 15 where that is enough. */
static size_t digits_of(json_t *value)
{
	size_t most = 15;
	json_t *part;
	const char *key;
	size_t i;

	if (json_is_real(value)) {
		char text[32];

		for (; most < 17; most++) {
			snprintf(text, sizeof(text), "%.*g", (int)most, json_real_value(value));
			if (strtod(text, NULL) == json_real_value(value))
				break;
		}
	}
	json_array_foreach(value, i, part)
	{
		const size_t digits = digits_of(part);

		most = digits > most ? digits : most;
	}
	json_object_foreach(value, key, part)
	{
		const size_t digits = digits_of(part);

		most = digits > most ? digits : most;
	}
	return most;
}

static char *dump(json_t *value, size_t flags)
{
	const size_t digits = JSON_REAL_PRECISION(digits_of(value));

	return escape_some(must_have(json_dumps(value, flags | digits | JSON_ENCODE_ANY)));
}

char *json_line(json_t *value)
{
	return dump(value, 0);
}

char *json_pretty(json_t *value)
{
	return dump(value, JSON_INDENT(2));
}
