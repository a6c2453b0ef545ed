try:
    db.init_database()
except ServerError as e:
    logger.critical(f"Critical database error: {e}")
    # Handle startup failure
except Exception as e:
    logger.error(f"Database initialization error: {e}")
    # Continue with degraded functionality
