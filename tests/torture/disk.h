/*
 * What was done to the files of a folder, in order, and every content that a disk may have after
 * the power went at some point of it.
 *
 * What is relied on of the disk, and of the system above it:
 *  1. What fsync or fdatasync of a file has said to be there is there: all that was written to the
 *     file before, and its length. What the fsync of a folder has said to be there is there: every
 *     name made, renamed and removed in it before. Nothing else is certain.
 *  2. A write changes no byte beside those that it names, also not in their sector ("powersafe
 *     overwrite", which SQLite relies on as well).
 *  3. A rename is one step: both of its names change, or neither.
 *
 * What is not relied on: that a sector is written whole or not at all (a half of it may be, either
 * one); that writes reach the disk in the order in which they were made, or folders before files;
 * that a file that became longer has anything sensible there: what did not arrive may be missing,
 * zeros, or whatever was on the disk before; that fsync of a new file makes its name durable.
 */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_SECTOR = 512 };

typedef enum disk_kind {
	DISK_WRITE,
	DISK_TRUNCATE,
	DISK_SYNC,   /* Of a file or of a folder. */
	DISK_LINK,   /* A name for a file, or for a new folder. */
	DISK_UNLINK, /* Of a folder too. */
	DISK_RENAME,
	DISK_MARK, /* Nothing was done: somebody was told something. */
} disk_kind;

typedef struct disk_op {
	disk_kind kind;
	int node;   /* The file, or the folder of the first name. */
	int folder; /* Of the second name of a rename. */
	int file;   /* That a link names, or that a rename moves. */
	char *name;
	char *to;
	int64_t at; /* Of a write; the length of a truncate; the number of a mark. */
	size_t length;
	unsigned char *bytes;
} disk_op;

/* A file or folder, and what it holds now. Folder 0 is the one that is recorded. */
typedef struct disk_node {
	bool folder;
	unsigned char *base; /* What it held when the record began. */
	size_t base_length;
	unsigned char *now;
	size_t length;
	size_t room;
} disk_node;

/* A name in a folder. */
typedef struct disk_name {
	int folder;
	char *name;
	int node;
} disk_name;

typedef struct disk_names {
	disk_name *names;
	size_t count;
	size_t room;
} disk_names;

typedef struct disk {
	disk_node *nodes;
	size_t node_count;
	disk_names base; /* When the record began, */
	disk_names now;
	disk_op *ops;
	size_t op_count;
	size_t op_room;
} disk;

/* ---- The record. Any failure ends the process. ---- */

void disk_free(disk *d);

/* A node that holds this; none of its bytes is still to come to the disk. */
int disk_node_add(disk *d, bool folder, const unsigned char *bytes, size_t length);
/* A name that was there from the beginning. */
void disk_name_base(disk *d, int folder, const char *name, int node);
int disk_find(const disk *d, int folder, const char *name); /* The node now; -1: no such name. */

void disk_write(disk *d, int node, int64_t at, const void *bytes, size_t length);
void disk_truncate(disk *d, int node, int64_t length);
void disk_sync(disk *d, int node);
void disk_link(disk *d, int folder, const char *name, int node);
void disk_unlink(disk *d, int folder, const char *name);
void disk_rename(disk *d, int folder, const char *name, int to_folder, const char *to);
void disk_mark(disk *d, int64_t number);

/* ---- What may be left of it ---- */

/* What became of a unit: one sector of a write, a truncate, a change of names. */
typedef enum disk_fate {
	DISK_LOST,
	DISK_DONE,
	DISK_HEAD,  /* Torn: the first half of the sector's bytes, */
	DISK_TAIL,  /* or the other. */
	DISK_ZEROS, /* Lost; where it made the file longer, that has become longer, with zeros, */
	DISK_NOISE, /* or with what was on the disk before. */
	DISK_FATES,
} disk_fate;

typedef struct disk_unit {
	size_t op;
	size_t from; /* Of a write's bytes. */
	size_t to;
} disk_unit;

/* What is uncertain when the power goes after the first `point` operations. The units are the
 * caller's to free. */
size_t disk_uncertain(const disk *d, size_t point, disk_unit **units);

/* Files and folders by their paths in the folder; a folder's bytes are null. */
typedef struct disk_file {
	char *path;
	bool folder;
	unsigned char *bytes;
	size_t length;
} disk_file;

typedef struct disk_image {
	disk_file *files; /* Folders before what is in them. */
	size_t count;
} disk_image;

/* The content after the first `point` operations of which the units had those fates; fates NULL:
 * everything was done, as after a kill of the process alone. */
void disk_image_make(disk_image *image, const disk *d, size_t point, const disk_unit *units,
		     const unsigned char *fates, size_t count);
void disk_image_free(disk_image *image);
uint64_t disk_image_hash(const disk_image *image);

/* Writes it into an empty folder, with noise beside each database for its log's index, which no
 * disk keeps. */
void disk_image_write(const disk_image *image, const char *folder);

/* The operation in words. Static. */
const char *disk_op_words(const disk *d, size_t op);

#endif
