"""How records end at HubSpot: archived, merged into others, or gone for good.

`archive` reads the list of what is archived, `merges` follows records that say what was merged into
them, `erasures` compares the whole list with what is known. All of them believe only what a read by
ids confirms.
"""
