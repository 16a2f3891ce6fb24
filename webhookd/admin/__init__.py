"""The admin API: health and metrics for machines, `/v1` for the command line.

`application` holds the routes, `asking` turns what is asked into values, `guard` says who may ask,
`listening` where it listens, `description` is its OpenAPI document.
"""
