   # No code changes needed - enhanced features work automatically
   db = DatabaseManager()  # Now has connection pooling + new features
