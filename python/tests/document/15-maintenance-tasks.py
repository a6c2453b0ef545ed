# Database optimization (run weekly)
results = db.optimize_database()
if results['space_saved_mb'] > 0:
    logger.info(f"Database optimized, saved {results['space_saved_mb']} MB")

# Backup creation (run daily)
backup_path = db.backup_database_to_file()
logger.info(f"Database backup created: {backup_path}")

# Connection pool cleanup (shutdown)
db.cleanup_connection_pool()
