# Advanced storage analytics
storage_stats = db.get_storage_statistics()
print(f"Database size: {storage_stats['database_info']['file_size_mb']} MB")
print(f"Total storage: {storage_stats['storage_info']['total_size_mb']} MB")

# Database health monitoring
health = db.get_database_health()
print(f"Integrity: {health['integrity_check']}")
print(f"Connection pool: {health['connection_pool_healthy']}")

# Advanced file search
results = db.search_files_advanced(
    search_term="backup",
    client_name="testuser", 
    verified_only=True,
    min_size=1024
)

# Database maintenance
optimization = db.optimize_database()
print(f"Space saved: {optimization['space_saved_mb']} MB")
