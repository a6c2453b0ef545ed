#include "walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/text.h"
#include "listing.h"

/* Folders above the current one that stay open. */
#define OPEN_LEVELS 32

typedef struct level {
	int fd;            /* -1 while it is too far up. */
	dev_t device;      /* Which folder it is, */
	ino_t inode;       /* to know it again on the way up. */
	size_t path;       /* Length of its path, without a slash at the end. */
	size_t next;       /* The entry to be met next. */
	sr_listing inside; /* Its entries. */
} level;

struct sr_walk {
	const sr_excludes *excludes;
	bool one_file_system;
	bool begun;
	dev_t device;   /* The root's. */
	sr_buffer root; /* As given. */
	sr_buffer path; /* Of what was met. */
	level *levels;  /* From the root down. */
	size_t depth;   /* Levels in use. */
	size_t capacity;
	sr_met met;
};

sr_status sr_walk_new(sr_walk **walk, const char *root, const sr_excludes *excludes,
		      bool one_file_system)
{
	sr_walk *made = calloc(1, sizeof(*made));

	*walk = NULL;
	if (made == NULL)
		return sr_fail_memory();
	made->excludes = excludes;
	made->one_file_system = one_file_system;
	sr_buffer_add_string(&made->root, root);
	if (sr_buffer_status(&made->root) != SR_OK) {
		sr_walk_free(made);
		return sr_fail_memory();
	}
	*walk = made;
	return SR_OK;
}

static void leave(sr_walk *walk)
{
	level *top = &walk->levels[--walk->depth];

	if (top->fd >= 0)
		close(top->fd);
	sr_listing_free(&top->inside);
}

void sr_walk_free(sr_walk *walk)
{
	if (walk == NULL)
		return;
	while (walk->depth > 0)
		leave(walk);
	free(walk->levels);
	sr_buffer_free(&walk->path);
	sr_buffer_free(&walk->root);
	free(walk);
}

static const sr_met *meet(sr_walk *walk, sr_met_kind kind)
{
	walk->met.kind = kind;
	walk->met.path = sr_buffer_text(&walk->path);
	return &walk->met;
}

static const sr_met *meet_failure(sr_walk *walk, const char *why)
{
	snprintf(walk->met.why, sizeof(walk->met.why), "%s", why);
	return meet(walk, SR_MET_FAILED);
}

/* What an errno says, in words. */
static const sr_met *meet_errno(sr_walk *walk, int error)
{
	char space[128];

	if (error == ENOENT)
		return meet_failure(walk, "is not there");
	return meet_failure(walk, strerror_r(error, space, sizeof(space)));
}

static sr_status make_room(sr_walk *walk)
{
	size_t capacity = walk->capacity ? walk->capacity * 2 : 16;
	level *levels;

	if (walk->depth < walk->capacity)
		return SR_OK;
	if ((levels = reallocarray(walk->levels, capacity, sizeof(*levels))) == NULL)
		return sr_fail_memory();
	walk->levels = levels;
	walk->capacity = capacity;
	return SR_OK;
}

/* Goes down into the folder `name` of `folder`, which walk->path names. What keeps it out is met
 * as failed, or as excluded where it is another file system. */
static sr_status enter(sr_walk *walk, int folder, const char *name, const sr_met **met)
{
	level down = {.path = walk->path.length};
	struct stat st;
	sr_status rc;

	down.fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (down.fd < 0) {
		*met = meet_errno(walk, errno);
		return SR_OK;
	}
	if (fstat(down.fd, &st) != 0) {
		*met = meet_errno(walk, errno);
		close(down.fd);
		return SR_OK;
	}
	if (walk->depth == 0)
		walk->device = st.st_dev;
	if (walk->one_file_system && st.st_dev != walk->device) {
		*met = meet(walk, SR_MET_EXCLUDED);
		close(down.fd);
		return SR_OK;
	}
	down.device = st.st_dev;
	down.inode = st.st_ino;
	if ((rc = make_room(walk)) == SR_OK &&
	    (rc = sr_listing_read(&down.inside, down.fd)) == SR_OK) {
		walk->levels[walk->depth++] = down;
		if (walk->depth > OPEN_LEVELS) {
			level *far = &walk->levels[walk->depth - 1 - OPEN_LEVELS];

			close(far->fd);
			far->fd = -1;
		}
		return SR_OK;
	}
	close(down.fd);
	if (rc == SR_NO_MEMORY)
		return rc;
	*met = meet_failure(walk, sr_error_message());
	return SR_OK;
}

