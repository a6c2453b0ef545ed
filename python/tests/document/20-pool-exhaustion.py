db = DatabaseManager(use_pool=True)  # Pool enabled
# Or increase pool size in DatabaseConnectionPool.__init__
