#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	abort();
}

static void *more(void *memory, size_t count, size_t size)
{
	void *larger = realloc(memory, (count ? count : 1) * size);

	if (larger == NULL)
		die("memory");
	return larger;
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		die("memory");
	return copy;
}

static unsigned char *copy_bytes(const void *bytes, size_t length)
{
	unsigned char *copy = more(NULL, length, 1);

	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

/* ---- Names ---- */

static size_t names_seek(const disk_names *n, int folder, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->names[i].folder == folder && strcmp(n->names[i].name, name) == 0)
			return i;
	return n->count;
}

static void names_remove(disk_names *n, int folder, const char *name)
{
	size_t i = names_seek(n, folder, name);

	if (i == n->count)
		return;
	free(n->names[i].name);
	n->names[i] = n->names[--n->count];
}

static void names_put(disk_names *n, int folder, const char *name, int node)
{
	names_remove(n, folder, name);
	if (n->count == n->room)
		n->names = more(n->names, n->room = n->room * 2 + 8, sizeof(*n->names));
	n->names[n->count++] = (disk_name){folder, copy_text(name), node};
}

static void names_copy(disk_names *to, const disk_names *from)
{
	*to = (disk_names){0};
	for (size_t i = 0; i < from->count; i++)
		names_put(to, from->names[i].folder, from->names[i].name, from->names[i].node);
}

static void names_free(disk_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->names[i].name);
	free(n->names);
	*n = (disk_names){0};
}

/* ---- Bytes of a file ---- */

typedef struct content {
	unsigned char *bytes;
	size_t length;
	size_t room;
} content;

static void content_resize(content *c, size_t length)
{
	if (length > c->room)
		c->bytes = more(c->bytes, c->room = length + length / 2 + 64, 1);
	if (length > c->length)
		memset(c->bytes + c->length, 0, length - c->length);
	c->length = length;
}

static void content_put(content *c, size_t at, const unsigned char *bytes, size_t length)
{
	if (at + length > c->length)
		content_resize(c, at + length);
	memcpy(c->bytes + at, bytes, length);
}

/* ---- The record ---- */

void disk_free(disk *d)
{
	for (size_t i = 0; i < d->node_count; i++) {
		free(d->nodes[i].base);
		free(d->nodes[i].now);
	}
	for (size_t i = 0; i < d->op_count; i++) {
		free(d->ops[i].name);
		free(d->ops[i].to);
		free(d->ops[i].bytes);
	}
	names_free(&d->base);
	names_free(&d->now);
	free(d->nodes);
	free(d->ops);
	*d = (disk){0};
}

int disk_node_add(disk *d, bool folder, const unsigned char *bytes, size_t length)
{
	disk_node node = {
		.folder = folder, .base_length = length, .length = length, .room = length};

	if (!folder) {
		node.base = copy_bytes(bytes, length);
		node.now = copy_bytes(bytes, length);
	}
	d->nodes = more(d->nodes, d->node_count + 1, sizeof(*d->nodes));
	d->nodes[d->node_count] = node;
	return (int)d->node_count++;
}

void disk_name_base(disk *d, int folder, const char *name, int node)
{
	names_put(&d->base, folder, name, node);
	names_put(&d->now, folder, name, node);
}

int disk_find(const disk *d, int folder, const char *name)
{
	size_t i = names_seek(&d->now, folder, name);

	return i < d->now.count ? d->now.names[i].node : -1;
}

static disk_op *op_add(disk *d, disk_kind kind, int node)
{
	disk_op *op;

	if (d->op_count == d->op_room)
		d->ops = more(d->ops, d->op_room = d->op_room * 2 + 256, sizeof(*d->ops));
	op = &d->ops[d->op_count++];
	*op = (disk_op){.kind = kind, .node = node};
	return op;
}

void disk_write(disk *d, int node, int64_t at, const void *bytes, size_t length)
{
	disk_op *op = op_add(d, DISK_WRITE, node);
	disk_node *n = &d->nodes[node];
	content c = {n->now, n->length, n->room};

	op->at = at;
	op->length = length;
	op->bytes = copy_bytes(bytes, length);
	content_put(&c, (size_t)at, op->bytes, length);
	n->now = c.bytes;
	n->length = c.length;
	n->room = c.room;
}

void disk_truncate(disk *d, int node, int64_t length)
{
	disk_op *op = op_add(d, DISK_TRUNCATE, node);
	disk_node *n = &d->nodes[node];
	content c = {n->now, n->length, n->room};

	op->at = length;
	content_resize(&c, (size_t)length);
	n->now = c.bytes;
	n->length = c.length;
	n->room = c.room;
}

void disk_sync(disk *d, int node)
{
	op_add(d, DISK_SYNC, node);
}

