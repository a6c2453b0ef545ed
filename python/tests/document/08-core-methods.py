# Database initialization
init_database()                    # Initialize schema + apply migrations
execute(query, params, ...)        # Execute SQL with enhanced connection handling

# Client management
save_client_to_db(client_id, name, public_key, aes_key)
get_client_by_id(client_id)
get_client_by_name(name)
get_all_clients()

# File management  
save_file_info_to_db(client_id, file_name, path_name, verified, file_size, mod_date, crc)
get_files_for_client(client_id)
get_all_files()
delete_file(client_id, filename)

# Statistics
get_database_stats()              # Basic client/file counts
get_total_clients_count()
get_total_bytes_transferred()
