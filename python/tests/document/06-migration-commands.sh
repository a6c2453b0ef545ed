# Check status
python src/server/database_migrations.py

# Apply migrations
python src/server/database_migrations.py migrate
