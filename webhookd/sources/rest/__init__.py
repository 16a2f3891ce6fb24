"""Any JSON API as a source, by what its definition says of it.

Start reading at `rest_reader` (one poll of one type of object) and what it consists of:
`detection`, with `time_sweeps` (what was modified since), `one_instant`, `token_walks` (what
changed since a token), `details` and `unchanged_lists`; `passes` (the whole list); `proofs` (that
the API does what the definition says); and `deletions`, with `absences` (what the whole list lacks)
and `deleted_list`.
Below them are `asking`: `list_pages`, `one` (a single record), `composed_requests` and `rest_api`;
and `answers`: `rest_rows`, `links` and `meaning`. `rest_factory` puts them together with what every
API has in `sources.polling`.
"""
