"""The admin API: health and metrics for machines, `/v1` for the command line.

`application` holds the routes, `parameters` turns what is asked into values, `guard` says who may
ask, `listener` where it listens, `description` is its OpenAPI document; what it says of answers is
made of the views by `view_schemas`.
"""
