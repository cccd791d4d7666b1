"""Joins the connections of two points in DuckDB, as crosscap does: by both initial sequence numbers, else by one of
them and the client's port. A key that two connections of a point share joins nothing.

    duckdb_join.py FOLDER THREADS

Reads a.csv and b.csv in FOLDER, writes the pairs to both.csv and one.csv, and tells seconds.
"""

import sys
import time

import duckdb

COLUMNS = """{'connection': 'UINTEGER', 'orig_addr': 'VARCHAR', 'orig_port': 'USMALLINT', 'resp_addr': 'VARCHAR',
'resp_port': 'USMALLINT', 'orig_isn': 'UINTEGER', 'resp_isn': 'UINTEGER'}"""

BOTH = """
CREATE TABLE both_pairs AS
WITH one_of_a AS (SELECT orig_isn, resp_isn, any_value(connection) AS a FROM a
                  WHERE orig_isn IS NOT NULL AND resp_isn IS NOT NULL GROUP BY ALL HAVING count(*) = 1),
     one_of_b AS (SELECT orig_isn, resp_isn, any_value(connection) AS b FROM b
                  WHERE orig_isn IS NOT NULL AND resp_isn IS NOT NULL GROUP BY ALL HAVING count(*) = 1)
SELECT a, b FROM one_of_a JOIN one_of_b USING (orig_isn, resp_isn)
"""

ONE = """
CREATE TABLE one_pairs AS
WITH pairs AS (
    SELECT a.connection AS a, b.connection AS b FROM a JOIN b USING (orig_isn, orig_port)
    WHERE a.resp_isn IS NULL OR b.resp_isn IS NULL
    UNION
    SELECT a.connection AS a, b.connection AS b FROM a JOIN b USING (resp_isn, orig_port)
    WHERE a.orig_isn IS NULL OR b.orig_isn IS NULL)
SELECT a, b FROM pairs
QUALIFY count(*) OVER (PARTITION BY a) = 1 AND count(*) OVER (PARTITION BY b) = 1
"""


def main(folder, threads):
    database = duckdb.connect()
    database.execute(f"SET threads = {int(threads)}")
    begin = time.perf_counter()
    for table in "ab":
        database.execute(
            f"CREATE TABLE {table} AS SELECT * FROM read_csv('{folder}/{table}.csv', header = true, columns = {COLUMNS})"
        )
    loaded = time.perf_counter()
    database.execute(BOTH)
    database.execute(ONE)
    joined = time.perf_counter()
    for name in ("both", "one"):
        database.execute(f"COPY {name}_pairs TO '{folder}/{name}.csv' (HEADER false)")
    print("load", loaded - begin)
    print("join", joined - loaded)


if __name__ == "__main__":
    main(*sys.argv[1:])
