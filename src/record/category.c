#include <string.h>

#include "types.h"

/* The beginnings of MIME types, and the category that each belongs to; the first that fits. */
static const struct {
	const char *prefix;
	const char *category;
} by_type[] = {
	{"image/", "image"},
	{"text/", "document"},
	{"message/", "document"},
	{"application/pdf", "document"},
	{"application/postscript", "document"},
	{"application/rtf", "document"},
	{"application/epub", "document"},
	{"application/json", "document"},
	{"application/xml", "document"},
	{"application/xhtml", "document"},
	{"application/toml", "document"},
	{"application/yaml", "document"},
	{"application/x-yaml", "document"},
	{"application/msword", "document"},
	{"application/vnd.oasis.opendocument", "document"},
	{"application/vnd.openxmlformats", "document"},
	{"application/vnd.ms-", "document"},
	{"application/vnd.apple.", "document"},
	{"application/x-troff-man", "document"},
	{"application/x-abiword", "document"},
	{"application/x-gnumeric", "document"},
	{"application/x-trash", "backup"},
	{"application/sql", "backup"},
	{"application/zip", "backup"},
	{"application/zstd", "backup"},
	{"application/gzip", "backup"},
	{"application/x-gzip", "backup"},
	{"application/x-bzip", "backup"},
	{"application/x-xz", "backup"},
	{"application/x-lz", "backup"},
	{"application/x-7z", "backup"},
	{"application/x-tar", "backup"},
	{"application/x-compress", "backup"},
	{"application/x-zstd", "backup"},
	{"application/x-cpio", "backup"},
	{"application/x-archive", "backup"},
	{"application/x-cd-image", "backup"},
	{"application/x-raw-disk-image", "backup"},
	{"application/x-qemu-disk", "backup"},
	{"application/vnd.rar", "backup"},
	{"application/vnd.sqlite3", "backup"},
};

/* Extensions that tell more than the type, or where there is none. */
static const struct {
	const char *extension;
	const char *category;
} by_extension[] = {
	{"bak", "backup"},   {"old", "backup"},   {"orig", "backup"},   {"dump", "backup"},
	{"sql", "backup"},   {"db", "backup"},    {"sqlite", "backup"}, {"tar", "backup"},
	{"tgz", "backup"},   {"doc", "document"}, {"docx", "document"}, {"odt", "document"},
	{"pdf", "document"}, {"txt", "document"}, {"jpg", "image"},     {"jpeg", "image"},
	{"png", "image"},
};

const char *sr_category_of(const char *mime_type, const char *extension)
{
	for (size_t i = 0; mime_type != NULL && i < sizeof(by_type) / sizeof(by_type[0]); i++)
		if (strncmp(mime_type, by_type[i].prefix, strlen(by_type[i].prefix)) == 0)
			return by_type[i].category;
	for (size_t i = 0; i < sizeof(by_extension) / sizeof(by_extension[0]); i++)
		if (strcmp(extension, by_extension[i].extension) == 0)
			return by_extension[i].category;
	return "other";
}
