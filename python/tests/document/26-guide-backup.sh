   cp defensive.db defensive.db.backup
