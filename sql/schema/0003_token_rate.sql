-- How many calls a token may make per minute; NULL: as many as its users' own limits let through.
ALTER TABLE api_token ADD COLUMN calls_per_minute INTEGER CHECK (calls_per_minute > 0);

PRAGMA user_version = 3;
