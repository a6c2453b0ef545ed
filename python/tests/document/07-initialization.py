DatabaseManager(db_name=None, use_pool=True)
