   health = db.get_database_health()
   assert health['integrity_check'] == True
