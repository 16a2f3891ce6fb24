"""Several daemons on one database: each looks after itself, and all after those that are gone.

There is no leader. What one daemon has is its by rows and locks of the database; what it must know
of the others it reads there every two seconds, and is mostly told at once.
"""
