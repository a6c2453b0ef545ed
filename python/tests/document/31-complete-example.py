from server.database import DatabaseManager
from server.database_migrations import migrate_database

# Initialize enhanced database
db = DatabaseManager(use_pool=True)
db.init_database()

# Apply performance migrations
migrate_database()

# Use new features
search_results = db.search_files_advanced(
    search_term="backup",
    client_name="testuser",
    verified_only=True,
    min_size=1024
)

# Monitor system health
health = db.get_database_health()
storage = db.get_storage_statistics()

print(f"Database healthy: {health['integrity_check']}")
print(f"Total storage: {storage['storage_info']['total_size_mb']} MB")
print(f"Search results: {len(search_results)} files found")

# Maintenance
optimization = db.optimize_database()
backup_path = db.backup_database_to_file()

print(f"Optimization saved: {optimization['space_saved_mb']} MB")
print(f"Backup created: {backup_path}")
