# Check pool health
health = db.get_database_health()
pool_healthy = health['connection_pool_healthy']

# Pool statistics in storage stats
stats = db.get_storage_statistics()
pool_enabled = stats['database_info']['connection_pool_enabled']
pool_size = stats['database_info']['pool_size']
