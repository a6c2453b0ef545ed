from server.database import DatabaseManager

# Initialize with enhanced features (backward compatible)
db = DatabaseManager()  # Connection pooling enabled by default
db.init_database()     # Applies migrations automatically

# All existing methods work unchanged
stats = db.get_database_stats()
clients = db.get_all_clients()
