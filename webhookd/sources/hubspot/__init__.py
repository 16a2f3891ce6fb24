"""HubSpot's CRM API as a source.

Start reading at `object_reader` (one poll of one type of object) and what it consists of:
`first_read` (everything that is there), `sweeps` (what changed), `archive` (what was deleted),
`property_catch_up` (properties that are asked for the first time). Below them is `answers`:
`pages` (pages become observations), `batch_reads` (records by their ids), `api` (endpoints, limits
and errors) and `responses` (what they answer). `factory` puts them together with what every API has
in `sources.polling`: when it is polled, how many requests it may see, and what is committed.
"""
