"""Where state lives: the database, its tables and migrations, and the files beside it."""
