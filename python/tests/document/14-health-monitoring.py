# Regular health checks
health = db.get_database_health()
if not health['integrity_check']:
    logger.error("Database integrity issues detected!")
    
if health['issues']:
    logger.warning(f"Database issues: {health['issues']}")

# Storage monitoring
stats = db.get_storage_statistics()
db_size_mb = stats['database_info']['file_size_mb']
if db_size_mb > 100:  # Alert if database > 100MB
    logger.info(f"Database size: {db_size_mb} MB - consider optimization")
