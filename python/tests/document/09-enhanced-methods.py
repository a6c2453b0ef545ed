# Advanced search
search_files_advanced(
    search_term="",     # Search filename/path
    file_type="",       # File extension filter
    client_name="",     # Client name filter  
    date_from="",       # Start date (ISO format)
    date_to="",         # End date (ISO format)
    min_size=0,         # Minimum file size
    max_size=0,         # Maximum file size
    verified_only=False # Only verified files
)

# Storage analytics
get_storage_statistics()          # Comprehensive storage metrics
    Returns: {
        'database_info': {...},   # DB file size, pool status
        'storage_info': {...},    # Storage directory stats
        'client_stats': {...},    # Client analytics
        'file_stats': {...},     # File statistics
        'performance_info': {...} # Index and performance data
    }

# Database health
get_database_health()             # Health and integrity checks
    Returns: {
        'integrity_check': bool,      # Database integrity OK
        'foreign_key_check': bool,    # Foreign key constraints OK
        'table_count': int,           # Number of tables
        'index_count': int,           # Number of indexes
        'connection_pool_healthy': bool, # Pool operational
        'issues': []                  # List of problems found
    }

# Maintenance operations
optimize_database()               # VACUUM + ANALYZE operations
backup_database_to_file(backup_path=None)  # Create database backup
execute_many(query, param_list)   # Bulk operations
cleanup_connection_pool()         # Clean shutdown