/* Goes up from a folder that is done. */
static void go_up(sr_walk *walk, const sr_met **met)
{
	level *top = &walk->levels[walk->depth - 1];
	level *above = walk->depth > 1 ? top - 1 : NULL;
	struct stat st;

	if (above != NULL && above->fd < 0) {
		above->fd = openat(top->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (above->fd < 0 || fstat(above->fd, &st) != 0 || st.st_dev != above->device ||
		    st.st_ino != above->inode) {
			/* Somebody moved it; every folder further up is out of reach with it. */
			walk->path.length = above->path;
			*met = meet_failure(walk, "was moved while it was walked; the rest of it "
						  "and of the folders above is left out");
			while (walk->depth > 0)
				leave(walk);
			return;
		}
	}
	leave(walk);
}

/* The root itself: a folder, or a file alone. */
static sr_status begin(sr_walk *walk, const sr_met **met)
{
	struct stat *st = &walk->met.stat;
	const char *root = walk->root.data;

	walk->begun = true;
	sr_buffer_add_string(&walk->path, root);
	if (sr_buffer_status(&walk->path) != SR_OK)
		return SR_NO_MEMORY;
	walk->met.folder = AT_FDCWD;
	walk->met.name = root;
	if (lstat(root, st) != 0) {
		*met = meet_errno(walk, errno);
		return SR_OK;
	}
	if (S_ISREG(st->st_mode)) {
		*met = meet(walk, SR_MET_FILE);
		return SR_OK;
	}
	if (!S_ISDIR(st->st_mode)) {
		*met = meet_failure(walk, S_ISLNK(st->st_mode) ? "is a symbolic link"
							       : "is neither a file nor a folder");
		return SR_OK;
	}
	/* "/" is the one path that ends in a slash; below it that would make two. */
	if (walk->path.length == 1)
		walk->path.length = 0;
	return enter(walk, AT_FDCWD, root, met);
}

/* The next entry of the lowest folder, which has one. */
static sr_status next_entry(sr_walk *walk, const sr_met **met)
{
	level *top = &walk->levels[walk->depth - 1];
	bool folder = top->inside.entries[top->next].folder;
	const char *name = sr_listing_name(&top->inside, top->next++);
	struct stat *st = &walk->met.stat;
	sr_status rc;

	walk->path.length = top->path;
	sr_buffer_add(&walk->path, "/", 1);
	sr_buffer_add_string(&walk->path, name);
	if ((rc = sr_buffer_status(&walk->path)) != SR_OK)
		return rc;
	walk->met.folder = top->fd;
	walk->met.name = name;
	if (sr_excluded(walk->excludes, walk->path.data, folder))
		*met = meet(walk, SR_MET_EXCLUDED);
	else if (fstatat(top->fd, name, st, AT_SYMLINK_NOFOLLOW) != 0)
		*met = meet_errno(walk, errno);
	else if (S_ISREG(st->st_mode))
		*met = meet(walk, SR_MET_FILE);
	else if (!S_ISDIR(st->st_mode))
		*met = meet(walk, SR_MET_SPECIAL);
	else if (!folder)
		*met = meet_failure(walk, "became a folder while it was walked");
	else
		return enter(walk, top->fd, name, met);
	return SR_OK;
}

sr_status sr_walk_next(sr_walk *walk, const sr_met **met)
{
	sr_status rc = SR_OK;

	*met = NULL;
	if (!walk->begun)
		rc = begin(walk, met);
	while (rc == SR_OK && *met == NULL && walk->depth > 0) {
		const level *top = &walk->levels[walk->depth - 1];

		if (top->next == top->inside.count)
			go_up(walk, met);
		else
			rc = next_entry(walk, met);
	}
	return rc;
}