void disk_link(disk *d, int folder, const char *name, int node)
{
	disk_op *op = op_add(d, DISK_LINK, folder);

	op->name = copy_text(name);
	op->file = node;
	names_put(&d->now, folder, name, node);
}

void disk_unlink(disk *d, int folder, const char *name)
{
	disk_op *op = op_add(d, DISK_UNLINK, folder);

	op->name = copy_text(name);
	op->file = disk_find(d, folder, name);
	names_remove(&d->now, folder, name);
}

void disk_rename(disk *d, int folder, const char *name, int to_folder, const char *to)
{
	disk_op *op = op_add(d, DISK_RENAME, folder);

	op->name = copy_text(name);
	op->folder = to_folder;
	op->to = copy_text(to);
	op->file = disk_find(d, folder, name);
	names_remove(&d->now, folder, name);
	names_put(&d->now, to_folder, to, op->file);
}

void disk_mark(disk *d, int64_t number)
{
	op_add(d, DISK_MARK, 0)->at = number;
}

/* ---- What is uncertain ---- */

/* For each node the operations before which all is durable; a caller frees it. */
static size_t *durable_before(const disk *d, size_t point)
{
	size_t *before = calloc(d->node_count ? d->node_count : 1, sizeof(*before));

	if (before == NULL)
		die("memory");
	for (size_t i = 0; i < point; i++)
		if (d->ops[i].kind == DISK_SYNC)
			before[d->ops[i].node] = i;
	return before;
}

static bool is_durable(const disk_op *op, size_t i, const size_t *before)
{
	if (op->kind == DISK_SYNC || op->kind == DISK_MARK)
		return true;
	/* Of a rename between folders, one that was brought to the disk brings the other. */
	return i < before[op->node] || (op->kind == DISK_RENAME && i < before[op->folder]);
}

size_t disk_uncertain(const disk *d, size_t point, disk_unit **units)
{
	size_t *before = durable_before(d, point);
	size_t count = 0, room = 0;

	*units = NULL;
	for (size_t i = 0; i < point; i++) {
		const disk_op *op = &d->ops[i];
		size_t from = 0;

		if (is_durable(op, i, before))
			continue;
		do {
			size_t to = op->length;

			if (op->kind == DISK_WRITE) {
				size_t sector = ((size_t)op->at + from) / DISK_SECTOR + 1;

				to = sector * DISK_SECTOR - (size_t)op->at;
				to = to < op->length ? to : op->length;
			}
			if (count == room)
				*units = more(*units, room = room * 2 + 64, sizeof(**units));
			(*units)[count++] = (disk_unit){i, from, to};
			from = to;
		} while (from < op->length);
	}
	free(before);
	return count;
}

/* ---- Images ---- */

/* What was on the disk before: the same noise for the same place. */
static void noise(unsigned char *bytes, size_t length, uint64_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		bytes[i] = (unsigned char)(seed >> 56);
	}
}

static void unit_write(content *c, const disk_op *op, const disk_unit *unit, disk_fate fate)
{
	size_t half = unit->from + (unit->to - unit->from + 1) / 2;
	size_t from = fate == DISK_TAIL ? half : unit->from;
	size_t to = fate == DISK_HEAD ? half : unit->to;
	size_t end = (size_t)op->at + unit->to, was = c->length;

	switch (fate) {
	case DISK_DONE:
	case DISK_HEAD:
	case DISK_TAIL:
		if (to > from)
			content_put(c, (size_t)op->at + from, op->bytes + from, to - from);
		break;
	case DISK_ZEROS:
	case DISK_NOISE:
		if (end <= was)
			break;
		content_resize(c, end);
		if (fate == DISK_NOISE)
			noise(c->bytes + was, end - was, end);
		break;
	default:
		break;
	}
}

static void names_do(disk_names *n, const disk_op *op)
{
	if (op->kind == DISK_LINK) {
		names_put(n, op->node, op->name, op->file);
	} else if (op->kind == DISK_UNLINK) {
		names_remove(n, op->node, op->name);
	} else {
		names_remove(n, op->node, op->name);
		names_put(n, op->folder, op->to, op->file);
	}
}

static void op_do(content *contents, disk_names *names, const disk_op *op, const disk_unit *unit,
		  disk_fate fate)
{
	if (op->kind == DISK_WRITE)
		unit_write(&contents[op->node], op, unit, fate);
	else if (op->kind == DISK_TRUNCATE && fate == DISK_DONE)
		content_resize(&contents[op->node], (size_t)op->at);
	else if (op->kind != DISK_TRUNCATE && fate == DISK_DONE)
		names_do(names, op);
}

