"""Lists (segments) of a HubSpot account as properties of their members: `lists.NAME` is true.

Start at `all_lists` (the lists of one type of object, at every poll) and `list_reader` (one of
them). `memberships` gives every observation its lists on its way to the database, and asks about
records that were modified; `list_troubles` remembers which lists rest. Below them are `list_api`
(requests, and answers taken apart) and `list_cursor` (how far a list has been read).

    joined a list    join order of the list ─┐
                     pass over all members  ─┼─► table of members ─► observation of the record
    left it, joined  record was modified    ─┘         (both in one transaction)

The table of members is the truth about every record: whatever reads a record asks the table and not
HubSpot, so that one way of reading never undoes what another found.
"""
