"""Drop directories: claim a file, read it once, take its rows, put it away.

`drop_directory` is the source, `folders` its folders, `ingest` takes one file, `snapshot` compares
a whole list with what is known.
"""
