from server.database_migrations import migrate_database
migrate_database()
