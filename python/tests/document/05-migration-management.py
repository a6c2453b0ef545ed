from server.database_migrations import DatabaseMigrationManager

# Check migration status
manager = DatabaseMigrationManager()
status = manager.get_migration_status()
print(f"Current version: {status['current_version']}/{status['latest_version']}")

# Apply all pending migrations
success = manager.migrate_to_latest()

# Apply specific migration
migration = manager.migrations[0]  # Performance indexes
manager.apply_migration(migration)
