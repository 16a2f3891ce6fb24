"""What webhookd answers, as frozen values: one truth for programs, documents and the command line.

The operations make these views of what they find. `json_writer` writes them as JSON, `json_reader`
makes them of JSON again, and the admin API's OpenAPI description is made of their fields: a field's
type and the text below it are what the description says. A field that is added needs a default, so
that the answer of an older daemon, which lacks it, can be read.
"""