static void add_folder(disk_image *image, const disk_names *names, content *contents, const disk *d,
		       int folder, const char *path)
{
	for (size_t i = 0; i < names->count; i++) {
		const disk_name *name = &names->names[i];
		disk_file file = {.folder = d->nodes[name->node].folder};
		char whole[4096];

		if (name->folder != folder)
			continue;
		snprintf(whole, sizeof(whole), "%s%s%s", path, path[0] ? "/" : "", name->name);
		file.path = copy_text(whole);
		if (!file.folder) {
			file.length = contents[name->node].length;
			file.bytes = copy_bytes(contents[name->node].bytes, file.length);
		}
		image->files = more(image->files, image->count + 1, sizeof(file));
		image->files[image->count++] = file;
		if (file.folder)
			add_folder(image, names, contents, d, name->node, whole);
	}
}

void disk_image_make(disk_image *image, const disk *d, size_t point, const disk_unit *units,
		     const unsigned char *fates, size_t count)
{
	content *contents = calloc(d->node_count ? d->node_count : 1, sizeof(*contents));
	disk_names names;
	size_t u = 0;

	if (contents == NULL)
		die("memory");
	names_copy(&names, &d->base);
	for (size_t i = 0; i < d->node_count; i++)
		if (!d->nodes[i].folder)
			content_put(&contents[i], 0, d->nodes[i].base, d->nodes[i].base_length);
	for (size_t i = 0; i < point; i++) {
		const disk_op *op = &d->ops[i];
		const disk_unit whole = {i, 0, op->length};

		if (op->kind == DISK_SYNC || op->kind == DISK_MARK)
			continue;
		if (fates == NULL || u == count || units[u].op != i)
			op_do(contents, &names, op, &whole, DISK_DONE);
		else
			for (; u < count && units[u].op == i; u++)
				op_do(contents, &names, op, &units[u], (disk_fate)fates[u]);
	}
	*image = (disk_image){0};
	add_folder(image, &names, contents, d, 0, "");
	for (size_t i = 0; i < d->node_count; i++)
		free(contents[i].bytes);
	free(contents);
	names_free(&names);
}

void disk_image_free(disk_image *image)
{
	for (size_t i = 0; i < image->count; i++) {
		free(image->files[i].path);
		free(image->files[i].bytes);
	}
	free(image->files);
	*image = (disk_image){0};
}

static uint64_t hash(uint64_t h, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;

	for (; length >= 8; length -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 29;
	}
	for (; length > 0; length--, p++)
		h = (h ^ *p) * UINT64_C(1099511628211);
	return h;
}

uint64_t disk_image_hash(const disk_image *image)
{
	uint64_t sum = 0;

	/* Names come in any order. */
	for (size_t i = 0; i < image->count; i++) {
		const disk_file *file = &image->files[i];
		uint64_t h = hash(1469598103934665603u, file->path, strlen(file->path) + 1);

		h = hash(h, &file->length, sizeof(file->length));
		sum += hash(h, file->bytes, file->length);
	}
	return sum;
}

static void write_file(const char *path, const unsigned char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || close(fd) != 0)
		die(path);
}

void disk_image_write(const disk_image *image, const char *folder)
{
	char path[8192];
	unsigned char index[1024];

	for (size_t i = 0; i < image->count; i++) {
		const disk_file *file = &image->files[i];
		size_t length = strlen(file->path);

		snprintf(path, sizeof(path), "%s/%s", folder, file->path);
		if (file->folder && mkdir(path, 0700) != 0)
			die(path);
		if (file->folder)
			continue;
		write_file(path, file->bytes, file->length);
		if (length < 4 || strcmp(file->path + length - 4, "-wal") != 0)
			continue;
		strcpy(path + strlen(path) - 4, "-shm");
		noise(index, sizeof(index), length);
		write_file(path, index, sizeof(index));
	}
}

/* ---- Words ---- */

static const char *name_of(const disk *d, int node)
{
	for (size_t i = 0; i < d->now.count; i++)
		if (d->now.names[i].node == node)
			return d->now.names[i].name;
	for (size_t i = d->op_count; i-- > 0;)
		if (d->ops[i].name && d->ops[i].file == node)
			return d->ops[i].name;
	return node == 0 ? "the folder" : "a file";
}

const char *disk_op_words(const disk *d, size_t op)
{
	static const char *const verbs[] = {"write",  "truncate", "sync", "link",
					    "unlink", "rename",   "mark"};
	static char words[512];
	const disk_op *o = &d->ops[op];

	if (o->name)
		snprintf(words, sizeof(words), "%s %s%s%s", verbs[o->kind], o->name,
			 o->to ? " to " : "", o->to ? o->to : "");
	else if (o->kind == DISK_MARK)
		snprintf(words, sizeof(words), "mark %lld", (long long)o->at);
	else
		snprintf(words, sizeof(words), "%s %s at %lld, %zu bytes", verbs[o->kind],
			 name_of(d, o->node), (long long)o->at, o->length);
	return words;
}
