# Pool settings (in DatabaseConnectionPool)
pool_size = 5           # Number of connections
timeout = 30.0          # Connection timeout
