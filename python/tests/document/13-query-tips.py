# Use indexed columns in WHERE clauses
results = db.execute("SELECT * FROM files WHERE ClientID = ?", (client_id,))

# Use composite indexes for multi-column queries
results = db.execute("SELECT * FROM files WHERE ClientID = ? AND Verified = 1", 
                     (client_id,))

# Use LIMIT for large result sets
results = db.execute("SELECT * FROM files ORDER BY ModificationDate DESC LIMIT 100")
