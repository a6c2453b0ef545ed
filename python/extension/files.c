/*
 * Files.
 */
#include "module.h"

PyObject *file_row(const sr_file *file)
{
	return row(25, from_id(&file->client_id), from_text(file->name), from_text(file->path),
		   from_text(file->original_path), from_integer(file->size), from_text(file->date),
		   from_integer(file->crc), from_text(file->hash), PyBool_FromLong(file->verified),
		   from_text(file->category), from_text(file->mime_type),
		   from_text(file->extension), from_integer(file->transfer_duration),
		   from_integer(file->transfer_speed), from_real(file->compression_ratio),
		   from_integer(file->modified_ns), from_integer(file->inode),
		   PyBool_FromLong(file->stored),
		   file->has_id ? from_id(&file->id) : from_string(NULL),
		   from_text(file->client_name), from_integer(file->versions),
		   from_integer(file->current_version), from_text(file->missing_since),
		   from_text(file->recorded_at), from_integer(file->version));
}

int files_setup(PyObject *module)
{
	return module_add_fields(module, "FILE_FIELDS",
				 "client_id name path original_path size date crc hash verified "
				 "category mime_type extension transfer_duration transfer_speed "
				 "compression_ratio modified_ns inode stored id client_name "
				 "versions current_version missing_since recorded_at version");
}
