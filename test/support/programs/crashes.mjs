console.error("crashes: no database at db:5432");
process.exitCode = 3;
