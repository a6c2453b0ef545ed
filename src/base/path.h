/* Paths as text: nothing here touches the file system but the working folder. */
#ifndef SR_PATH_H
#define SR_PATH_H

#include "buffer.h"

/* path made absolute against `base` (NULL: the working folder) and normalised: no ".", "..",
 * "//" or slash at the end; symbolic links stay as they are. Appended to out. */
sr_status sr_path_absolute(const char *base, sr_text path, sr_buffer *out);

/* The last part of a path: all of it where there is no slash. */
sr_text sr_path_name(sr_text path);

/* The folder a path is in: "" where there is no slash, "/" for what is right below it. */
sr_text sr_path_folder(sr_text path);

/* What of an absolute path lies below the folder, or NULL. Both are normalised. */
const char *sr_path_below(const char *path, const char *folder);

#endif
