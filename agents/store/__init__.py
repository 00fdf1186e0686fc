"""What was seen, forecast and learned, as rows: MySQL or MariaDB (aiomysql), SQLite (aiosqlite) as the default."""
