"""HubSpot's CRM API as a source.

Start reading at `polling` (the source: which polls there are, and when), then `reading` (one poll
of one type of object) and what it consists of: `listing` (the first read), `sweeps` (what changed),
`archive` (what was deleted), `takeover` (properties that are asked for the first time). Below
them are `fetching` (pages become observations), `api` (requests), `budget` (how many of them)
and `refusals` (what an error means).
"""
