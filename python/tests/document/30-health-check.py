# Health check endpoint
def health_check():
    db_health = db.get_database_health()
    storage_stats = db.get_storage_statistics()
    
    return {
        'database_healthy': db_health['integrity_check'],
        'connection_pool_ok': db_health['connection_pool_healthy'],
        'database_size_mb': storage_stats['database_info']['file_size_mb'],
        'total_clients': storage_stats['client_stats']['total_clients'],
        'total_files': storage_stats['file_stats']['total_files']
    }
