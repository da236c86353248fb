# callee: sqlite3.connect
import sqlite3

with sqlite3.connect("shop.db") as connection:
    connection.execute("create table item (name text unique, price real)")
    connection.executemany("insert into item values (?, ?)", [("pen", 1.5), ("ink", 7.0), ("pad", 3.25)])
connection.row_factory = sqlite3.Row
print([tuple(row) for row in connection.execute("select * from item order by price desc")])
print(connection.execute("select sum(price) as total from item").fetchone()["total"], connection.total_changes)
try:
    connection.execute("insert into item values ('pen', 2)")
except sqlite3.IntegrityError as error:
    connection.rollback()
    print(error)
connection.create_function("double", 1, lambda x: 2 * x)
print(connection.execute("select double(price) from item where name = 'pad'").fetchone()[0])
memory = sqlite3.connect(":memory:")
connection.backup(memory)
connection.close()
print(memory.execute("select count(*) from item").fetchone(), sqlite3.threadsafety, list(memory.iterdump())[1])
