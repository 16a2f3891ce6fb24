"""The steps from version to version, in the order of their numbers.

A step that says `is_expanding = True` only adds what no daemon of the version before minds, neither
while it runs nor afterwards: tables, columns that may be empty or have a default, indexes. It takes
no lock for longer than a moment. Whatever else a step does (a column that must be filled, a new
name, another type, rows written anew), it says nothing, and needs the database without daemons.

An index of a table that grows (`deliveries`, `attempts`, `known_records`, `changes`) takes as long
as the table is big, and is made by `op.create_index(..., if_not_exists=True)`: where that takes too
long beside daemons, the index can be made beforehand, by hand and CONCURRENTLY, and the step takes
it as it is. A step's transaction cannot do that, and with it all would not be all or nothing.
"""
