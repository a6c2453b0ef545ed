# In config.py or environment
DATABASE_NAME = "defensive.db"
FILE_STORAGE_DIR = "received_files"

# Connection pool settings
CONNECTION_POOL_SIZE = 5
CONNECTION_TIMEOUT = 30.0
