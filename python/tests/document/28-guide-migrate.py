   from server.database_migrations import migrate_database
   success = migrate_database()
